//! Waits that grow from failure to failure.

use std::time::Duration;

/// Waits twice as long each time, and never quite as long as others do.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
    min: Duration,
    max: Duration,
    salt: u64,
}

impl Backoff {
    /// From `min` to `max`; the salt should differ from process to process.
    pub fn new(min: Duration, max: Duration, salt: u64) -> Self {
        Self { next: min, min, max, salt }
    }

    /// Begins anew, after a success.
    pub fn reset(&mut self) {
        self.next = self.min;
    }

    /// Between three and five quarters of the wait.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (2 * wait).min(self.max);
        self.salt = self.salt.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        wait.mul_f64(0.75 + (self.salt >> 33) as f64 / f64::from(1u32 << 31) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_begin_anew() {
        let (min, max) = (Duration::from_millis(800), Duration::from_secs(30));
        let mut backoff = Backoff::new(min, max, 7);
        let waits: Vec<Duration> = (0..20).map(|_| backoff.next_wait()).collect();
        assert!(waits[0] >= min.mul_f64(0.75) && waits[0] <= min.mul_f64(1.25));
        assert!(waits.iter().all(|wait| *wait <= max.mul_f64(1.25)), "{waits:?}");
        assert!(waits[19] >= max.mul_f64(0.75), "{waits:?}");
        assert!(waits.windows(2).any(|pair| pair[0] != pair[1]));
        backoff.reset();
        assert!(backoff.next_wait() <= min.mul_f64(1.25));
    }
}
