//! How long to wait after the n-th failure.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Waits that double with every failure, up to a ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub ceiling: Duration,
}

impl Backoff {
    /// Of objects whose reconcile failed: soon again, but an object that cannot be helped costs
    /// one try in five minutes.
    pub const OBJECT: Self =
        Self { first: Duration::from_millis(500), ceiling: Duration::from_mins(5) };
    /// Of watches: a kind that appears is noticed within seconds.
    pub const WATCH: Self =
        Self { first: Duration::from_millis(500), ceiling: Duration::from_secs(10) };
    /// Of watches of kinds that the cluster may do without: whoever installs one waits for half a
    /// minute at most, however the wait falls.
    pub const OPTIONAL_WATCH: Self =
        Self { first: Duration::from_secs(5), ceiling: Duration::from_secs(24) };

    /// The wait after `failures` failures in a row (1 or more), between 75 % and 125 % of the
    /// doubled one; which of it depends on `who`, so that many who fail together come back apart.
    pub fn wait(&self, failures: u32, who: &impl Hash) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let plain = self.first.saturating_mul(1 << doublings).min(self.ceiling);
        jitter(plain, &(who, failures))
    }
}

/// 75 % to 125 % of a time, decided by a hash of `who`: no dice, so tests see the same twice.
pub fn jitter(plain: Duration, who: &impl Hash) -> Duration {
    let mut hasher = DefaultHasher::new();
    who.hash(&mut hasher);
    let part = (hasher.finish() % 1000) as f64 / 1000.0;
    plain.mul_f64(0.75 + part / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_ceiling_and_never_leave_their_band() {
        let backoff = Backoff::OBJECT;
        for failures in 1..60 {
            let plain = Duration::from_millis(500)
                .saturating_mul(1 << (failures - 1).min(20))
                .min(backoff.ceiling);
            for who in ["a", "b", "c"] {
                let wait = backoff.wait(failures, &who);
                assert!(wait >= plain.mul_f64(0.74) && wait <= plain.mul_f64(1.26), "{wait:?}");
            }
        }
    }

    #[test]
    fn a_kind_that_is_installed_late_is_seen_within_half_a_minute() {
        for failures in 1..200 {
            let wait = Backoff::OPTIONAL_WATCH.wait(failures, &"PrometheusRule");
            assert!(wait <= Duration::from_secs(30), "{wait:?}");
        }
    }

    #[test]
    fn two_that_fail_together_come_back_apart() {
        let waits: std::collections::BTreeSet<_> =
            (0..100).map(|who| Backoff::OBJECT.wait(5, &who)).collect();
        assert!(waits.len() > 50, "{}", waits.len());
    }
}
