//! Floats as Go prints them.

/// `strconv.FormatFloat(value, 'f', -1, 64)`: the shortest digits, never an exponent.
pub fn format_plain(value: f64) -> String {
    special(value).unwrap_or_else(|| format!("{value}"))
}

/// Go's `%v`: the shortest digits, an exponent below 1e-4 and from 1e21.
pub fn format_general(value: f64) -> String {
    if let Some(text) = special(value) {
        return text;
    }
    if value == 0.0 || (1e-4..1e21).contains(&value.abs()) {
        return format_plain(value);
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').expect("the format has an exponent");
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Go's `%.Nf`.
pub fn format_fixed(value: f64, decimals: usize) -> String {
    special(value).unwrap_or_else(|| format!("{value:.decimals$}"))
}

fn special(value: f64) -> Option<String> {
    let text = match value {
        _ if value.is_nan() => "NaN",
        f64::INFINITY => "+Inf",
        f64::NEG_INFINITY => "-Inf",
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_go() {
        assert_eq!(format_plain(1e21), "1000000000000000000000");
        assert_eq!(format_plain(-0.5), "-0.5");
        assert_eq!(format_plain(f64::NEG_INFINITY), "-Inf");
        assert_eq!(format_general(1e21), "1e+21");
        assert_eq!(format_general(1.5e-7), "1.5e-07");
        assert_eq!(format_general(23.0), "23");
        assert_eq!(format_fixed(-1.0, 3), "-1.000");
        assert_eq!(format_fixed(f64::NAN, 3), "NaN");
    }
}
