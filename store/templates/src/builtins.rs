//! The functions that every Go template has.

use std::cmp::Ordering;
use std::fmt::Write;

use crate::bounded::bounded;
use crate::error::CallError;
use crate::functions::{CALL_BYTES_MAX, at_least, exactly, integer, text};
use crate::print;
use crate::printf;
use crate::value::{Items, Value};

type Builtin = fn(&[Value]) -> Result<Value, CallError>;

/// The built-in function of this name. `and` and `or` are the executor's own, for they do not
/// evaluate all their arguments.
pub fn find(name: &str) -> Option<Builtin> {
    let found: Builtin = match name {
        "and" | "or" => |_| Err(CallError::new("evaluated by the executor")),
        "call" => |_| Err(CallError::new("no function values here")),
        "eq" => eq,
        "ge" => |args| ordered(args, Ordering::is_ge),
        "gt" => |args| ordered(args, Ordering::is_gt),
        "html" => |args| {
            escaped(args, |c| match c {
                '"' => Some("&#34;"),
                '\'' => Some("&#39;"),
                '&' => Some("&amp;"),
                '<' => Some("&lt;"),
                '>' => Some("&gt;"),
                '\0' => Some("\u{fffd}"),
                _ => None,
            })
        },
        "index" => index,
        "js" => |args| Ok(Value::from(gotmpl::js_escape(&joined(args)?))),
        "le" => |args| ordered(args, Ordering::is_le),
        "len" => len,
        "lt" => |args| ordered(args, Ordering::is_lt),
        "ne" => |args| {
            let [_, _] = exactly::<2>(args)?;
            eq(args).map(|equal| Value::Bool(!equal.is_true()))
        },
        "not" => |args| exactly::<1>(args).map(|[value]| Value::Bool(!value.is_true())),
        "print" => |args| bounded(CALL_BYTES_MAX, |out| print::print(out, args)).map(Value::from),
        "println" => {
            |args| bounded(CALL_BYTES_MAX, |out| print::println(out, args)).map(Value::from)
        }
        "printf" => |args| {
            at_least(1, args)?;
            printf::sprintf(text(&args[0])?, &args[1..]).map(Value::from)
        },
        "slice" => slice,
        "urlquery" => |args| Ok(Value::from(gotmpl::url_encode(&joined(args)?))),
        _ => return None,
    };
    Some(found)
}

fn joined(args: &[Value]) -> Result<String, CallError> {
    bounded(CALL_BYTES_MAX, |out| match args {
        [one] => print::action(out, one),
        more => print::print(out, more),
    })
}

fn escaped(args: &[Value], escape: fn(char) -> Option<&'static str>) -> Result<Value, CallError> {
    let plain = joined(args)?;
    bounded(CALL_BYTES_MAX, |out| {
        plain.chars().try_for_each(|c| match escape(c) {
            Some(entity) => out.write_str(entity),
            None => out.write_char(c),
        })
    })
    .map(Value::from)
}

/// Go's basic kinds: values of different kinds do not compare.
#[derive(PartialEq)]
enum Kind<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(&'a str),
    Other,
}

fn kind(value: &Value) -> Kind<'_> {
    match value {
        Value::Nil => Kind::Nil,
        Value::Bool(value) => Kind::Bool(*value),
        Value::Int(value) | Value::Duration(value) => Kind::Int(*value),
        Value::Float(value) => Kind::Float(*value),
        Value::String(text) | Value::Safe(text) => Kind::String(text),
        Value::Object(object) => object.number().map_or(Kind::Other, Kind::Int),
        Value::List(_) | Value::Map(_) | Value::Time(_) => Kind::Other,
    }
}

fn incompatible(left: &Value, right: &Value) -> CallError {
    CallError::new(format!(
        "incompatible types for comparison: {} and {}",
        left.type_name(),
        right.type_name()
    ))
}

