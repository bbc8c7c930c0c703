//! Which time a scrape's samples bear.

use std::time::Duration;

/// How late a scrape may be and still bear the time it was due, as in Prometheus.
const TOLERANCE_MS_MAX: i64 = 2;

/// The due times of one target.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    due_ms: i64,
    interval_ms: i64,
    /// Where the target's slots lie within the interval, if every time has to be that of a slot.
    slot_ms: Option<i64>,
}

impl Schedule {
    /// The first scrape is due at `first_ms`.
    pub fn new(first_ms: i64, interval: Duration) -> Self {
        let interval_ms = (interval.as_millis() as i64).max(1);
        Self { due_ms: first_ms, interval_ms, slot_ms: None }
    }

    /// Gives only times of slots, however late a scrape is: the first due time and those whole
    /// intervals away from it. Two collectors that hand a target over write the same times.
    pub fn in_slots(mut self) -> Self {
        self.slot_ms = Some(self.due_ms.rem_euclid(self.interval_ms));
        self
    }

    /// The time of a scrape that begins at `now_ms`: the due time if it is only a little late,
    /// since even steps compress best.
    pub fn timestamp_ms(&mut self, now_ms: i64) -> i64 {
        let late = now_ms - self.due_ms;
        if late < -self.interval_ms || late >= 1000 * self.interval_ms {
            // The clock was set: begin anew.
            let past_slot = |slot_ms: i64| (now_ms - slot_ms).rem_euclid(self.interval_ms);
            self.due_ms = now_ms - self.slot_ms.map_or(0, past_slot);
        } else if late >= self.interval_ms {
            self.due_ms += late / self.interval_ms * self.interval_ms;
        }
        let tolerance = TOLERANCE_MS_MAX.min(self.interval_ms / 100);
        let is_near = self.slot_ms.is_some() || now_ms - self.due_ms <= tolerance;
        let time = if is_near { self.due_ms } else { now_ms };
        self.due_ms += self.interval_ms;
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_late_is_on_time() {
        let mut schedule = Schedule::new(1000, Duration::from_secs(1));
        assert_eq!(schedule.timestamp_ms(1001), 1000);
        assert_eq!(schedule.timestamp_ms(2002), 2000);
        assert_eq!(schedule.timestamp_ms(3003), 3003);
        assert_eq!(schedule.timestamp_ms(4000), 4000);
    }

    #[test]
    fn skipped_ticks_keep_the_beat() {
        let mut schedule = Schedule::new(1000, Duration::from_secs(1));
        assert_eq!(schedule.timestamp_ms(1000), 1000);
        assert_eq!(schedule.timestamp_ms(5001), 5000);
        assert_eq!(schedule.timestamp_ms(6000), 6000);
    }

    #[test]
    fn short_intervals_tolerate_less() {
        let mut schedule = Schedule::new(1000, Duration::from_millis(100));
        assert_eq!(schedule.timestamp_ms(1002), 1002);
        assert_eq!(schedule.timestamp_ms(1101), 1100);
    }

    #[test]
    fn slots_are_kept_however_late() {
        let mut schedule = Schedule::new(1250, Duration::from_secs(1)).in_slots();
        assert_eq!(schedule.timestamp_ms(1250), 1250);
        assert_eq!(schedule.timestamp_ms(2900), 2250);
        assert_eq!(schedule.timestamp_ms(3249), 3250);
        assert_eq!(schedule.timestamp_ms(9_100), 8250);
        assert_eq!(schedule.timestamp_ms(10_000_300), 10_000_250);
        assert_eq!(schedule.timestamp_ms(500_000), 499_250);
    }

    #[test]
    fn a_clock_set_back_does_not_lead_into_the_future() {
        let mut schedule = Schedule::new(1_000_000, Duration::from_secs(1));
        assert_eq!(schedule.timestamp_ms(500_000), 500_000);
        assert_eq!(schedule.timestamp_ms(501_000), 501_000);
    }
}
