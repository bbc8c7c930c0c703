//! `changes` and `resets`: neighbouring samples compared.

use std::sync::Arc;

use protocol::histogram::FloatHistogram;

use crate::errors::EvalError;
use crate::functions_rate::is_start_reset;
use crate::range_context::RangeContext;
use crate::value::PointValue;
use crate::window::{Edges, Window};

type Answer = Result<Option<PointValue>, EvalError>;

#[derive(Clone, Copy)]
enum Seen<'a> {
    Float(f64),
    Histogram(&'a Arc<FloatHistogram>),
}

#[derive(Clone, Copy)]
struct Neighbour<'a> {
    timestamp_ms: i64,
    start_ms: i64,
    seen: Seen<'a>,
}

/// `changes(v[d])`: how often the value differs from the one before.
pub fn changes(window: &Window<'_>, _context: &mut RangeContext<'_>) -> Answer {
    count(window, |before, now| match (before.seen, now.seen) {
        (Seen::Float(before), Seen::Float(now)) => {
            now != before && !(now.is_nan() && before.is_nan())
        }
        (Seen::Histogram(before), Seen::Histogram(now)) => !now.same_as(before),
        _ => true,
    })
}

/// `resets(v[d])`: how often a counter began anew.
pub fn resets(window: &Window<'_>, _context: &mut RangeContext<'_>) -> Answer {
    count(window, |before, now| {
        let (before_ms, now_ms) = (before.timestamp_ms, now.timestamp_ms);
        let began = is_start_reset(before.start_ms, before_ms, now.start_ms, now_ms);
        match (before.seen, now.seen) {
            (Seen::Float(before), Seen::Float(now)) => began || now < before,
            (Seen::Histogram(before), Seen::Histogram(now)) => began || now.is_reset_after(before),
            _ => true,
        }
    })
}

fn count(window: &Window<'_>, differs: impl Fn(&Neighbour<'_>, &Neighbour<'_>) -> bool) -> Answer {
    let mut all = neighbours(window);
    if window.edges == Edges::Anchored {
        let inside = all.partition_point(|point| point.timestamp_ms <= window.start_ms);
        if inside == all.len() {
            return Ok(None);
        }
        all.drain(..inside.saturating_sub(1));
    }
    let found = all.windows(2).filter(|pair| differs(&pair[0], &pair[1])).count();
    Ok(Some(PointValue::Float(found as f64)))
}

/// All samples of the window in order of time.
fn neighbours<'a>(window: &Window<'a>) -> Vec<Neighbour<'a>> {
    let start = |starts: &[i64], at: usize| starts.get(at).copied().unwrap_or(0);
    let float = |(at, point): (usize, &protocol::sample::Sample)| Neighbour {
        timestamp_ms: point.timestamp_ms,
        start_ms: start(window.float_starts_ms, at),
        seen: Seen::Float(point.value),
    };
    let mut all: Vec<Neighbour<'a>> = window.floats.iter().enumerate().map(float).collect();
    if !window.histograms.is_empty() {
        let points = window.histograms.iter().enumerate();
        all.extend(points.map(|(at, point)| Neighbour {
            timestamp_ms: point.timestamp_ms,
            start_ms: start(window.histogram_starts_ms, at),
            seen: Seen::Histogram(&point.histogram),
        }));
        all.sort_by_key(|point| point.timestamp_ms);
    }
    all
}
