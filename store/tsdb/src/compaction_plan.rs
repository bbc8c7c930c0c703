//! Which blocks to merge, and which to drop.
//!
//! Blocks that fit one aligned window of time are merged when the window is over, window by window
//! from two hours up to a week, then by fours; so a sample is rewritten a handful of times in its
//! life. Late samples gather before they make an old block be written anew.

use crate::manifest::BlockEntry;

/// Widths of the windows, in slices of `block_span_ms`: 2 h, 8 h, a day, a week, and so on by
/// fours.
const WIDTHS: [i64; 8] = [1, 4, 12, 84, 336, 1_344, 5_376, 21_504];
/// Blocks of one window that are merged though the window is not over: flushes by size.
const CROWD: usize = 4;
/// Windows beyond a week hold at least so many blocks before they are merged.
const FAR_CROWD: usize = 8;
/// One merge takes at most so many blocks.
const MERGED_MAX: usize = 64;

/// What a plan goes by.
#[derive(Clone, Copy, Debug)]
pub struct PlanRules {
    /// Width of the smallest window.
    pub block_span_ms: i64,
    /// The newest sample of the database: windows that end before it are over.
    pub newest_ms: i64,
    /// Blocks larger than this together are not merged.
    pub merged_bytes_max: u64,
    /// Windows wider than a quarter of the retention would keep data too long.
    pub retention_ms: Option<i64>,
}

/// The blocks to merge next, by their places; `None` where there is nothing to do.
pub fn next_merge(blocks: &[BlockEntry], rules: &PlanRules) -> Option<Vec<usize>> {
    let widths = WIDTHS.iter().enumerate().filter_map(|(level, width)| {
        let width_ms = rules.block_span_ms.checked_mul(*width)?;
        let fits = level == 0 || rules.retention_ms.is_none_or(|r| width_ms <= r / 4);
        fits.then_some((level, width_ms))
    });
    for (level, width_ms) in widths {
        for (window, members) in windows(blocks, width_ms) {
            let window_end_ms = window.saturating_add(1).saturating_mul(width_ms);
            let over = window_end_ms <= rules.newest_ms;
            if let Some(members) = worth_merging(blocks, members, level, over, rules) {
                return Some(members);
            }
        }
    }
    None
}

/// The blocks whose newest sample is older than `oldest_ms`, by their places.
pub fn expired(blocks: &[BlockEntry], oldest_ms: i64) -> Vec<usize> {
    (0..blocks.len()).filter(|at| blocks[*at].max_ms < oldest_ms).collect()
}

// Blocks that lie in one window each, by window.
fn windows(blocks: &[BlockEntry], width_ms: i64) -> Vec<(i64, Vec<usize>)> {
    let mut inside: Vec<(i64, usize)> = blocks
        .iter()
        .enumerate()
        .filter(|(_, b)| b.min_ms.div_euclid(width_ms) == b.max_ms.div_euclid(width_ms))
        .map(|(at, block)| (block.min_ms.div_euclid(width_ms), at))
        .collect();
    inside.sort_unstable();
    let runs = inside.chunk_by(|a, b| a.0 == b.0);
    runs.map(|run| (run[0].0, run.iter().map(|(_, at)| *at).collect())).collect()
}

fn worth_merging(
    blocks: &[BlockEntry],
    mut members: Vec<usize>,
    level: usize,
    over: bool,
    rules: &PlanRules,
) -> Option<Vec<usize>> {
    // The smallest first: one that is large enough alone must not keep the others apart.
    members.sort_by_key(|at| (blocks[*at].bytes, *at));
    members.truncate(MERGED_MAX);
    let mut total = 0;
    members.retain(|at| {
        total += blocks[*at].bytes;
        total <= rules.merged_bytes_max
    });
    let total: u64 = members.iter().map(|at| blocks[*at].bytes).sum();
    let largest = members.iter().map(|at| blocks[*at].bytes).max()?;
    let enough = match level {
        0 if !over => CROWD,
        0..=3 if over => 2,
        0..=3 => usize::MAX,
        _ => FAR_CROWD,
    };
    let lopsided = largest > total / 4 * 3 && members.len() <= CROWD;
    members.sort_unstable();
    (members.len() >= enough && !lopsided).then_some(members)
}

#[cfg(test)]
mod tests;
