//! When a group is evaluated.
//!
//! A slot is `floor((now - offset) / interval) * interval + offset`; the offset comes from a hash
//! of
//! the group's name and file, so that slots are spread over time yet the same on every machine and
//! after every restart. The time of an evaluation is its slot, not the clock's time.

use protocol::labels::Labels;

const NANOS_PER_MILLI: i128 = 1_000_000;

/// The slots of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    interval_ns: i128,
    offset_ns: i128,
}

/// What to do when a slot is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextSlot {
    /// The slot to wait for.
    pub slot_ms: i64,
    /// Slots that passed while the last evaluation ran; they are counted and never made up for.
    pub missed: u64,
}

impl Schedule {
    /// The slots of the group `name` of `file`; Prometheus computes the same offset.
    pub fn new(file: &str, name: &str, interval_ms: i64) -> Self {
        assert!(interval_ms > 0, "an interval is never zero once it was read");
        let hash = Labels::from_pairs([("name", name), ("file", file)]).stable_hash();
        let interval_ns = i128::from(interval_ms) * NANOS_PER_MILLI;
        Self { interval_ns, offset_ns: i128::from(hash) % interval_ns }
    }

    /// The last slot at or before `now_ms`.
    pub fn slot_at(&self, now_ms: i64) -> i64 {
        let shifted = i128::from(now_ms) * NANOS_PER_MILLI - self.offset_ns;
        let slot = shifted.div_euclid(self.interval_ns) * self.interval_ns + self.offset_ns;
        slot.div_euclid(NANOS_PER_MILLI) as i64
    }

    /// The first slot after `now_ms`.
    pub fn first_after(&self, now_ms: i64) -> i64 {
        let slot = self.slot_at(now_ms);
        // Slots have nanoseconds, the clock milliseconds: the one rounded down may be this very
        // one.
        if slot > now_ms { slot } else { self.after(slot) }
    }

    /// The slot that follows `slot_ms`.
    pub fn after(&self, slot_ms: i64) -> i64 {
        let interval_ms = (self.interval_ns / NANOS_PER_MILLI) as i64;
        slot_ms + interval_ms
    }

    /// What follows an evaluation of `slot_ms` that ended at `now_ms`.
    pub fn next(&self, slot_ms: i64, now_ms: i64) -> NextSlot {
        let interval_ms = (self.interval_ns / NANOS_PER_MILLI) as i64;
        let next = self.after(slot_ms);
        if next - now_ms > interval_ms {
            // The clock went back: wait by the new time, not for hours.
            return NextSlot { slot_ms: self.first_after(now_ms), missed: 0 };
        }
        let missed = ((now_ms - slot_ms) / interval_ms - 1).max(0);
        NextSlot { slot_ms: next + missed * interval_ms, missed: missed as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_stable_and_apart_by_the_interval() {
        let schedule = Schedule::new("rules.yaml", "node", 60_000);
        let now = 1_700_000_000_000;
        let slot = schedule.slot_at(now);
        assert!(slot <= now && now - slot < 60_000);
        for at in [slot, slot + 1, slot + 59_999] {
            assert_eq!(schedule.slot_at(at + 1), slot, "{at}");
        }
        assert_eq!(schedule.first_after(now), slot + 60_000);
        assert_eq!(schedule, Schedule::new("rules.yaml", "node", 60_000));
        assert_ne!(schedule, Schedule::new("rules.yaml", "other", 60_000));
    }

    #[test]
    fn an_evaluation_that_ran_long_skips_slots() {
        let schedule = Schedule::new("f", "g", 10_000);
        let slot = schedule.first_after(1_700_000_000_000);
        let next = |ended: i64| schedule.next(slot, slot + ended);
        assert_eq!(next(100), NextSlot { slot_ms: slot + 10_000, missed: 0 });
        // Late by less than a slot: the next one begins at once, nothing was missed.
        assert_eq!(next(12_000), NextSlot { slot_ms: slot + 10_000, missed: 0 });
        assert_eq!(next(25_000), NextSlot { slot_ms: slot + 20_000, missed: 1 });
        assert_eq!(next(42_000), NextSlot { slot_ms: slot + 40_000, missed: 3 });
    }

    #[test]
    fn a_clock_that_goes_back_does_not_stall_the_group() {
        let schedule = Schedule::new("f", "g", 10_000);
        let slot = schedule.first_after(1_700_000_000_000);
        let next = schedule.next(slot, slot - 3_600_000);
        assert!(next.slot_ms - (slot - 3_600_000) <= 10_000);
    }
}
