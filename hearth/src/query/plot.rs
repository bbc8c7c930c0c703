//! A small plot for the terminal, drawn in Braille dots.
//!
//! ```text
//!   12.0 ┤⠀⡠⠒⠢⡀
//!      0 ┤⠊⠀⠀⠀⠈
//! ```

/// Width of a plot in characters; each is two dots wide.
pub const WIDTH: usize = 64;
/// Height of a plot in characters; each is four dots high.
pub const HEIGHT: usize = 8;

const BLANK: u32 = 0x2800;
/// The bit of each dot of a Braille character, by row and column.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// Draws `points` (time, value) between `start` and `end`; empty where nothing can be drawn.
pub fn draw(points: &[(f64, f64)], start: f64, end: f64) -> Vec<String> {
    let finite = || points.iter().copied().filter(|(_, value)| value.is_finite());
    let low = finite().map(|(_, value)| value).fold(f64::INFINITY, f64::min);
    let high = finite().map(|(_, value)| value).fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return Vec::new();
    }
    if low == high {
        // A level needs no height.
        return vec![format!("  {} ┤{}", number(low), "\u{2812}".repeat(WIDTH))];
    }
    let mut cells = [[BLANK; WIDTH]; HEIGHT];
    let (columns, rows) = (WIDTH * 2 - 1, HEIGHT * 4 - 1);
    let mut last: Option<(usize, usize)> = None;
    for (time, value) in finite() {
        let x = scale(time, start, end, columns);
        let y = rows - scale(value, low, high, rows);
        // A jump between neighbours is drawn as a line, so that a step is seen as one.
        let from = last.filter(|(before, _)| x - before <= 2).map_or(y, |(_, y)| y);
        for y in from.min(y)..=from.max(y) {
            cells[y / 4][x / 2] |= DOTS[y % 4][x % 2];
        }
        last = Some((x, y));
    }
    let labels = [number(high), number(low)];
    let margin = labels.iter().map(String::len).max().unwrap_or(0);
    let line = |row: usize| {
        let label = match row {
            0 => labels[0].as_str(),
            _ if row == HEIGHT - 1 => labels[1].as_str(),
            _ => "",
        };
        let dots: String = cells[row].iter().filter_map(|&cell| char::from_u32(cell)).collect();
        format!("  {label:>margin$} ┤{}", dots.trim_end_matches('\u{2800}'))
    };
    (0..HEIGHT).map(line).collect()
}

/// Where `value` falls between `low` and `high`, 0 to `steps`; the middle where they are one.
fn scale(value: f64, low: f64, high: f64, steps: usize) -> usize {
    if high <= low {
        return steps / 2;
    }
    let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
    (share * steps as f64).round() as usize
}

fn number(value: f64) -> String {
    if value == 0.0 || (0.001..1e6).contains(&value.abs()) {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_goes_from_the_lower_left_to_the_upper_right() {
        let points: Vec<_> = (0..=100).map(|i| (f64::from(i), f64::from(i))).collect();
        let lines = draw(&points, 0.0, 100.0);
        assert_eq!(lines.len(), HEIGHT);
        assert!(lines[0].starts_with("  100 ┤"), "{}", lines[0]);
        assert!(lines[HEIGHT - 1].starts_with("    0 ┤⣀"), "{}", lines[HEIGHT - 1]);
        assert!(lines[0].chars().count() > lines[HEIGHT - 1].chars().count());
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        assert!(draw(&[], 0.0, 1.0).is_empty());
        assert!(draw(&[(0.0, f64::NAN)], 0.0, 1.0).is_empty());
        assert_eq!(draw(&[(0.0, 5.0)], 0.0, 0.0).len(), 1, "a level is one line");
    }
}
