//! Go's `fmt.Sprintf`.

use std::fmt::{self, Write};
use std::iter::Peekable;
use std::str::Chars;

use crate::bounded::bounded;
use crate::error::CallError;
use crate::functions::CALL_BYTES_MAX;
use crate::go_time;
use crate::numbers::format_float;
use crate::print;
use crate::value::{Items, Value};

/// Go refuses wider fields, too.
const WIDTH_MAX: i64 = 1_000_000;

/// No float has more digits than this behind the point; Rust's formatter takes 65535 at most.
const FLOAT_DIGITS_MAX: usize = 1100;

/// Flags, width and precision of one verb.
#[derive(Clone, Debug, Default)]
struct Spec {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Formats as Go does, faults included (`%!d(string=x)`).
pub fn sprintf(format: &str, args: &[Value]) -> Result<String, CallError> {
    bounded(CALL_BYTES_MAX, |out| Printer { args, next: 0, reordered: false }.run(out, format))
}

struct Printer<'a> {
    args: &'a [Value],
    next: usize,
    reordered: bool,
}

impl Printer<'_> {
    fn run(&mut self, out: &mut dyn Write, format: &str) -> fmt::Result {
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '%' {
                self.verb(out, &mut chars)?;
            } else {
                out.write_char(c)?;
            }
        }
        if self.reordered || self.next >= self.args.len() {
            return Ok(());
        }
        out.write_str("%!(EXTRA ")?;
        for (at, arg) in self.args[self.next..].iter().enumerate() {
            if at > 0 {
                out.write_str(", ")?;
            }
            typed(out, arg)?;
        }
        out.write_char(')')
    }

    fn verb(&mut self, out: &mut dyn Write, chars: &mut Peekable<Chars<'_>>) -> fmt::Result {
        let mut spec = flags(chars);
        let indexed = self.index(chars);
        if chars.next_if_eq(&'*').is_some() {
            match self.star() {
                Some(width) if width.abs() <= WIDTH_MAX => {
                    spec.minus |= width < 0;
                    spec.width = Some(width.unsigned_abs() as usize);
                }
                _ => out.write_str("%!(BADWIDTH)")?,
            }
        } else {
            spec.width = number(chars);
        }
        if chars.next_if_eq(&'.').is_some() {
            self.index(chars);
            if chars.next_if_eq(&'*').is_some() {
                match self.star() {
                    Some(digits) if (0..=WIDTH_MAX).contains(&digits) => {
                        spec.precision = Some(digits as usize);
                    }
                    Some(digits) if digits < 0 => {}
                    _ => out.write_str("%!(BADPREC)")?,
                }
            } else {
                spec.precision = Some(number(chars).unwrap_or(0));
            }
        }
        let after = self.index(chars);
        let Some(verb) = chars.next() else { return out.write_str("%!(NOVERB)") };
        if verb == '%' {
            return out.write_char('%');
        }
        if indexed == Index::Bad || after == Index::Bad {
            return write!(out, "%!{verb}(BADINDEX)");
        }
        let Some(arg) = self.args.get(self.next) else {
            return write!(out, "%!{verb}(MISSING)");
        };
        self.next += 1;
        one(out, verb, &spec, arg)
    }

    /// `[n]` says which argument comes next.
    fn index(&mut self, chars: &mut Peekable<Chars<'_>>) -> Index {
        if chars.next_if_eq(&'[').is_none() {
            return Index::None;
        }
        self.reordered = true;
        let wanted = number(chars);
        let closed = chars.next_if_eq(&']').is_some();
        match wanted {
            Some(at) if closed && at >= 1 && at <= self.args.len() => {
                self.next = at - 1;
                Index::Good
            }
            _ => Index::Bad,
        }
    }

    fn star(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        match arg {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }
}

#[derive(PartialEq)]
enum Index {
    None,
    Good,
    Bad,
}

