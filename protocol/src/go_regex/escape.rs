//! Escape sequences that stand for one character.

use super::error::GoRegexError;

/// What a backslash begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// A code point, possibly a surrogate.
    Char(u32),
    /// Something else, to be read by its letter.
    Other(char),
}

const CODE_POINT_MAX: u32 = 0x10_ffff;

/// Reads the escape at the start of `rest`, and how many bytes it has.
pub(super) fn read_escape(rest: &str) -> Result<(Escape, usize), GoRegexError> {
    let mut chars = rest.chars();
    chars.next();
    let Some(c) = chars.next() else {
        return Err(GoRegexError::new("trailing backslash at end of expression", ""));
    };
    let after = chars.as_str();
    let read = 1 + c.len_utf8();
    let code = match c {
        '0'..='7' => return octal(rest, c, after),
        'x' => return hex(rest, after),
        'a' => 0x07,
        'f' => 0x0c,
        'n' => 0x0a,
        'r' => 0x0d,
        't' => 0x09,
        'v' => 0x0b,
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => c as u32,
        c => return other(rest, c, read),
    };
    Ok((Escape::Char(code), read))
}

/// Letters that begin a class or a place; all else is no syntax.
fn other(rest: &str, c: char, read: usize) -> Result<(Escape, usize), GoRegexError> {
    if "AbBdDpPQsSwWz".contains(c) {
        return Ok((Escape::Other(c), read));
    }
    Err(GoRegexError::new("invalid escape sequence", &rest[..read]))
}

/// `\0`, `\012`; a single digit other than 0 would be a backreference, which there is not.
fn octal(rest: &str, first: char, after: &str) -> Result<(Escape, usize), GoRegexError> {
    let more = after.bytes().take(2).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    if first != '0' && more == 0 {
        return Err(GoRegexError::new("invalid escape sequence", &rest[..2]));
    }
    let digits = &rest[1..2 + more];
    let code = digits.bytes().fold(0, |code, byte| code * 8 + u32::from(byte - b'0'));
    Ok((Escape::Char(code), 2 + more))
}

/// `\x7f`, `\x{10ffff}`
fn hex(rest: &str, after: &str) -> Result<(Escape, usize), GoRegexError> {
    let refuse = |length: usize| {
        let mut end = length.min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        Err(GoRegexError::new("invalid escape sequence", &rest[..end]))
    };
    let (digits, length) = match after.strip_prefix('{') {
        Some(inner) => match inner.find('}') {
            Some(end) => (&inner[..end], end + 4),
            None => return refuse(rest.len()),
        },
        None => match after.get(..2) {
            Some(digits) => (digits, 4),
            None => return refuse(4),
        },
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return refuse(length);
    }
    match u32::from_str_radix(digits, 16) {
        Ok(code) if code <= CODE_POINT_MAX => Ok((Escape::Char(code), length)),
        _ => refuse(length),
    }
}
