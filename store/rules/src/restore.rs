//! Alert state out of `ALERTS_FOR_STATE`.
//!
//! Prometheus's rule: an alert that had waited its whole `for` keeps its time and fires at the next
//! evaluation; one that lacked less than a grace period fires exactly one grace period later; for
//! all
//! others the time that nobody looked does not count.

use protocol::labels::{ALERT_NAME, Labels, METRIC_NAME};
use protocol::matcher::Matcher;
use protocol::sample::{Sample, is_stale_nan};

use crate::alerting::{AlertingState, FOR_STATE_SERIES};

/// How long back state is looked for: after a longer outage a condition begins anew.
pub const OUTAGE_TOLERANCE_MS: i64 = 60 * 60 * 1000;
/// Alerts with a shorter `for` are not restored, others wait at least so long.
pub const GRACE_PERIOD_MS: i64 = 10 * 60 * 1000;

/// Whether a rule with this `for` looks for older state at all.
pub const fn is_worth_restoring(hold_ms: i64) -> bool {
    hold_ms >= GRACE_PERIOD_MS
}

/// The matchers of the state series of one rule. Labels that are templates are left out.
pub fn matchers(alert: &str, labels: &[(String, String)]) -> Vec<Matcher> {
    let fixed = labels.iter().filter(|(_, value)| !value.contains("{{"));
    [Matcher::equal(METRIC_NAME, FOR_STATE_SERIES), Matcher::equal(ALERT_NAME, alert)]
        .into_iter()
        .chain(fixed.map(|(name, value)| Matcher::equal(name.as_str(), value.as_str())))
        .collect()
}

/// Corrects since when alerts are active, by what the state series said before the restart.
pub fn restore(state: &mut AlertingState, found: &[(Labels, Sample)], hold_ms: i64, now_ms: i64) {
    for alert in state.active_mut() {
        let series = found.iter().find(|(labels, _)| labels.without_metric_name() == alert.labels);
        let Some((_, last)) = series else { continue };
        if is_stale_nan(last.value) || !last.value.is_finite() {
            continue;
        }
        let active_at_ms = (last.value * 1000.0) as i64;
        alert.active_at_ms = restored_active_at(active_at_ms, last.timestamp_ms, hold_ms, now_ms);
    }
    state.set_restored();
}

fn restored_active_at(active_at_ms: i64, down_at_ms: i64, hold_ms: i64, now_ms: i64) -> i64 {
    let remaining = hold_ms - (down_at_ms - active_at_ms);
    if remaining <= 0 {
        active_at_ms
    } else if remaining < GRACE_PERIOD_MS {
        now_ms + GRACE_PERIOD_MS - hold_ms
    } else {
        active_at_ms + (now_ms - down_at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn the_three_cases_of_the_remaining_time() {
        let (hold, now) = (30 * MINUTE, 1000 * MINUTE);
        let restored = |active, down| restored_active_at(active, down, hold, now);
        // Had waited long enough: it fires at the next evaluation.
        assert_eq!(restored(now - 60 * MINUTE, now - 10 * MINUTE), now - 60 * MINUTE);
        // Lacked 5 minutes: it fires one grace period from now.
        let active = restored(now - 35 * MINUTE, now - 10 * MINUTE);
        assert_eq!(active + hold, now + GRACE_PERIOD_MS);
        // Lacked 20 minutes: the 7 minutes of the outage do not count.
        let active = restored(now - 17 * MINUTE, now - 7 * MINUTE);
        assert_eq!(active + hold, now + 20 * MINUTE);
    }

    #[test]
    fn templated_labels_are_left_out_of_the_look_up() {
        let labels = [("a".into(), "1".into()), ("b".into(), "{{ $value }}".into())];
        let names: Vec<_> = matchers("Down", &labels).into_iter().map(|m| m.to_string()).collect();
        assert_eq!(names, [r#"__name__="ALERTS_FOR_STATE""#, r#"alertname="Down""#, r#"a="1""#]);
    }
}
