//! Numbers as text, the way Go prints them.
//!
//! Label values, messages and rendered alerts hold such texts, so they must come out alike.

/// The shortest digits that read back the same; an exponent below 1e-4 and from `exponent_from` on.
fn shortest(value: f64, exponent_from: i32) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` prints an exponent");
    let exponent: i32 = exponent.parse().expect("`{:e}` prints a number after the e");
    if exponent < -4 || exponent >= exponent_from {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    format!("{value}")
}

fn special(value: f64) -> Option<&'static str> {
    match value {
        v if v.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// As `%g` and `%v` print: `1e+06`, `0.5`, `+Inf`.
pub fn format_g(value: f64) -> String {
    shortest(value, 6)
}

/// As `FormatFloat(value, 'f', -1, 64)` prints: never an exponent.
pub fn format_f(value: f64) -> String {
    special(value).map_or_else(|| format!("{value}"), str::to_owned)
}

/// As OpenMetrics wants a `le` or `quantile` value: whole numbers keep `.0`.
pub fn format_open_metrics(value: f64) -> String {
    let text = format_g(value);
    let plain = value.is_finite() && !text.contains(['.', 'e']);
    if plain { text + ".0" } else { text }
}

/// As `%.2g` prints: two significant digits.
pub fn format_g2(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format_g(value);
    }
    let rounded: f64 = format!("{value:.1e}").parse().expect("`{:.1e}` prints a number");
    shortest(rounded, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_like_go() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.00001, "1e-05"),
            (123456789.0, "1.23456789e+08"),
            (1e21, "1e+21"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(format_g(value), text);
        }
        assert_eq!(format_f(1e21), "1000000000000000000000");
        assert_eq!(format_open_metrics(1.0), "1.0");
        assert_eq!(format_open_metrics(0.5), "0.5");
        assert_eq!(format_g2(0.123), "0.12");
        assert_eq!(format_g2(123.0), "1.2e+02");
    }
}
