//! The values of numbers, durations and texts.
//!
//! The rules are Go's: `strconv.ParseInt` with base 0, then `strconv.ParseFloat`; texts as Go's
//! string literals, with single quotes allowed too.

use protocol::time::PromDuration;

/// The value of a number: `010` is octal, `0x1f` hexadecimal, underscores may separate digits.
pub fn parse_number(text: &str) -> Result<f64, String> {
    if let Some(value) = parse_integer(text) {
        return Ok(value as f64);
    }
    let refuse = |why: &str| {
        Err(format!("error parsing number: strconv.ParseFloat: parsing {text:?}: {why}"))
    };
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "inf" => return Ok(f64::INFINITY),
        "nan" => return Ok(f64::NAN),
        _ => {}
    }
    if lower.starts_with("0x") || !underscores_separate_digits(&lower) {
        return refuse("invalid syntax");
    }
    match lower.replace('_', "").parse::<f64>() {
        Ok(value) if value.is_infinite() => refuse("value out of range"),
        Ok(value) => Ok(value),
        Err(_) => refuse("invalid syntax"),
    }
}

/// An integer in Go's syntax; `None` where it is none or does not fit 64 bits.
fn parse_integer(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some(digits) => (digits.strip_prefix('_').unwrap_or(digits), 16),
        None if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        None => (lower.as_str(), 10),
    };
    let digits = if radix == 8 { digits.strip_prefix('_').unwrap_or(digits) } else { digits };
    let separated = !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
    if !separated {
        return None;
    }
    i64::from_str_radix(&digits.replace('_', ""), radix).ok()
}

fn underscores_separate_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at)).is_some_and(|byte| byte.is_ascii_digit())
    };
    (0..bytes.len())
        .filter(|&at| bytes[at] == b'_')
        .all(|at| digit(at.checked_sub(1)) && digit(Some(at + 1)))
}

/// The seconds of a duration like `1h30m`.
pub fn seconds_of_duration(text: &str) -> Result<f64, String> {
    let duration: PromDuration = text.parse().map_err(|error| format!("{error}"))?;
    Ok(duration.as_secs_f64())
}

/// The content of a text in quotes or backticks.
pub fn unquote(quoted: &str) -> Result<String, String> {
    let quote = quoted.chars().next().unwrap_or_default();
    let inner = &quoted[1..quoted.len() - 1];
    if quote == '`' || !inner.contains('\\') {
        return Ok(inner.to_owned());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let mut utf8 = [0; 4];
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
            continue;
        }
        let (escaped, length) = read_escape(rest, quote)?;
        match escaped {
            Escaped::Byte(byte) => bytes.push(byte),
            Escaped::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes()),
        }
        rest = &rest[length..];
    }
    String::from_utf8(bytes).map_err(|_| format!("string {quoted} is not valid UTF-8"))
}

/// What an escape sequence stands for.
pub enum Escaped {
    /// One byte, not necessarily a whole character.
    Byte(u8),
    /// A character.
    Char(char),
}

/// Reads the escape sequence behind a backslash in a text quoted with `quote`, and how many bytes
/// it has.
pub fn read_escape(rest: &str, quote: char) -> Result<(Escaped, usize), String> {
    const UNTERMINATED: &str = "escape sequence not terminated";
    const INVALID: &str = "escape sequence is an invalid Unicode code point";
    let mut chars = rest.chars();
    let kind = chars.next().ok_or(UNTERMINATED)?;
    let (digits, radix) = match kind {
        'a' => return Ok((Escaped::Byte(0x07), 1)),
        'b' => return Ok((Escaped::Byte(0x08), 1)),
        'f' => return Ok((Escaped::Byte(0x0c), 1)),
        'n' => return Ok((Escaped::Byte(b'\n'), 1)),
        'r' => return Ok((Escaped::Byte(b'\r'), 1)),
        't' => return Ok((Escaped::Byte(b'\t'), 1)),
        'v' => return Ok((Escaped::Byte(0x0b), 1)),
        '\\' => return Ok((Escaped::Byte(b'\\'), 1)),
        c if c == quote => return Ok((Escaped::Byte(c as u8), 1)),
        '0'..='7' => (2, 8),
        'x' => (2, 16),
        'u' => (4, 16),
        'U' => (8, 16),
        c => return Err(format!("unknown escape sequence {}", unicode_name(c))),
    };
    let mut value = if radix == 8 { kind.to_digit(8).unwrap_or_default() } else { 0 };
    for c in chars.by_ref().take(digits) {
        let digit = c
            .to_digit(radix)
            .ok_or_else(|| format!("illegal character {} in escape sequence", unicode_name(c)))?;
        value = value.wrapping_mul(radix) | digit;
    }
    let length = rest.len() - chars.as_str().len();
    if length < 1 + digits {
        return Err(UNTERMINATED.to_owned());
    }
    let escaped = match kind {
        'u' | 'U' => Escaped::Char(char::from_u32(value).ok_or(INVALID)?),
        _ => Escaped::Byte(u8::try_from(value).map_err(|_| INVALID)?),
    };
    Ok((escaped, length))
}

/// `U+0071 'q'`
fn unicode_name(c: char) -> String {
    format!("U+{:04X} '{c}'", c as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_go_reads_them() {
        for (text, value) in [
            ("1", 1.0),
            ("010", 8.0),
            ("08", 8.0),
            ("0x1F", 31.0),
            ("0x_1f", 31.0),
            ("1_000.5", 1000.5),
            ("1_000_000", 1e6),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1E-3", 0.001),
            ("99999999999999999999", 1e20),
            ("Inf", f64::INFINITY),
        ] {
            assert_eq!(parse_number(text), Ok(value), "{text}");
        }
        assert!(parse_number("nAn").unwrap().is_nan());
        for text in ["1e400", "0x1p3", "1__0", "1_.5", "0xffffffffffffffffffff"] {
            assert!(parse_number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_read_as_go_reads_them() {
        for (quoted, text) in [
            (r#""a\nb""#, "a\nb"),
            (r"'it\'s'", "it's"),
            (r"`raw\n`", r"raw\n"),
            (r#""\x41\101\u00e9\U0001F600""#, "AA\u{e9}\u{1F600}"),
            (r#""\xc3\xa9""#, "\u{e9}"),
        ] {
            assert_eq!(unquote(quoted), Ok(text.to_owned()), "{quoted}");
        }
        for quoted in [r#""\q""#, r#""\xg0""#, r#""\ud800""#, r#""\xff""#, r#""\'""#, r#""\x4""#] {
            assert!(unquote(quoted).is_err(), "{quoted}");
        }
    }
}
