//! Kubernetes's quantities as numbers.                   (pure)

/// A quantity (`10Gi`, `0.5`, `100m`, `1e3`) in thousandths; `None` where it is not one or does
/// not fit. Rules: `k8s.io/apimachinery/pkg/api/resource`; parts below a thousandth are rounded up,
/// as there.
pub fn parse(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-'));
    let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
    let (mantissa, digits_after) = decimal(number)?;
    let (factor, divisor) = scale(suffix)?;
    let scaled = mantissa.checked_mul(factor)?.checked_mul(1000)?;
    let divisor = divisor.checked_mul(10_i128.checked_pow(digits_after)?)?;
    let rest = scaled.rem_euclid(divisor);
    Some(scaled.div_euclid(divisor) + i128::from(rest != 0))
}

/// A quantity in whole units, rounded up: bytes of a size.
pub fn units(text: &str) -> Option<i128> {
    let thousandths = parse(text)?;
    Some(thousandths.div_euclid(1000) + i128::from(thousandths.rem_euclid(1000) != 0))
}

fn decimal(number: &str) -> Option<(i128, u32)> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.len() > 18 || (part.is_empty() && whole.is_empty()) || part.contains(['+', '-']) {
        return None;
    }
    Some((format!("{whole}{part}").parse().ok()?, u32::try_from(part.len()).ok()?))
}

fn scale(suffix: &str) -> Option<(i128, i128)> {
    let powers = |base: i128, at: usize| base.pow(u32::try_from(at).unwrap_or(0));
    let binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if let Some(at) = binary.iter().position(|known| *known == suffix) {
        return Some((powers(1024, at), 1));
    }
    let decimal = ["", "k", "M", "G", "T", "P", "E"];
    if let Some(at) = decimal.iter().position(|known| *known == suffix) {
        return Some((powers(1000, at), 1));
    }
    let small = ["", "m", "u", "n"];
    if let Some(at) = small.iter().position(|known| *known == suffix) {
        return Some((1, powers(1000, at)));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    Some(if exponent < 0 { (1, power) } else { (power, 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_quantity_gives_its_number() {
        let cases: &[(&str, i128)] = &[
            ("1", 1000),
            ("100m", 100),
            ("0.1", 100),
            ("1.5Gi", 1_610_612_736_000),
            ("1024Mi", 1_073_741_824_000),
            ("1Gi", 1_073_741_824_000),
            ("10G", 10_000_000_000_000),
            ("1e3", 1_000_000),
            ("1E3", 1_000_000),
            ("2E", 2_000_000_000_000_000_000_000),
            ("1u", 1),
            ("-1", -1000),
            ("+1", 1000),
            (".5", 500),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Some(*expected), "{text}");
        }
        for wrong in ["", ".", "Gi", "1gi", "1 Gi", "ten", "1e", "1.-5", "1Gi "] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(units("1.5Ki"), Some(1536));
        assert_eq!(units("1m"), Some(1));
    }
}
