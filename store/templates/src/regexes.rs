//! Regular expressions inside templates, in Go's syntax.

use std::fmt::Write;

use regex::{Regex, RegexBuilder};

use crate::bounded::Bounded;
use crate::error::CallError;
use crate::functions::CALL_BYTES_MAX;

/// Compiled programs may be this large: ten times what the longest sensible pattern needs.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// Whether `pattern` matches anywhere in `text`.
pub fn is_match(pattern: &str, text: &str) -> Result<bool, CallError> {
    Ok(compile(pattern)?.is_match(text))
}

/// Replaces every match; `$1`, `${1}` and `${name}` stand for groups, `$$` for a dollar.
pub fn replace_all(pattern: &str, replacement: &str, text: &str) -> Result<String, CallError> {
    let regex = compile(pattern)?;
    let mut out = Bounded::new(CALL_BYTES_MAX);
    let mut from = 0;
    for captures in regex.captures_iter(text) {
        let whole = captures.get_match();
        // A replacement repeats a group at most once in two bytes, so one match cannot explode.
        let mut expanded = String::new();
        if replacement.len().saturating_mul(whole.len().max(1)) > CALL_BYTES_MAX * 2 {
            return Err(out.too_large());
        }
        captures.expand(replacement, &mut expanded);
        let written =
            out.write_str(&text[from..whole.start()]).and_then(|()| out.write_str(&expanded));
        written.map_err(|_| out.too_large())?;
        from = whole.end();
    }
    out.write_str(&text[from..]).map_err(|_| out.too_large())?;
    Ok(out.into_text())
}

fn compile(pattern: &str) -> Result<Regex, CallError> {
    RegexBuilder::new(&translate(pattern))
        .size_limit(COMPILED_BYTES_MAX)
        .build()
        .map_err(|error| CallError::new(format!("error parsing regexp {pattern:?}: {error}")))
}

/// Go's classes `\d \s \w \b` mean ASCII, its brackets hold no sets in sets, `\Q...\E` quotes.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '\\' if rest.starts_with("\\Q") => {
                let quoted = rest[2..].split("\\E").next().unwrap_or_default();
                out.push_str(&regex::escape(quoted));
                taken = (2 + quoted.len() + 2).min(rest.len());
            }
            '\\' => {
                let escaped = rest[1..].chars().next();
                taken += escaped.map_or(0, char::len_utf8);
                match escaped {
                    Some('d') => out.push_str("[0-9]"),
                    Some('D') => out.push_str("[^0-9]"),
                    Some('s') => out.push_str("[\\t\\n\\f\\r ]"),
                    Some('S') => out.push_str("[^\\t\\n\\f\\r ]"),
                    Some('w') => out.push_str("[0-9A-Za-z_]"),
                    Some('W') => out.push_str("[^0-9A-Za-z_]"),
                    Some('b') => out.push_str("(?-u:\\b)"),
                    Some('B') => out.push_str("(?-u:\\B)"),
                    _ => out.push_str(&rest[..taken]),
                }
            }
            '[' if in_class && rest.starts_with("[:") => {
                taken = rest.find(":]").map_or(1, |end| end + 2);
                out.push_str(&rest[..taken]);
            }
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                out.push('[');
                // A bracket that closes at once stands for itself.
                let skipped = if rest.starts_with("[^") { 2 } else { 1 };
                out.push_str(&rest[1..skipped]);
                taken = skipped;
                if rest[skipped..].starts_with(']') {
                    out.push_str("\\]");
                    taken += 1;
                }
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        rest = &rest[taken..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        for (pattern, text, matches) in [
            (r"^\d+$", "12", true),
            (r"^\d+$", "१२", false),
            (r"[[:alpha:]]+[.]", "ab.", true),
            (r"^[]a]+$", "]a", true),
            (r"^[a&&b]+$", "&", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"^[\w.]+$", "a_1.", true),
        ] {
            assert_eq!(is_match(pattern, text).expect(pattern), matches, "{pattern} {text}");
        }
        assert!(is_match("(", "").is_err());
        assert!(is_match("(a{1000}){1000}", "").is_err());
    }

    #[test]
    fn replacements_are_bounded() {
        assert_eq!(replace_all("(.*):.*", "$1", "host:9100").expect("valid"), "host");
        assert_eq!(replace_all("a(x*)b", "${1}W", "-ab-axxb-").expect("valid"), "-W-xxW-");
        assert_eq!(replace_all("a(x*)b", "$1W", "-ab-axxb-").expect("valid"), "---");
        let long = "a".repeat(1 << 19);
        assert!(replace_all(".*", "$0$0$0$0", &long).is_err());
        assert!(replace_all("", &"b".repeat(1 << 10), &long).is_err());
    }
}
