//! Which targets are this collector's.
//!
//! Pure. Rendezvous hashing: each shard has a score for each target and the highest takes it, so
//! that one shard more or less moves only the targets it gains or loses. What identifies a target
//! is its job and URL, not its labels: a pod that gets a new label stays where it is.

use crds::scraper::ScraperSpec;

use crate::target::{Fnv64, Target};

/// A label that, where set, takes the place of job and URL: targets of one value stay together.
pub const HASH_LABEL: &str = "__tmp_hash";
/// A label that, where set, makes every shard scrape the target.
pub const DISABLE_LABEL: &str = "__tmp_disable_sharding";

/// One collector among several. An index at or above the count takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharding {
    /// Which one, from 0.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

impl Sharding {
    /// Whether this collector scrapes the target.
    pub fn takes(self, target: &Target) -> bool {
        if self.index >= self.count {
            return false;
        }
        if !target.labels.value(DISABLE_LABEL).is_empty() {
            return true;
        }
        let mut identity = Fnv64::default();
        match target.labels.value(HASH_LABEL) {
            "" => {
                identity.write(target.job_name.as_bytes());
                identity.write(&[0]);
                identity.write(target.url.as_bytes());
            }
            chosen => identity.write(chosen.as_bytes()),
        }
        shard_of(identity.0, self.count) == self.index
    }
}

/// The shard of the highest score; of equal scores the first. The count is above zero.
pub fn shard_of(identity: u64, count: u32) -> u32 {
    let score = |shard: u32| mix(identity ^ mix(u64::from(shard) + 1));
    let best = (0..count).max_by_key(|shard| (score(*shard), std::cmp::Reverse(*shard)));
    best.unwrap_or(0)
}

/// How many shards count from now on.
///
/// Shards that are being added take targets only once all of them run (`running` is what the
/// operator's status says), so that nobody lets go of a target before its new owner can take it.
/// Shards that are being removed are let go at once. `known` is what counted so far.
pub fn effective_shards(spec: &ScraperSpec, running: Option<i32>, known: Option<u32>) -> u32 {
    let wanted = spec.sharding.shards;
    let running = running.and_then(|running| u32::try_from(running).ok());
    let known = known.or(running).unwrap_or(wanted);
    if wanted <= known || running.is_some_and(|running| running >= wanted) {
        wanted
    } else {
        known.max(1)
    }
}

/// The finisher of splitmix64: every bit of the input changes half of the output's.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests;
