//! `.Name`: a method first, then a field or a key, as in Go.

use std::sync::Arc;

use crate::error::CallError;
use crate::time_methods;
use crate::value::{Items, Value};

/// The method, field or key `name` of a value.
pub fn member(value: &Value, name: &str, args: &[Value]) -> Result<Value, CallError> {
    let found = match value {
        // No value has no members; Go goes on with no value.
        Value::Nil => return Ok(Value::Nil),
        Value::Object(object) => match object.member(name, args) {
            Some(result) => return result,
            None => match object.items() {
                Items::Map(map) if args.is_empty() => Some(Ok(map.get(name))),
                _ => None,
            },
        },
        Value::Map(map) if args.is_empty() => Some(Ok(map.get(name))),
        Value::Map(_) => {
            return Err(CallError::new(format!("{name} is not a method but has arguments")));
        }
        Value::Time(time) => time_methods::time_method(time, name, args),
        Value::Duration(nanos) => time_methods::duration_method(*nanos, name, args),
        Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::Safe(_)
        | Value::List(_) => None,
    };
    found.unwrap_or_else(|| {
        let type_name = value.type_name();
        Err(CallError::new(format!("can't evaluate field {name} in type {type_name}")))
    })
}

/// Roughly what a value costs by itself, what it shares with others left aside.
pub fn shallow_bytes(value: &Value) -> usize {
    let one = size_of::<Value>();
    match value {
        Value::String(text) | Value::Safe(text) if Arc::strong_count(text) == 1 => text.len(),
        Value::List(list) if Arc::strong_count(list) == 1 => size_of_val(list.items()),
        Value::Map(map) if Arc::strong_count(map) == 1 => map.entries().len() * 3 * one,
        _ => one,
    }
}
