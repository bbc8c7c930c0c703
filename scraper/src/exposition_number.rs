//! Numbers of exposition bodies, by Go's rules.

use protocol::sample::NORMAL_NAN_BITS;

/// Digits that fit an `f64` exactly.
const EXACT_DIGITS: usize = 15;

/// A value: decimal, `NaN`, `Inf` in any case; no hexadecimal, no underscores, nothing out of
/// range.
pub fn parse_value(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    // Most values of most exporters are short whole numbers.
    if !bytes.is_empty() && bytes.len() <= EXACT_DIGITS && bytes.iter().all(u8::is_ascii_digit) {
        let whole = bytes.iter().fold(0u64, |sum, byte| sum * 10 + u64::from(byte - b'0'));
        return Some(whole as f64);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned.as_bytes().first()? {
        b'0'..=b'9' | b'.' => {
            let number: f64 = fast_float2::parse(text.strip_prefix('+').unwrap_or(text)).ok()?;
            number.is_finite().then_some(number)
        }
        _ if text.eq_ignore_ascii_case("nan") => Some(f64::from_bits(NORMAL_NAN_BITS)),
        _ if is_infinity(unsigned) => {
            Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY })
        }
        _ => None,
    }
}

/// A time in seconds with a fraction, as milliseconds; neither NaN nor infinite.
pub fn parse_seconds(text: &str) -> Option<i64> {
    let seconds = parse_value(text).filter(|seconds| seconds.is_finite())?;
    Some((seconds * 1000.0) as i64)
}

/// A time in whole milliseconds.
pub fn parse_millis(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn is_infinity(text: &str) -> bool {
    text.eq_ignore_ascii_case("inf") || text.eq_ignore_ascii_case("infinity")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_go() {
        for (text, value) in [
            ("0", 0.0),
            ("123456789012345", 123_456_789_012_345.0),
            ("12345678901234567890", 12_345_678_901_234_567_890.0),
            ("-1.5e3", -1500.0),
            ("+1", 1.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e308", 1e308),
            ("Inf", f64::INFINITY),
            ("+inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_value(text), Some(value), "{text}");
        }
        assert_eq!(parse_value("NaN").map(f64::to_bits), Some(NORMAL_NAN_BITS));
        assert_eq!(parse_value("nan").map(f64::to_bits), Some(NORMAL_NAN_BITS));
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "", "-", "+", "0x1p-2", "0x10", "1_000", "1e999", "+nan", "-nan", "1 ", " 1", "e5",
            "1e", "--1", "+-1", "infin", ".", "1.2.3", "١",
        ] {
            assert_eq!(parse_value(text), None, "{text:?}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(parse_millis("1520430000123"), Some(1_520_430_000_123));
        assert_eq!(parse_millis("-5"), Some(-5));
        for text in ["", "-", "+1", "1.5", "99999999999999999999"] {
            assert_eq!(parse_millis(text), None, "{text:?}");
        }
        assert_eq!(parse_seconds("1520879607.789"), Some(1_520_879_607_789));
        assert_eq!(parse_seconds("NaN"), None);
        assert_eq!(parse_seconds("Inf"), None);
    }
}
