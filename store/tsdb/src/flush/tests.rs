//! Tests of `flush`.

use super::*;

#[test]
fn windows_widen_until_a_few_cover_the_range() {
    const HOUR: i64 = 3_600_000;
    assert_eq!(window_width(2 * HOUR, 0, 2 * HOUR - 1), 2 * HOUR);
    assert_eq!(window_width(2 * HOUR, -1, 2 * HOUR), 2 * HOUR);
    assert_eq!(window_width(2 * HOUR, 0, 16 * HOUR), 4 * HOUR);
    let year = 365 * 24 * HOUR;
    let width = window_width(2 * HOUR, 0, 50 * year);
    assert!(50 * year / width < 8 && width % (2 * HOUR) == 0);
    window_width(2 * HOUR, i64::MIN, i64::MAX);
}
