//! Chance from a seed.

use std::sync::{Mutex, MutexGuard};

use world::random::Random;

/// A stream of numbers that its seed decides (`SplitMix64`).
#[derive(Debug)]
pub struct SeededRandom {
    state: Mutex<u64>,
}

impl SeededRandom {
    /// A stream of its own for each purpose, so that one more number drawn for one does not change
    /// what the others get.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        for byte in purpose.bytes() {
            state = mix(state ^ u64::from(byte));
        }
        Self { state: Mutex::new(state) }
    }

    /// A number below `end`, 0 where `end` is 0.
    pub fn below(&self, end: u64) -> u64 {
        // The bias of the remainder does not matter here: ends are small.
        self.next_u64().checked_rem(end).unwrap_or(0)
    }

    /// True so many times in a thousand.
    pub fn chance(&self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.state.lock().expect("nobody panics with this lock")
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let number = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    }

    fn next_u64(&self) -> u64 {
        let mut state = self.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(*state)
    }
}

pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
