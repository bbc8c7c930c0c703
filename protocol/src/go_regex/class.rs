//! Character classes: `[...]`, `\d`, `[:alpha:]`, `\pL`.

use std::fmt::Write;

use super::error::GoRegexError;
use super::escape::{Escape, read_escape};

/// A set of characters.
#[derive(Clone, Debug, Default)]
pub(super) struct Class {
    pub negated: bool,
    /// Case does not matter.
    pub fold: bool,
    pub items: Vec<ClassItem>,
}

/// A part of a set.
#[derive(Clone, Debug)]
pub(super) enum ClassItem {
    /// Code points, both ends included; they may be surrogates, which no text contains.
    Range(u32, u32),
    /// `\d`, `[:^alpha:]`: ranges of ASCII.
    Ascii { ranges: &'static [(u8, u8)], negated: bool },
    /// `\p{Greek}`
    Unicode { name: String, negated: bool },
}

const DIGIT: &[(u8, u8)] = &[(b'0', b'9')];
const SPACE: &[(u8, u8)] = &[(b'\t', b'\n'), (0x0c, b'\r'), (b' ', b' ')];
const WORD: &[(u8, u8)] = &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')];

/// `\d`, `\S` and their like.
pub(super) fn perl_class(letter: char) -> Option<ClassItem> {
    let ranges = match letter.to_ascii_lowercase() {
        'd' => DIGIT,
        's' => SPACE,
        'w' => WORD,
        _ => return None,
    };
    Some(ClassItem::Ascii { ranges, negated: letter.is_ascii_uppercase() })
}

fn posix_class(name: &str) -> Option<&'static [(u8, u8)]> {
    Some(match name {
        "alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        "alpha" => &[(b'A', b'Z'), (b'a', b'z')],
        "ascii" => &[(0, 0x7f)],
        "blank" => &[(b'\t', b'\t'), (b' ', b' ')],
        "cntrl" => &[(0, 0x1f), (0x7f, 0x7f)],
        "digit" => DIGIT,
        "graph" => &[(b'!', b'~')],
        "lower" => &[(b'a', b'z')],
        "print" => &[(b' ', b'~')],
        "punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        "space" => &[(b'\t', b'\r'), (b' ', b' ')],
        "upper" => &[(b'A', b'Z')],
        "word" => WORD,
        "xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return None,
    })
}

/// `\pL`, `\p{Greek}`, `\P{^Greek}` at the start of `rest`, and how many bytes it has.
pub(super) fn unicode_class(rest: &str) -> Result<(ClassItem, usize), GoRegexError> {
    let upper = rest.starts_with("\\P");
    let after = &rest[2..];
    let (name, length) = match after.strip_prefix('{') {
        None => match after.chars().next() {
            Some(c) => (&after[..c.len_utf8()], 2 + c.len_utf8()),
            None => return Err(GoRegexError::new("invalid character class range", rest)),
        },
        Some(inner) => match inner.find('}') {
            Some(end) => (&inner[..end], end + 4),
            None => return Err(GoRegexError::new("invalid character class range", rest)),
        },
    };
    let (name, caret) = match name.strip_prefix('^') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let whole = &rest[..length];
    let known = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && regex_syntax::parse(&format!("\\p{{{name}}}")).is_ok();
    if !known {
        return Err(GoRegexError::new("invalid character class range", whole));
    }
    let item = ClassItem::Unicode { name: name.to_owned(), negated: upper != caret };
    Ok((item, length))
}

/// `[...]` at the start of `rest`, and how many bytes it has.
pub(super) fn bracket_class(rest: &str, fold: bool) -> Result<(Class, usize), GoRegexError> {
    let mut class = Class { fold, ..Class::default() };
    let mut at = 1;
    if rest[at..].starts_with('^') {
        class.negated = true;
        at += 1;
    }
    let mut first = true;
    loop {
        let left = &rest[at..];
        if left.is_empty() {
            return Err(GoRegexError::new("missing closing ]", rest));
        }
        if left.starts_with(']') && !first {
            return Ok((class, at + 1));
        }
        first = false;
        let (item, length) = class_item(left, rest)?;
        class.items.push(item);
        at += length;
    }
}

