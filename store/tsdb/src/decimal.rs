//! Floats as decimal integers, where that is exact.
//!
//! What exporters print are short decimals. Read as `whole / 10^exponent` their steps are small
//! integers; a float is read so only if it comes back bit for bit.

/// More decimal places hardly ever occur in what exporters print, and each costs a try.
pub const EXPONENT_MAX: u8 = 12;

/// Integers up to here are exact in a float.
pub const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

const POWERS: [f64; EXPONENT_MAX as usize + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];

/// `value` as an integer of 10^-exponent, where that is exact.
#[inline]
pub fn to_whole(value: f64, exponent: u8) -> Option<i64> {
    let power = POWERS[exponent as usize];
    let scaled = (value * power).round_ties_even();
    // Written so that a NaN fails, too.
    let fits = scaled.abs() < WHOLE_MAX;
    let whole = scaled as i64;
    (fits && (whole as f64 / power).to_bits() == value.to_bits()).then_some(whole)
}

/// The inverse of [`to_whole`].
#[inline]
pub fn from_whole(whole: i64, exponent: u8) -> f64 {
    whole as f64 / POWERS[exponent as usize]
}

/// The least exponent from `least` on by which `value` is exact.
pub fn find_exponent(value: f64, least: u8) -> Option<u8> {
    if !value.is_finite() {
        return None;
    }
    (least..=EXPONENT_MAX).find(|exponent| to_whole(value, *exponent).is_some())
}
