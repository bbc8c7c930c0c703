//! How many dropped targets a whole collector remembers.

use std::sync::atomic::{AtomicUsize, Ordering};

/// They are kept for display only, and each holds all labels that were discovered: some kilobytes
/// in Kubernetes.
const KEPT_MAX: usize = 5000;

/// What is left to all jobs together.
#[derive(Debug)]
pub struct DroppedBudget(AtomicUsize);

impl Default for DroppedBudget {
    fn default() -> Self {
        Self(AtomicUsize::new(KEPT_MAX))
    }
}

impl DroppedBudget {
    /// Takes up to `wanted`; gives how many.
    pub fn take(&self, wanted: usize) -> usize {
        let left = self.0.load(Ordering::Relaxed);
        let taken = wanted.min(left);
        // The keeper alone takes and gives: no other can come between.
        self.0.store(left - taken, Ordering::Relaxed);
        taken
    }

    /// Gives some back.
    pub fn give_back(&self, count: usize) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_there_is_and_all_comes_back() {
        let budget = DroppedBudget::default();
        assert_eq!(budget.take(KEPT_MAX - 1), KEPT_MAX - 1);
        assert_eq!((budget.take(5), budget.take(5)), (1, 0));
        budget.give_back(3);
        assert_eq!(budget.take(5), 3);
    }
}
