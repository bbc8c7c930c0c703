//! The system's random numbers.

use crate::random::Random;

/// Asks the operating system each time: fit for keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealRandom;

impl Random for RealRandom {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("every supported system has a random source");
    }
}