fn flags(chars: &mut Peekable<Chars<'_>>) -> Spec {
    let mut spec = Spec::default();
    while let Some(flag) = chars.next_if(|c| "+-# 0".contains(*c)) {
        match flag {
            '+' => spec.plus = true,
            '-' => spec.minus = true,
            '#' => spec.sharp = true,
            ' ' => spec.space = true,
            _ => spec.zero = true,
        }
    }
    spec
}

/// Digits; numbers beyond Go's bound read as that bound.
fn number(chars: &mut Peekable<Chars<'_>>) -> Option<usize> {
    let mut value: Option<usize> = None;
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        let digit = digit as usize - '0' as usize;
        value = Some((value.unwrap_or(0) * 10 + digit).min(WIDTH_MAX as usize));
    }
    value
}

fn typed(out: &mut dyn Write, arg: &Value) -> fmt::Result {
    match arg {
        Value::Nil => out.write_str("<nil>"),
        other => {
            write!(out, "{}=", other.type_name())?;
            print::value(out, other)
        }
    }
}

fn bad_verb(out: &mut dyn Write, verb: char, arg: &Value) -> fmt::Result {
    write!(out, "%!{verb}(")?;
    typed(out, arg)?;
    out.write_char(')')
}

fn one(out: &mut dyn Write, verb: char, spec: &Spec, arg: &Value) -> fmt::Result {
    match verb {
        'T' => return pad_text(out, spec, arg.type_name()),
        'p' => return bad_verb(out, verb, arg),
        _ => {}
    }
    match arg {
        Value::Nil if verb == 'v' => pad_text(out, spec, "<nil>"),
        Value::Nil => bad_verb(out, verb, arg),
        Value::Bool(value) if matches!(verb, 't' | 'v') => {
            pad_text(out, spec, if *value { "true" } else { "false" })
        }
        Value::Bool(_) => bad_verb(out, verb, arg),
        Value::Int(value) => integer(out, verb, spec, *value, arg),
        Value::Duration(nanos) if "vsq".contains(verb) => {
            text(out, verb, spec, &go_time::duration_text(*nanos), arg)
        }
        Value::Duration(nanos) => integer(out, verb, spec, *nanos, arg),
        Value::Float(value) => float(out, verb, spec, *value, arg),
        Value::String(value) | Value::Safe(value) => text(out, verb, spec, value, arg),
        Value::Time(time) => text(out, verb, spec, &time.to_string(), arg),
        Value::List(_) | Value::Map(_) | Value::Object(_) => compound(out, verb, spec, arg),
    }
}

fn compound(out: &mut dyn Write, verb: char, spec: &Spec, arg: &Value) -> fmt::Result {
    if let Value::Object(object) = arg
        && let Some(said) = object.text()
        && "vsqxX".contains(verb)
    {
        return text(out, verb, spec, &said, arg);
    }
    let each = |out: &mut dyn Write, item: &Value| one(out, verb, spec, item);
    match arg.items() {
        Items::List(items) => print::list(out, &items, each),
        Items::Map(entries) => print::map(out, &entries, each),
        Items::None => print::value(out, arg),
    }
}

fn text(out: &mut dyn Write, verb: char, spec: &Spec, value: &str, arg: &Value) -> fmt::Result {
    let cut = match spec.precision {
        Some(runes) => {
            let end = value.char_indices().nth(runes).map_or(value.len(), |(at, _)| at);
            &value[..end]
        }
        None => value,
    };
    match verb {
        'v' if spec.sharp => pad_text(out, spec, &quote(cut)),
        'v' | 's' => pad_text(out, spec, cut),
        'q' if spec.sharp && !cut.contains('`') => pad_text(out, spec, &format!("`{cut}`")),
        'q' => pad_text(out, spec, &quote(cut)),
        'x' | 'X' => {
            let mut hex = String::with_capacity(cut.len() * 2);
            for byte in cut.bytes() {
                write!(hex, "{byte:02x}")?;
            }
            pad_text(out, spec, &if verb == 'X' { hex.to_ascii_uppercase() } else { hex })
        }
        _ => bad_verb(out, verb, arg),
    }
}

