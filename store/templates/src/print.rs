//! `%v`: how Go prints a value that nobody formatted.

use std::fmt::{self, Write};

use crate::go_time;
use crate::numbers::format_float;
use crate::value::{Items, List, Map, Value};

/// What an action writes: as [`value`], but no value is `<no value>`.
pub fn action(out: &mut dyn Write, printed: &Value) -> fmt::Result {
    match printed {
        Value::Nil => out.write_str("<no value>"),
        other => value(out, other),
    }
}

/// `fmt.Fprint` of one value.
pub fn value(out: &mut dyn Write, printed: &Value) -> fmt::Result {
    match printed {
        Value::Nil => out.write_str("<nil>"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Float(value) => out.write_str(&format_float(*value, 'g', None)),
        Value::String(text) | Value::Safe(text) => out.write_str(text),
        Value::List(items) => list(out, items, value),
        Value::Map(entries) => map(out, entries, value),
        Value::Time(time) => out.write_str(&time.to_string()),
        Value::Duration(nanos) => out.write_str(&go_time::duration_text(*nanos)),
        Value::Object(object) => match (object.text(), object.items()) {
            (Some(text), _) => out.write_str(&text),
            (None, Items::List(items)) => list(out, &items, value),
            (None, Items::Map(entries)) => map(out, &entries, value),
            (None, Items::None) => {
                out.write_char('{')?;
                for (at, (_, field)) in object.fields().iter().enumerate() {
                    if at > 0 {
                        out.write_char(' ')?;
                    }
                    value(out, field)?;
                }
                out.write_char('}')
            }
        },
    }
}

/// A list, each element printed by `each`.
pub fn list(
    out: &mut dyn Write,
    items: &List,
    mut each: impl FnMut(&mut dyn Write, &Value) -> fmt::Result,
) -> fmt::Result {
    out.write_char('[')?;
    for (at, item) in items.items().iter().enumerate() {
        if at > 0 {
            out.write_char(' ')?;
        }
        each(out, item)?;
    }
    out.write_char(']')
}

/// A map, each key and value printed by `each`.
pub fn map(
    out: &mut dyn Write,
    entries: &Map,
    mut each: impl FnMut(&mut dyn Write, &Value) -> fmt::Result,
) -> fmt::Result {
    out.write_str("map[")?;
    for (at, (key, item)) in entries.entries().iter().enumerate() {
        if at > 0 {
            out.write_char(' ')?;
        }
        each(out, &Value::String(key.clone()))?;
        out.write_char(':')?;
        each(out, item)?;
    }
    out.write_char(']')
}

/// `fmt.Fprint`: a space between two operands that are both no strings.
pub fn print(out: &mut dyn Write, args: &[Value]) -> fmt::Result {
    for (at, arg) in args.iter().enumerate() {
        let strings = |value: &Value| value.as_str().is_some();
        if at > 0 && !strings(arg) && !strings(&args[at - 1]) {
            out.write_char(' ')?;
        }
        value(out, arg)?;
    }
    Ok(())
}

/// `fmt.Fprintln`: a space between all operands, and a newline.
pub fn println(out: &mut dyn Write, args: &[Value]) -> fmt::Result {
    for (at, arg) in args.iter().enumerate() {
        if at > 0 {
            out.write_char(' ')?;
        }
        value(out, arg)?;
    }
    out.write_char('\n')
}