fn class_item(left: &str, class: &str) -> Result<(ClassItem, usize), GoRegexError> {
    if let Some(inner) = left.strip_prefix("[:")
        && let Some(end) = inner.find(":]")
    {
        let name = &inner[..end];
        let plain = name.strip_prefix('^').unwrap_or(name);
        let whole = &left[..end + 4];
        let ranges = posix_class(plain)
            .ok_or_else(|| GoRegexError::new("invalid character class range", whole))?;
        let negated = plain.len() < name.len();
        return Ok((ClassItem::Ascii { ranges, negated }, whole.len()));
    }
    if let Some(after) = left.strip_prefix('\\') {
        if after.starts_with(['p', 'P']) {
            return unicode_class(left);
        }
        if let Some(item) = after.chars().next().and_then(perl_class) {
            return Ok((item, 2));
        }
    }
    let (low, mut length) = class_char(left, class)?;
    let mut high = low;
    if let Some(after) = left[length..].strip_prefix('-')
        && !after.is_empty()
        && !after.starts_with(']')
    {
        let (end, end_length) = class_char(after, class)?;
        length += 1 + end_length;
        high = end;
        if high < low {
            return Err(GoRegexError::new("invalid character class range", &left[..length]));
        }
    }
    Ok((ClassItem::Range(low, high), length))
}

fn class_char(left: &str, class: &str) -> Result<(u32, usize), GoRegexError> {
    if left.starts_with('\\') {
        return match read_escape(left)? {
            (Escape::Char(code), length) => Ok((code, length)),
            (Escape::Other(_), length) => {
                Err(GoRegexError::new("invalid escape sequence", &left[..length]))
            }
        };
    }
    match left.chars().next() {
        Some(c) => Ok((c as u32, c.len_utf8())),
        None => Err(GoRegexError::new("missing closing ]", class)),
    }
}

impl Class {
    /// The characters, where they are at most `limit` and no matter of case or exclusion.
    pub fn characters(&self, limit: usize) -> Option<Vec<char>> {
        if self.negated || self.fold {
            return None;
        }
        let mut characters = Vec::new();
        for item in &self.items {
            let ClassItem::Range(low, high) = item else { return None };
            characters.extend((*low..=*high).filter_map(char::from_u32).take(limit + 1));
            if characters.len() > limit {
                return None;
            }
        }
        Some(characters)
    }

    /// Writes the class for Rust's engine.
    pub fn write(&self, out: &mut String) {
        out.push_str(if self.fold { "(?i:[" } else { "[" });
        if self.negated {
            out.push('^');
        }
        // An empty set is no syntax in Rust, and surrogates may be all there was.
        let before = out.len();
        for item in &self.items {
            write_item(item, out);
        }
        if out.len() == before {
            out.push_str("a&&b");
        }
        out.push_str(if self.fold { "])" } else { "]" });
    }
}

fn write_item(item: &ClassItem, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = match item {
        ClassItem::Range(low, high) => {
            // No text contains surrogates, and Rust's engine knows none.
            let low = if (0xd800..0xe000).contains(low) { 0xe000 } else { *low };
            let high = if (0xd800..0xe000).contains(high) { 0xd7ff } else { *high };
            if low > high {
                return;
            }
            write!(out, "\\x{{{low:x}}}-\\x{{{high:x}}}")
        }
        ClassItem::Ascii { ranges, negated } => {
            out.push_str(if *negated { "[^" } else { "[" });
            for (low, high) in *ranges {
                let _ = write!(out, "\\x{{{low:x}}}-\\x{{{high:x}}}");
            }
            out.write_str("]")
        }
        ClassItem::Unicode { name, negated } => {
            write!(out, "\\{}{{{name}}}", if *negated { 'P' } else { 'p' })
        }
    };
}
