//! Floating-point numbers the way Go prints them.

/// Writes `value` as Go's `strconv.FormatFloat` does: `format` is one of `e f g` in either case,
/// no precision means the fewest digits that read back the same.
pub fn format_float(value: f64, format: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = match format.to_ascii_lowercase() {
        'e' => scientific(value, precision),
        'f' => match precision {
            Some(digits) => format!("{value:.digits$}"),
            None => format!("{value}"),
        },
        _ => general(value, precision),
    };
    if format.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text }
}

fn scientific(value: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(digits) => format!("{value:.digits$e}"),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `%g`: scientific for exponents below -4 or from the precision on, which counts as 6 where the
/// fewest digits were asked for.
fn general(value: f64, precision: Option<usize>) -> String {
    let shown = match precision {
        Some(digits) => format!("{value:.*e}", digits.max(1) - 1),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = if mantissa.contains('.') {
        mantissa.trim_end_matches('0').trim_end_matches('.')
    } else {
        mantissa
    };
    let threshold = precision.map_or(6, |digits| digits.max(1) as i32);
    if exponent < -4 || exponent >= threshold {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    plain(mantissa, exponent)
}

fn plain(mantissa: &str, exponent: i32) -> String {
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: String = digits.chars().filter(|c| *c != '.').collect();
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1) as usize);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits:0<whole$}");
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_like_go() {
        for (value, shortest, four_digits) in [
            (1e6, "1e+06", "1e+06"),
            (123_456_789.0, "1.23456789e+08", "1.235e+08"),
            (100_000.0, "100000", "1e+05"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "1e-05"),
            (2.5, "2.5", "2.5"),
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (-1234.5678, "-1234.5678", "-1235"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NAN, "NaN", "NaN"),
        ] {
            assert_eq!(format_float(value, 'g', None), shortest);
            assert_eq!(format_float(value, 'g', Some(4)), four_digits);
        }
        assert_eq!(format_float(1e6, 'e', Some(6)), "1.000000e+06");
        assert_eq!(format_float(1e21, 'f', None), "1000000000000000000000");
    }
}
