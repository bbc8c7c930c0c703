//! Sums that remember what rounding took away.
//!
//! Neumaier's variant of Kahan's algorithm, as Prometheus sums: huge terms that cancel leave the
//! small ones behind instead of zero.

/// A running sum and the part of it that the `f64` cannot hold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CompensatedSum {
    /// The sum as an ordinary addition gives it.
    pub sum: f64,
    /// What the additions lost so far; zero once the sum is infinite.
    pub compensation: f64,
}

impl CompensatedSum {
    /// Starts at a value, with nothing lost.
    pub const fn new(sum: f64) -> Self {
        Self { sum, compensation: 0.0 }
    }

    /// Adds a term.
    #[inline]
    pub fn add(&mut self, term: f64) {
        let total = self.sum + term;
        if total.is_infinite() {
            self.compensation = 0.0;
        } else if self.sum.abs() >= term.abs() {
            self.compensation += (self.sum - total) + term;
        } else {
            self.compensation += (term - total) + self.sum;
        }
        self.sum = total;
    }

    /// The sum with what was lost put back.
    #[inline]
    pub fn value(self) -> f64 {
        self.sum + self.compensation
    }

    /// Multiplies both parts.
    #[inline]
    pub fn scale(&mut self, factor: f64) {
        self.sum *= factor;
        self.compensation *= factor;
    }

    /// Divides both parts.
    #[inline]
    pub fn divide(&mut self, divisor: f64) {
        self.sum /= divisor;
        self.compensation /= divisor;
    }
}

/// A mean that survives sums beyond the range of `f64`.
///
/// It divides at the end as long as the sum is finite, and turns to a running mean when it is not.
#[derive(Clone, Copy, Debug)]
pub struct CompensatedMean {
    sum: CompensatedSum,
    count: f64,
    running: bool,
}

impl CompensatedMean {
    /// The mean of one value.
    pub const fn new(first: f64) -> Self {
        Self { sum: CompensatedSum::new(first), count: 1.0, running: false }
    }

    /// Takes one more value into account.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.running {
            let mut sum = self.sum;
            sum.add(value);
            if !sum.sum.is_infinite() {
                self.sum = sum;
                return;
            }
            self.running = true;
            self.sum.divide(self.count - 1.0);
        }
        self.sum.scale((self.count - 1.0) / self.count);
        self.sum.add(value / self.count);
    }

    /// The mean of everything added.
    pub fn value(self) -> f64 {
        if self.running {
            return self.sum.value();
        }
        self.sum.sum / self.count + self.sum.compensation / self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_survive_huge_ones_that_cancel() {
        let mut sum = CompensatedSum::default();
        for term in [1.0, 1e100, 1.0, -1e100] {
            sum.add(term);
        }
        assert_eq!(sum.value(), 2.0);
    }

    #[test]
    fn infinity_stays_infinite() {
        let mut sum = CompensatedSum::default();
        for term in [f64::MAX, f64::MAX, 1.0] {
            sum.add(term);
        }
        assert_eq!(sum.value(), f64::INFINITY);
    }

    #[test]
    fn a_mean_of_the_greatest_numbers_is_finite() {
        let mut mean = CompensatedMean::new(f64::MAX);
        mean.add(f64::MAX);
        mean.add(f64::MAX);
        assert!((mean.value() / f64::MAX - 1.0).abs() < 1e-15, "{}", mean.value());
        let mut mean = CompensatedMean::new(1.0);
        mean.add(2.0);
        assert_eq!(mean.value(), 1.5);
    }
}
