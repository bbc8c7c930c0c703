//! Numbers as text, the way Go prints them.
//!
//! Label values, messages and rendered alerts hold such texts, so they must come out alike.

/// A number from its digits as Rust prints them with an exponent: Go writes the exponent below 1e-4
/// and from `exponent_from` on only, with a sign and two digits.
fn general(value: f64, scientific: &str, exponent_from: i32) -> String {
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` prints an exponent");
    let is_whole = !mantissa.contains('.');
    let mantissa =
        if is_whole { mantissa } else { mantissa.trim_end_matches('0').trim_end_matches('.') };
    let exponent: i32 = exponent.parse().expect("`{:e}` prints a number after the e");
    if exponent < -4 || exponent >= exponent_from {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count() as i32;
    let decimals = (digits - 1 - exponent).max(0) as usize;
    format!("{value:.decimals$}")
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
    special(value).map_or_else(|| general(value, &format!("{value:e}"), 6), str::to_owned)
}

/// As `FormatFloat(value, 'f', -1, 64)` prints: never an exponent.
pub fn format_f(value: f64) -> String {
    special(value).map_or_else(|| format!("{value}"), str::to_owned)
}

/// As `%.Nf` prints.
pub fn format_fixed(value: f64, decimals: usize) -> String {
    special(value).map_or_else(|| format!("{value:.decimals$}"), str::to_owned)
}

/// As OpenMetrics wants a `le` or `quantile` value: whole numbers keep `.0`.
pub fn format_open_metrics(value: f64) -> String {
    let text = format_g(value);
    let plain = value.is_finite() && !text.contains(['.', 'e']);
    if plain { text + ".0" } else { text }
}

/// As `%.2g` prints: two significant digits.
pub fn format_g2(value: f64) -> String {
    special(value).map_or_else(|| general(value, &format!("{value:.1e}"), 2), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value, and what Go 1.26 prints of it by `%v`, by `%.2g`, by `%.3f`.
    const PRINTED: &[(f64, &str, &str, &str)] = &[
        (0.0, "0", "0", "0.000"),
        (-0.0, "-0", "-0", "-0.000"),
        (1.0, "1", "1", "1.000"),
        (23.0, "23", "23", "23.000"),
        (0.5, "0.5", "0.5", "0.500"),
        (1e-4, "0.0001", "0.0001", "0.000"),
        (9.9e-5, "9.9e-05", "9.9e-05", "0.000"),
        (1.5e-7, "1.5e-07", "1.5e-07", "0.000"),
        (-0.00001234, "-1.234e-05", "-1.2e-05", "-0.000"),
        (123.456, "123.456", "1.2e+02", "123.456"),
        (1e5, "100000", "1e+05", "100000.000"),
        (999_999.0, "999999", "1e+06", "999999.000"),
        (1e6, "1e+06", "1e+06", "1000000.000"),
        (1_234_567.0, "1.234567e+06", "1.2e+06", "1234567.000"),
        (1e20, "1e+20", "1e+20", "100000000000000000000.000"),
        (1e21, "1e+21", "1e+21", "1000000000000000000000.000"),
        (1.2345678901234568e20, "1.2345678901234568e+20", "1.2e+20", "123456789012345683968.000"),
        (5e-324, "5e-324", "4.9e-324", "0.000"),
        (f64::INFINITY, "+Inf", "+Inf", "+Inf"),
        (f64::NEG_INFINITY, "-Inf", "-Inf", "-Inf"),
        (f64::NAN, "NaN", "NaN", "NaN"),
    ];

    #[test]
    fn numbers_print_like_go() {
        for (value, general, two_digits, fixed) in PRINTED {
            assert_eq!(format_g(*value), *general, "%v of {value}");
            assert_eq!(format_g2(*value), *two_digits, "%.2g of {value}");
            assert_eq!(format_fixed(*value, 3), *fixed, "%.3f of {value}");
        }
        for (value, plain) in [
            (1e21, "1000000000000000000000"),
            (1.2345678901234568e20, "123456789012345680000"),
            (-0.00001234, "-0.00001234"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(format_f(value), plain);
        }
        assert_eq!(format_open_metrics(1.0), "1.0");
        assert_eq!(format_open_metrics(0.5), "0.5");
    }
}
