//! Where the words of an exposition line end.

use std::borrow::Cow;

/// The end of a label set: the place behind the first `}` that is not inside quotes.
pub(crate) fn labels_end(body: &[u8], open: usize) -> Option<usize> {
    let first = open + 1 + memchr::memchr(b'}', body.get(open + 1..)?)?;
    // Behind a closing quote it is the end. The quote is a closing one unless it is escaped or may
    // be an opening one by what stands before it; then, and only then, count quotes from the start.
    let closes = match &body[open + 1..first] {
        [] => true,
        [.., before, b'"'] => !matches!(before, b'\\' | b'=' | b'{' | b',' | b'"' | b' ' | b'\t'),
        _ => false,
    };
    if closes { Some(first + 1) } else { labels_end_by_quotes(body, open) }
}

fn labels_end_by_quotes(body: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        at += memchr::memchr2(b'"', b'}', body.get(at..)?)?;
        if body[at] == b'}' {
            return Some(at + 1);
        }
        at = quote_end(body, at)?;
    }
}

/// The place behind the quote that closes the one at `open`.
pub(crate) fn quote_end(body: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', body.get(at..)?)?;
        if body[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// How many bytes from `at` on fit a metric's name outside quotes.
pub(crate) fn name_length(body: &[u8], at: usize) -> usize {
    let rest = &body[at..];
    if rest.first().is_none_or(u8::is_ascii_digit) {
        return 0;
    }
    let is_name = |byte: &u8| NAME_BYTES[usize::from(*byte)];
    rest.iter().position(|byte| !is_name(byte)).unwrap_or(rest.len())
}

/// Which bytes a metric's name may have outside quotes: one look-up a byte, on the hottest path.
const NAME_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'_' | b':');
        byte += 1;
    }
    table
};

/// Undoes `\\`, `\n` and, inside quotes, `\"`; any other backslash stays.
pub(crate) fn unescape(text: &str, quoted: bool) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        let mut ahead = chars.clone();
        match ahead.next() {
            Some('\\') => plain.push('\\'),
            Some('n') => plain.push('\n'),
            Some('"') if quoted => plain.push('"'),
            _ => {
                plain.push('\\');
                continue;
            }
        }
        chars = ahead;
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{labels_end, labels_end_by_quotes};

    #[test]
    fn braces_inside_quotes_end_nothing() {
        for set in [
            "{}",
            "{a=\"b\"}",
            "{a=\"}\"}",
            "{a=\"x\\\"}\"}",
            "{a=\"=\"}",
            "{\"}\"}",
            "{a=\"b\",}",
            "{a=\"} 1\n\"}",
            "{a=\"b\"\"} 1\"=\"\"}",
        ] {
            let line = format!("m{set} 1 # {{x=\"y\"}} 2\n");
            assert_eq!(labels_end(line.as_bytes(), 1), Some(1 + set.len()), "{set}");
        }
        assert_eq!(labels_end(b"m{a=\"b\"", 1), None);
    }

    proptest! {
        #[test]
        fn the_short_cut_finds_what_counting_finds(
            pairs in proptest::collection::vec(("[a-z]{1,3}", "[a-z}{=,\" \\\\\n]{0,6}"), 0..4)
        ) {
            let set: Vec<String> = pairs
                .iter()
                .map(|(name, value)| {
                    format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
                })
                .collect();
            let line = format!("m{{{}}} 1\n", set.join(","));
            let expected = Some(line.len() - " 1\n".len());
            prop_assert_eq!(labels_end_by_quotes(line.as_bytes(), 1), expected);
            prop_assert_eq!(labels_end(line.as_bytes(), 1), expected);
        }
    }
}
