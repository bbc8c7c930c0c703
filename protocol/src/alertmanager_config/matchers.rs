//! Matchers as Alertmanager's files and API write them.
//!
//! Two grammars stand side by side, as in Alertmanager 0.34: the UTF-8 grammar is tried first, the
//! classic one where that fails; where both read the text but differently, the classic one wins.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

use crate::labels::is_legacy_label_name;
use crate::matcher::{MatchOp, Matcher};

/// Longest text of matchers that is read: a hundred matchers of a kilobyte.
pub const MATCHERS_BYTES_MAX: usize = 100 * 1024;

/// Why a text holds no matchers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad matcher format: {text:?}: {reason}")]
pub struct MatcherError {
    /// What was read, cut to a readable length.
    pub text: String,
    /// What is wrong.
    pub reason: String,
}

/// Reads `a="b",c=~"d"` with or without braces; an empty text holds none.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, MatcherError> {
    if text.len() > MATCHERS_BYTES_MAX {
        return Err(fail(text, format!("longer than {MATCHERS_BYTES_MAX} bytes")));
    }
    let modern = Reader::new(text).matchers();
    let classic = classic_matchers(text);
    match (modern, classic) {
        (Ok(modern), Ok(classic)) if modern == classic => Ok(modern),
        (_, Ok(classic)) => Ok(classic),
        (Ok(modern), Err(_)) => Ok(modern),
        (Err(reason), Err(_)) => Err(fail(text, reason)),
    }
}

/// Reads exactly one matcher, as a `filter` of the API does.
pub fn parse_matcher(text: &str) -> Result<Matcher, MatcherError> {
    let mut matchers = parse_matchers(text)?;
    match (matchers.pop(), matchers.is_empty()) {
        (Some(matcher), true) => Ok(matcher),
        (None, _) => Err(fail(text, "no matchers")),
        (Some(_), false) => Err(fail(text, "expected 1 matcher, found more")),
    }
}

/// Writes one matcher as Alertmanager does: `name="value"`, odd names quoted.
pub fn matcher_text(matcher: &Matcher) -> String {
    let odd = |c: char| c.is_whitespace() || "{}!=~,\\\"'`".contains(c);
    let mut text = String::new();
    if matcher.name.is_empty() || matcher.name.contains(odd) {
        crate::labels::write_quoted(&mut text, &matcher.name).expect("a String takes any text");
    } else {
        text.push_str(&matcher.name);
    }
    text.push_str(matcher.op.as_str());
    text.push('"');
    for c in matcher.value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' => text.push_str("\\\""),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// Writes matchers as Alertmanager does in route keys: `{a="b",c="d"}`.
pub fn matchers_text(matchers: &[Matcher]) -> String {
    let parts: Vec<String> = matchers.iter().map(matcher_text).collect();
    format!("{{{}}}", parts.join(","))
}

/// For `matchers:` - a list of texts, each of which may hold several.
pub(super) fn from_texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Matcher>, D::Error> {
    let texts = Option::<Vec<String>>::deserialize(from)?.unwrap_or_default();
    let mut all = Vec::new();
    for text in &texts {
        all.extend(parse_matchers(text).map_err(serde::de::Error::custom)?);
    }
    Ok(all)
}

/// For the old `match:` - names and values.
pub(super) fn from_equal<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Matcher>, D::Error> {
    let pairs = Option::<BTreeMap<String, Option<String>>>::deserialize(from)?.unwrap_or_default();
    let equal = |(name, value): (String, Option<String>)| {
        legacy_name(&name)?;
        Ok(Matcher::equal(name, value.unwrap_or_default()))
    };
    pairs.into_iter().map(equal).collect()
}

/// For the old `match_re:` - names and patterns.
pub(super) fn from_regex<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Matcher>, D::Error> {
    let pairs = Option::<BTreeMap<String, Option<String>>>::deserialize(from)?.unwrap_or_default();
    let regex = |(name, pattern): (String, Option<String>)| {
        legacy_name(&name)?;
        let Some(pattern) = pattern else {
            let message = format!("invalid regexp value for {name:?}");
            return Err(serde::de::Error::custom(message));
        };
        Matcher::new(MatchOp::Regex, name, pattern).map_err(serde::de::Error::custom)
    };
    pairs.into_iter().map(regex).collect()
}

fn legacy_name<E: serde::de::Error>(name: &str) -> Result<(), E> {
    if name.is_empty() { Err(E::custom(format!("invalid label name {name:?}"))) } else { Ok(()) }
}

fn fail(text: &str, reason: impl Into<String>) -> MatcherError {
    MatcherError { text: text.chars().take(200).collect(), reason: reason.into() }
}

/// The UTF-8 grammar.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.trim_start() }
    }

    fn matchers(mut self) -> Result<Vec<Matcher>, String> {
        let open = self.take("{");
        let mut all = Vec::new();
        loop {
            if self.rest.is_empty() || self.rest.starts_with('}') {
                break;
            }
            all.push(self.matcher()?);
            if !self.take(",") {
                break;
            }
        }
        let close = self.take("}");
        match (open, close) {
            _ if !self.rest.is_empty() => Err(format!("unexpected text {:?}", self.rest)),
            (true, false) => Err("expected close brace".to_owned()),
            (false, true) => Err("expected opening brace".to_owned()),
            _ => Ok(all),
        }
    }

    fn matcher(&mut self) -> Result<Matcher, String> {
        let name = self.word("label name")?;
        if name.is_empty() {
            return Err("invalid label name: \"\"".to_owned());
        }
        let op = self.op()?;
        let value = self.word("value")?;
        Matcher::new(op, name, value).map_err(|error| error.to_string())
    }

    fn op(&mut self) -> Result<MatchOp, String> {
        for op in [MatchOp::Regex, MatchOp::NotRegex, MatchOp::NotEqual, MatchOp::Equal] {
            if self.take(op.as_str()) {
                return Ok(op);
            }
        }
        Err("expected one of '=~', '!~', '!=', '='".to_owned())
    }

    /// A quoted string or a bare literal.
    fn word(&mut self, what: &str) -> Result<String, String> {
        if self.rest.starts_with('"') {
            let end = quoted_end(self.rest).ok_or("missing end \"")?;
            let (quoted, rest) = self.rest.split_at(end);
            self.rest = rest.trim_start();
            return unquote(&quoted[1..end - 1]);
        }
        let reserved = |c: char| c.is_whitespace() || "{}!=~,\\\"'`".contains(c);
        let end = self.rest.find(reserved).unwrap_or(self.rest.len());
        if end == 0 {
            return Err(format!("expected a {what}"));
        }
        let (literal, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        Ok(literal.to_owned())
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }
}