fn integer(out: &mut dyn Write, verb: char, spec: &Spec, value: i64, arg: &Value) -> fmt::Result {
    let magnitude = value.unsigned_abs();
    let (prefix, digits) = match verb {
        'd' | 'v' => ("", magnitude.to_string()),
        'b' => (if spec.sharp { "0b" } else { "" }, format!("{magnitude:b}")),
        'o' => (if spec.sharp { "0" } else { "" }, format!("{magnitude:o}")),
        'O' => ("0o", format!("{magnitude:o}")),
        'x' => (if spec.sharp { "0x" } else { "" }, format!("{magnitude:x}")),
        'X' => (if spec.sharp { "0X" } else { "" }, format!("{magnitude:X}")),
        'c' => return pad_text(out, spec, &rune(value).to_string()),
        'q' => return pad_text(out, spec, &format!("'{}'", rune(value))),
        'U' => return pad_text(out, spec, &format!("U+{magnitude:04X}")),
        _ => return bad_verb(out, verb, arg),
    };
    let sign = sign(spec, value < 0);
    let wanted = match (spec.precision, spec.width) {
        (Some(digits), _) => digits,
        (None, Some(width)) if spec.zero && !spec.minus => {
            width.saturating_sub(sign.len() + prefix.len())
        }
        _ => 0,
    };
    let zeros = "0".repeat(wanted.saturating_sub(digits.len()));
    pad(out, spec, &format!("{sign}{prefix}{zeros}{digits}"))
}

fn rune(value: i64) -> char {
    u32::try_from(value).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

const fn sign(spec: &Spec, negative: bool) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
}

fn float(out: &mut dyn Write, verb: char, spec: &Spec, value: f64, arg: &Value) -> fmt::Result {
    let (format, precision) = match verb {
        'v' => ('g', spec.precision),
        'g' | 'G' => (verb, spec.precision),
        'e' | 'E' | 'f' => (verb, Some(spec.precision.unwrap_or(6))),
        'F' => ('f', Some(spec.precision.unwrap_or(6))),
        _ => return bad_verb(out, verb, arg),
    };
    let text = format_float(value, format, precision.map(|digits| digits.min(FLOAT_DIGITS_MAX)));
    let body = text.trim_start_matches(['+', '-']);
    let negative = text.starts_with('-');
    let infinite_sign = value.is_infinite() && !negative;
    let sign = match sign(spec, negative) {
        "" if infinite_sign => "+",
        sign => sign,
    };
    if spec.zero && !spec.minus && value.is_finite() {
        let wanted = spec.width.unwrap_or(0).saturating_sub(sign.len());
        let zeros = "0".repeat(wanted.saturating_sub(body.len()));
        return write!(out, "{sign}{zeros}{body}");
    }
    pad(out, spec, &format!("{sign}{body}"))
}

/// Pads with spaces.
fn pad(out: &mut dyn Write, spec: &Spec, value: &str) -> fmt::Result {
    let fill = " ".repeat(spec.width.unwrap_or(0).saturating_sub(value.chars().count()));
    if spec.minus { write!(out, "{value}{fill}") } else { write!(out, "{fill}{value}") }
}

/// Strings are padded with zeros where the flag says so.
fn pad_text(out: &mut dyn Write, spec: &Spec, value: &str) -> fmt::Result {
    if !spec.zero || spec.minus {
        return pad(out, spec, value);
    }
    let fill = spec.width.unwrap_or(0).saturating_sub(value.chars().count());
    write!(out, "{}{value}", "0".repeat(fill))
}

/// `strconv.Quote`.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{07}' => out.push_str("\\a"),
            '\u{08}' => out.push_str("\\b"),
            '\u{0c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{0b}' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c if c.is_control() || c == '\u{feff}' || c == '\u{2028}' || c == '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