fn eq(args: &[Value]) -> Result<Value, CallError> {
    if args.len() < 2 {
        return Err(CallError::new("missing argument for comparison"));
    }
    let (first, rest) = (&args[0], &args[1..]);
    for other in rest {
        let equal = match (kind(first), kind(other)) {
            (Kind::Nil, Kind::Nil) => true,
            (Kind::Nil, _) | (_, Kind::Nil) => false,
            (Kind::Bool(a), Kind::Bool(b)) => a == b,
            (Kind::Int(a), Kind::Int(b)) => a == b,
            (Kind::Float(a), Kind::Float(b)) => a == b,
            (Kind::String(a), Kind::String(b)) => a == b,
            (Kind::Other, Kind::Other) => match (first, other) {
                (Value::Time(a), Value::Time(b)) => a == b,
                _ => {
                    let name = first.type_name();
                    return Err(CallError::new(format!("non-comparable type {name}")));
                }
            },
            _ => return Err(incompatible(first, other)),
        };
        if equal {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn ordered(args: &[Value], holds: fn(Ordering) -> bool) -> Result<Value, CallError> {
    let [left, right] = exactly::<2>(args)?;
    let order = match (kind(left), kind(right)) {
        (Kind::Int(a), Kind::Int(b)) => Some(a.cmp(&b)),
        (Kind::Float(a), Kind::Float(b)) => a.partial_cmp(&b),
        (Kind::String(a), Kind::String(b)) => Some(a.cmp(b)),
        (Kind::Bool(_) | Kind::Other | Kind::Nil, _) => {
            return Err(CallError::new("invalid type for comparison"));
        }
        _ => return Err(incompatible(left, right)),
    };
    Ok(Value::Bool(order.is_some_and(holds)))
}

fn len(args: &[Value]) -> Result<Value, CallError> {
    let [value] = exactly::<1>(args)?;
    let length = match (value.items(), value) {
        (Items::List(list), _) => list.items().len(),
        (Items::Map(map), _) => map.entries().len(),
        (Items::None, Value::String(text) | Value::Safe(text)) => text.len(),
        (Items::None, Value::Nil) => return Err(CallError::new("len of nil pointer")),
        (Items::None, other) => {
            return Err(CallError::new(format!("len of type {}", other.type_name())));
        }
    };
    Ok(Value::Int(length as i64))
}

fn index(args: &[Value]) -> Result<Value, CallError> {
    at_least(1, args)?;
    let mut value = args[0].clone();
    for key in &args[1..] {
        value = match (value.items(), &value) {
            (Items::Map(map), _) => map.get(text(key)?),
            (Items::List(list), _) => list.items()[offset(key, list.items().len(), false)?].clone(),
            (Items::None, Value::String(text) | Value::Safe(text)) => {
                Value::Int(text.as_bytes()[offset(key, text.len(), false)?].into())
            }
            (Items::None, Value::Nil) => return Err(CallError::new("index of untyped nil")),
            (Items::None, other) => {
                let name = other.type_name();
                return Err(CallError::new(format!("can't index item of type {name}")));
            }
        };
    }
    Ok(value)
}

fn offset(key: &Value, len: usize, end_allowed: bool) -> Result<usize, CallError> {
    let number = integer(key)?;
    usize::try_from(number)
        .ok()
        .filter(|at| *at < len || (end_allowed && *at == len))
        .ok_or_else(|| CallError::new(format!("index out of range: {number}")))
}

fn slice(args: &[Value]) -> Result<Value, CallError> {
    at_least(1, args)?;
    if args.len() > 4 {
        return Err(CallError::new(format!("too many slice indexes: {}", args.len() - 1)));
    }
    let value = &args[0];
    let len = len(&args[..1])?;
    let len = integer(&len)? as usize;
    let bounds: Vec<usize> =
        args[1..].iter().map(|key| offset(key, len, true)).collect::<Result<_, _>>()?;
    if bounds.windows(2).any(|pair| pair[0] > pair[1]) {
        return Err(CallError::new("invalid slice index: the first is larger than the second"));
    }
    let from = bounds.first().copied().unwrap_or(0);
    let to = bounds.get(1).copied().unwrap_or(len);
    match (value.items(), value) {
        (Items::List(list), _) => Ok(Value::list(list.items()[from..to].to_vec())),
        (Items::None, Value::String(_) | Value::Safe(_)) if bounds.len() == 3 => {
            Err(CallError::new("cannot 3-index slice a string"))
        }
        // Go cuts between bytes; half a character becomes the mark of a bad one.
        (Items::None, Value::String(text) | Value::Safe(text)) => {
            Ok(Value::from(String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned()))
        }
        (_, other) => {
            Err(CallError::new(format!("can't slice item of type {}", other.type_name())))
        }
    }
}