/// One past the closing quote of a text that opens with one.
fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Go's rules for the inside of a double-quoted string.
fn unquote(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\n' {
            return Err("a quoted value may not hold a line break".to_owned());
        }
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match chars.next() {
            Some('a') => bytes.push(7),
            Some('b') => bytes.push(8),
            Some('f') => bytes.push(12),
            Some('n') => bytes.push(b'\n'),
            Some('r') => bytes.push(b'\r'),
            Some('t') => bytes.push(b'\t'),
            Some('v') => bytes.push(11),
            Some('\\') => bytes.push(b'\\'),
            Some('"') => bytes.push(b'"'),
            Some('x') => bytes.push(digits(&mut chars, 2, 16)? as u8),
            Some('u') => push_char(&mut bytes, digits(&mut chars, 4, 16)?)?,
            Some('U') => push_char(&mut bytes, digits(&mut chars, 8, 16)?)?,
            Some(first @ '0'..='7') => {
                let rest = digits(&mut chars, 2, 8)?;
                let value = (first as u32 - '0' as u32) * 64 + rest;
                bytes.push(u8::try_from(value).map_err(|_| "invalid octal escape".to_owned())?);
            }
            _ => return Err("invalid escape sequence".to_owned()),
        }
    }
    String::from_utf8(bytes).map_err(|_| "the quoted text is not valid UTF-8".to_owned())
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize, radix: u32) -> Result<u32, String> {
    let mut value = 0u32;
    for _ in 0..count {
        let digit = chars.next().and_then(|c| c.to_digit(radix));
        let digit = digit.ok_or_else(|| "invalid escape sequence".to_owned())?;
        value = value.wrapping_mul(radix).wrapping_add(digit);
    }
    Ok(value)
}

fn push_char(bytes: &mut Vec<u8>, code: u32) -> Result<(), String> {
    let c = char::from_u32(code).ok_or_else(|| "invalid code point".to_owned())?;
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(())
}

/// The grammar from before UTF-8 names.
fn classic_matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('{').unwrap_or(trimmed);
    let inner = inner.strip_suffix('}').unwrap_or(inner);
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    if parts.last().is_some_and(|last| last.trim().is_empty()) {
        parts.pop();
    }
    parts.into_iter().map(classic_matcher).collect()
}

fn classic_matcher(text: &str) -> Result<Matcher, String> {
    let text = text.trim();
    let name_end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let (name, rest) = text.split_at(name_end.unwrap_or(text.len()));
    if !is_legacy_label_name(&name.replace(':', "_")) {
        return Err(format!("invalid label name {name:?}"));
    }
    let rest = rest.trim_start();
    let ops = [MatchOp::Regex, MatchOp::NotRegex, MatchOp::NotEqual, MatchOp::Equal];
    let op = ops.into_iter().find(|op| rest.starts_with(op.as_str()));
    let op = op.ok_or("no operator")?;
    let value = classic_value(rest[op.as_str().len()..].trim())?;
    Matcher::new(op, name, value).map_err(|error| error.to_string())
}

fn classic_value(text: &str) -> Result<String, String> {
    let (open, text) = text.strip_prefix('"').map_or((false, text), |rest| (true, rest));
    let (mut value, mut escaped, mut closed) = (String::new(), false, false);
    for c in text.chars() {
        if closed {
            return Err("matcher value contains text after the closing quote".to_owned());
        }
        match c {
            'n' if escaped => value.push('\n'),
            '"' | '\\' if escaped => value.push(c),
            c if escaped => value.extend(['\\', c]),
            '\\' => {}
            '"' if open => closed = true,
            '"' => return Err("matcher value contains unescaped double quote".to_owned()),
            c => value.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    match (open, closed, escaped) {
        (true, false, _) => Err("matcher value contains unescaped double quote".to_owned()),
        (_, _, true) => {
            value.push('\\');
            Ok(value)
        }
        _ => Ok(value),
    }
}
