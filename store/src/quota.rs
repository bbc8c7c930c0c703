//! How much a workspace may ingest: a token bucket.
//!
//! Pure: the time comes in with each question. The bucket fills steadily up to the burst. A request
//! larger than the burst passes when the bucket is full and leaves a debt behind: no request that
//! is within the size limits is refused for ever.

use std::time::Duration;

/// Average and burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Tokens a second; 0: no limit.
    pub per_second: u64,
    /// Tokens that the full bucket holds; 0: as many as a second brings.
    pub burst: u64,
}

/// What is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenBucket {
    /// Below zero: a debt.
    tokens: f64,
    /// When this was so, on the steady clock.
    at: Duration,
}

impl TokenBucket {
    /// Filled with whatever the quota will turn out to be.
    pub const fn full() -> Self {
        Self { tokens: f64::INFINITY, at: Duration::ZERO }
    }

    /// Takes tokens, or takes none and says after how long they would be there.
    pub fn take(&mut self, quota: Quota, now: Duration, wanted: u64) -> Result<(), Duration> {
        let Quota { per_second, burst } = quota;
        if per_second == 0 {
            *self = Self::full();
            return Ok(());
        }
        let (rate, wanted) = (per_second as f64, wanted as f64);
        let most = if burst == 0 { rate } else { burst as f64 };
        let gained = now.saturating_sub(self.at).as_secs_f64() * rate;
        let tokens = (self.tokens + gained).min(most);
        *self = Self { tokens, at: now.max(self.at) };
        let missing = wanted.min(most) - tokens;
        if missing > 0.0 {
            // The quota may have been any number: a day is as good as never.
            return Err(Duration::from_secs_f64((missing / rate).min(86_400.0)));
        }
        self.tokens -= wanted;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { per_second: 10, burst: 20 };

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_passes_and_then_the_average() {
        let mut bucket = TokenBucket::full();
        assert_eq!(bucket.take(QUOTA, at(0), 15), Ok(()));
        assert_eq!(bucket.take(QUOTA, at(0), 5), Ok(()));
        assert_eq!(bucket.take(QUOTA, at(0), 1), Err(at(100)));
        assert_eq!(bucket.take(QUOTA, at(500), 6), Err(at(100)));
        assert_eq!(bucket.take(QUOTA, at(500), 5), Ok(()));
        assert_eq!(bucket.take(QUOTA, at(3_600_000), 21), Ok(()), "larger than the burst");
        assert_eq!(bucket.take(QUOTA, at(3_600_000), 1), Err(at(200)), "it left a debt");
    }

    #[test]
    fn what_is_refused_costs_nothing_and_the_clock_never_goes_back() {
        let mut bucket = TokenBucket::full();
        bucket.take(QUOTA, at(1000), 20).expect("a full bucket");
        for _ in 0..100 {
            assert!(bucket.take(QUOTA, at(1000), 10).is_err());
        }
        assert!(bucket.take(QUOTA, at(0), 1).is_err(), "an earlier time brings nothing");
        assert_eq!(bucket.take(QUOTA, at(2000), 10), Ok(()));
    }

    #[test]
    fn over_any_stretch_no_more_passes_than_burst_and_average() {
        let (mut bucket, mut passed) = (TokenBucket::full(), 0);
        for step in 0..10_000_u64 {
            // Some arithmetic in place of chance: sizes from 0 to 12.
            let size = step * 7919 % 13;
            if bucket.take(QUOTA, at(step * 10), size).is_ok() {
                passed += size;
            }
        }
        assert!((1000..=1020).contains(&passed), "{passed} in 100 seconds");
    }

    #[test]
    fn no_quota_no_limit() {
        let mut bucket = TokenBucket::full();
        let none = Quota { per_second: 0, burst: 0 };
        assert_eq!(bucket.take(none, at(0), u64::MAX), Ok(()));
        assert_eq!(bucket.take(QUOTA, at(0), 20), Ok(()), "a quota begins with a full bucket");
    }
}
