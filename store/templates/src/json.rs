//! Values as JSON, the way Go's `encoding/json` writes it.

use std::fmt::{self, Write};

use crate::numbers::format_float;
use crate::value::{Items, Value};

/// Writes a value; `<`, `>` and `&` are escaped, as Go does for the sake of HTML.
pub fn write(out: &mut dyn Write, value: &Value) -> fmt::Result {
    match value {
        Value::Nil => out.write_str("null"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) | Value::Duration(value) => write!(out, "{value}"),
        Value::Float(value) => out.write_str(&number(*value)),
        Value::String(text) | Value::Safe(text) => string(out, text),
        Value::Time(time) => string(out, &time.format("2006-01-02T15:04:05.999999999Z07:00")),
        Value::List(_) | Value::Map(_) | Value::Object(_) => match value.items() {
            Items::List(list) => {
                out.write_char('[')?;
                for (at, item) in list.items().iter().enumerate() {
                    if at > 0 {
                        out.write_char(',')?;
                    }
                    write(out, item)?;
                }
                out.write_char(']')
            }
            Items::Map(map) => object(out, map.entries().iter()),
            Items::None => match value {
                Value::Object(object) if object.number().is_some() => {
                    write!(out, "{}", object.number().unwrap_or(0))
                }
                Value::Object(fields) => {
                    let fields = fields.fields();
                    object(out, fields.iter().map(|(name, value)| (name, value)))
                }
                _ => out.write_str("null"),
            },
        },
    }
}

fn object<'a>(
    out: &mut dyn Write,
    entries: impl Iterator<Item = (&'a std::sync::Arc<str>, &'a Value)>,
) -> fmt::Result {
    out.write_char('{')?;
    for (at, (key, value)) in entries.enumerate() {
        if at > 0 {
            out.write_char(',')?;
        }
        string(out, key)?;
        out.write_char(':')?;
        write(out, value)?;
    }
    out.write_char('}')
}

/// Go's rule: plain digits for exponents from -6 to 20. What is no number cannot be said in JSON.
fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "null".to_owned();
    }
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        return format_float(value, 'e', None).replace("e-0", "e-");
    }
    format_float(value, 'f', None)
}

fn string(out: &mut dyn Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\u{08}' => out.write_str("\\b")?,
            '\u{0c}' => out.write_str("\\f")?,
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => write!(out, "\\u{:04x}", c as u32)?,
            c if (c as u32) < 0x20 => write!(out, "\\u{:04x}", c as u32)?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}
