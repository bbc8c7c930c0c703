//! The bytes of one simulated file, synced and not.
//!
//! Pure. A crash keeps or loses each sector of what was not synced by itself, and may tear the last
//! one at any byte. After a failed sync the sectors that did not reach the disk count as clean: no
//! later sync writes them, as on a real kernel.

use std::collections::BTreeSet;

use crate::seeded_random::SeededRandom;

/// What a disk writes at once.
pub const SECTOR: usize = 512;

/// The content of a file.
#[derive(Clone, Debug, Default)]
pub struct FileBytes {
    /// What reads see.
    pub current: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that a failed sync gave up.
    lost: BTreeSet<usize>,
}

impl FileBytes {
    /// Writes at the end.
    pub fn append(&mut self, bytes: &[u8]) {
        let first = self.current.len() / SECTOR;
        self.current.extend_from_slice(bytes);
        // A sector that is written again is written whole.
        self.lost.retain(|sector| *sector < first);
    }

    /// Cuts, or fills with zeros up to `len`.
    pub fn truncate(&mut self, len: usize) {
        self.current.resize(len, 0);
        self.lost.retain(|sector| sector * SECTOR < len);
    }

    /// Everything is durable but what was given up before.
    pub fn sync(&mut self) {
        self.durable = self.mixed(self.current.len(), |sector| !self.lost.contains(&sector));
    }

    /// A sync that fails: some sectors get through.
    pub fn sync_failing(&mut self, dice: &SeededRandom) {
        for sector in 0..self.current.len().div_ceil(SECTOR) {
            if !self.is_clean(sector) && dice.chance(500) {
                self.lost.insert(sector);
            }
        }
        self.sync();
    }

    /// What a crash leaves.
    pub fn crash(&mut self, dice: &SeededRandom) {
        let (low, high) = (self.durable.len().min(self.current.len()), self.current.len());
        let high = high.max(self.durable.len());
        let len = match dice.below(3) {
            0 => self.durable.len(),
            1 => self.current.len(),
            _ => low + dice.below((high - low) as u64 + 1) as usize,
        };
        let kept: Vec<bool> = (0..=len / SECTOR)
            .map(|sector| dice.chance(500) && !self.lost.contains(&sector))
            .collect();
        self.durable = self.mixed(len, |sector| kept[sector]);
        self.current = self.durable.clone();
        self.lost.clear();
    }

    fn is_clean(&self, sector: usize) -> bool {
        let range = |bytes: &[u8]| {
            let start = (sector * SECTOR).min(bytes.len());
            bytes[start..(start + SECTOR).min(bytes.len())].to_vec()
        };
        range(&self.current) == range(&self.durable)
    }

    /// `len` bytes, each sector from the current or the durable content; zeros where that has none.
    fn mixed(&self, len: usize, is_current: impl Fn(usize) -> bool) -> Vec<u8> {
        let mut out = vec![0; len];
        for (sector, into) in out.chunks_mut(SECTOR).enumerate() {
            let from = if is_current(sector) { &self.current } else { &self.durable };
            let start = (sector * SECTOR).min(from.len());
            let end = (start + into.len()).min(from.len());
            into[..end - start].copy_from_slice(&from[start..end]);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_never_touches_what_was_synced() {
        for seed in 0..200 {
            let dice = SeededRandom::new(seed, "test");
            let mut file = FileBytes::default();
            let synced: Vec<u8> = (0..1300_u32).map(|n| (n % 251) as u8 + 1).collect();
            file.append(&synced);
            file.sync();
            file.append(&[255; 2000]);
            file.crash(&dice);
            assert_eq!(file.current[..1300], synced[..], "seed {seed}");
        }
    }

    #[test]
    fn a_crash_loses_what_was_not_synced_in_some_runs_and_keeps_it_in_others() {
        let outcomes: BTreeSet<Vec<u8>> = (0..200)
            .map(|seed| {
                let mut file = FileBytes::default();
                file.append(&[7; 700]);
                file.crash(&SeededRandom::new(seed, "test"));
                file.current
            })
            .collect();
        assert!(outcomes.contains(&vec![]) && outcomes.contains(&vec![7; 700]));
        assert!(outcomes.len() > 10, "some are torn");
    }

    #[test]
    fn what_a_failed_sync_gave_up_stays_lost() {
        let gone = (0..50).any(|seed| {
            let dice = SeededRandom::new(seed, "test");
            let mut file = FileBytes::default();
            file.append(&[7; SECTOR * 4]);
            file.sync_failing(&dice);
            file.sync();
            file.crash(&dice);
            file.current != vec![7; SECTOR * 4]
        });
        assert!(gone);
    }
}
