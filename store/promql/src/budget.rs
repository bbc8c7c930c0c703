//! What one query may use.

use crate::errors::EvalError;

/// Why the caller stops a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// Nobody waits any more.
    Canceled,
    /// The deadline passed.
    TimedOut,
}

/// The limits of one query; time is known to the caller only.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// Samples held in memory at once; a native histogram counts as several.
    pub samples_max: usize,
    /// Bytes of points held in memory at once.
    pub bytes_max: usize,
    /// Asked before each series and every few hundred steps of work.
    pub interrupted: &'a (dyn Fn() -> Option<Interruption> + Sync),
}

impl Budget<'static> {
    /// No limit at all: for tests and for data whose size is known.
    pub fn unlimited() -> Self {
        Self { samples_max: usize::MAX, bytes_max: usize::MAX, interrupted: &|| None }
    }
}

impl Budget<'_> {
    /// Fails where the caller wants the query to stop.
    pub fn check_interruption(&self) -> Result<(), EvalError> {
        match (self.interrupted)() {
            None => Ok(()),
            Some(Interruption::Canceled) => Err(EvalError::Canceled),
            Some(Interruption::TimedOut) => Err(EvalError::TimedOut),
        }
    }
}

/// Bytes of one float point: timestamp and value.
const SAMPLE_BYTES: usize = 16;

/// What a query holds now and held at most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Samples held now.
    pub samples: usize,
    /// Most samples ever held.
    pub samples_peak: usize,
    /// Samples looked at, overlapping windows counted again.
    pub samples_total: u64,
}

impl Usage {
    /// Counts samples that are kept.
    pub fn hold(&mut self, samples: usize, budget: &Budget<'_>) -> Result<(), EvalError> {
        self.samples = self.samples.saturating_add(samples);
        self.check_with(0, budget)
    }

    /// Checks what is held plus a buffer of `more` samples.
    pub fn check_with(&mut self, more: usize, budget: &Budget<'_>) -> Result<(), EvalError> {
        let now = self.samples.saturating_add(more);
        self.samples_peak = self.samples_peak.max(now);
        if now > budget.samples_max {
            return Err(EvalError::TooManySamples { samples_max: budget.samples_max });
        }
        if now.saturating_mul(SAMPLE_BYTES) > budget.bytes_max {
            return Err(EvalError::TooManyBytes { bytes_max: budget.bytes_max });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold() {
        let budget = Budget { samples_max: 10, bytes_max: 1000, interrupted: &|| None };
        let mut usage = Usage::default();
        assert_eq!(usage.hold(10, &budget), Ok(()));
        assert_eq!(usage.hold(1, &budget), Err(EvalError::TooManySamples { samples_max: 10 }));
        let small = Budget { samples_max: 10, bytes_max: 31, interrupted: &|| None };
        let mut usage = Usage::default();
        assert_eq!(usage.hold(2, &small), Err(EvalError::TooManyBytes { bytes_max: 31 }));
    }

    #[test]
    fn the_caller_can_stop() {
        let stop = || Some(Interruption::TimedOut);
        let budget = Budget { interrupted: &stop, ..Budget::unlimited() };
        assert_eq!(budget.check_interruption(), Err(EvalError::TimedOut));
    }
}
