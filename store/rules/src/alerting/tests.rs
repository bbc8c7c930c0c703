//! Tables of what an alert goes through.

use super::*;

const S: i64 = 1000;
const MIN: i64 = 60 * S;

fn labels(instance: &str) -> Labels {
    Labels::from_pairs([("alertname", "Down"), ("instance", instance)])
}

fn observed(instance: &str, value: f64) -> Observed {
    let annotations = BTreeMap::from([("summary".to_owned(), format!("value {value}"))]);
    Observed { labels: labels(instance), annotations, value }
}

fn timing(hold_ms: i64, keep_firing_ms: i64) -> AlertTiming {
    AlertTiming { hold_ms, keep_firing_ms, limit: 0 }
}

struct Rule {
    state: AlertingState,
    timing: AlertTiming,
}

impl Rule {
    fn new(hold_ms: i64, keep_firing_ms: i64) -> Self {
        let mut state = AlertingState::default();
        state.set_restored();
        Self { state, timing: timing(hold_ms, keep_firing_ms) }
    }

    /// Evaluates and says `phase@active` of the only alert, `-` where there is none.
    fn at(&mut self, at_ms: i64, seen: bool) -> String {
        let elements = if seen { vec![observed("a", at_ms as f64)] } else { vec![] };
        self.state.evaluate(at_ms, at_ms, elements, &self.timing).expect("one alert");
        self.state
            .alerts()
            .next()
            .map_or("-".to_owned(), |a| format!("{}@{}", a.phase.as_str(), a.active_at_ms / S))
    }

    fn sent(&mut self, at_ms: i64) -> Vec<(i64, i64)> {
        let timing = SendTiming { resend_delay_ms: MIN, interval_ms: 30 * S };
        let due = self.state.take_due(at_ms, &timing);
        due.iter()
            .map(|a| (a.fired_at_ms.unwrap_or(0), a.resolved_at_ms.unwrap_or(a.valid_until_ms)))
            .collect()
    }
}

#[test]
fn pending_then_firing_exactly_when_the_time_is_over() {
    let mut rule = Rule::new(MIN, 0);
    for (at, seen, state) in [
        (0, true, "pending@0"),
        (30, true, "pending@0"),
        (59, true, "pending@0"),
        (60, true, "firing@0"),
        (90, false, "inactive@0"),
        (90 + 15 * 60, false, "inactive@0"),
        (90 + 15 * 60 + 1, false, "-"),
    ] {
        assert_eq!(rule.at(at * S, seen), state, "at {at}");
    }
}

#[test]
fn without_hold_an_alert_fires_in_its_first_evaluation() {
    let mut rule = Rule::new(0, 0);
    assert_eq!(rule.at(5 * S, true), "firing@5");
    assert_eq!(rule.state.alerts().next().and_then(|a| a.fired_at_ms), Some(5 * S));
}

#[test]
fn a_pending_alert_that_is_missing_is_forgotten() {
    let mut rule = Rule::new(MIN, 10 * MIN);
    assert_eq!(rule.at(0, true), "pending@0");
    assert_eq!(rule.at(30 * S, false), "-");
    assert_eq!(rule.at(MIN, true), "pending@60");
}

#[test]
fn a_firing_alert_is_kept_and_comes_back_without_a_break() {
    let mut rule = Rule::new(0, 2 * MIN);
    for (at, seen, state) in [
        (0, true, "firing@0"),
        (60, false, "firing@0"),
        (120, true, "firing@0"),
        (180, false, "firing@0"),
        (240, false, "firing@0"),
        (299, false, "firing@0"),
        (300, false, "inactive@0"),
    ] {
        assert_eq!(rule.at(at * S, seen), state, "at {at}");
        if at == 180 {
            let alert = rule.state.alerts().next().expect("there");
            assert_eq!(alert.keep_firing_since_ms, Some(180 * S));
            assert_eq!(alert.annotations["summary"], "value 120000", "as it was when last seen");
        }
    }
}

#[test]
fn a_resolved_alert_that_comes_back_begins_anew() {
    let mut rule = Rule::new(MIN, 0);
    rule.at(0, true);
    rule.at(MIN, true);
    assert_eq!(rule.at(2 * MIN, false), "inactive@0");
    assert_eq!(rule.at(3 * MIN, true), "pending@180");
    assert_eq!(rule.at(4 * MIN, true), "firing@180");
}

#[test]
fn a_longer_hold_sends_a_firing_alert_back() {
    let mut rule = Rule::new(MIN, 0);
    rule.at(0, true);
    assert_eq!(rule.at(MIN, true), "firing@0");
    rule.timing.hold_ms = 5 * MIN;
    assert_eq!(rule.at(2 * MIN, true), "pending@0");
    assert_eq!(rule.at(5 * MIN, true), "firing@0");
}

#[test]
fn alerts_are_sent_when_they_fire_then_each_minute_then_resolved_for_a_quarter_hour() {
    let mut rule = Rule::new(MIN, 0);
    rule.at(0, true);
    assert_eq!(rule.sent(0), [], "pending alerts are never sent");
    rule.at(MIN, true);
    assert_eq!(rule.sent(MIN), [(MIN, 5 * MIN)]);
    rule.at(MIN + 30 * S, true);
    assert_eq!(rule.sent(MIN + 30 * S), []);
    rule.at(2 * MIN, true);
    assert_eq!(rule.sent(2 * MIN), [], "exactly the delay is not more than it");
    rule.at(2 * MIN + 30 * S, true);
    assert_eq!(rule.sent(2 * MIN + 30 * S), [(MIN, 2 * MIN + 30 * S + 4 * MIN)]);
    rule.at(3 * MIN, false);
    assert_eq!(rule.sent(3 * MIN), [(MIN, 3 * MIN)], "resolved is told at once");
    rule.at(18 * MIN, false);
    assert_eq!(rule.sent(18 * MIN), [(MIN, 3 * MIN)]);
    rule.at(18 * MIN + S, false);
    assert_eq!(rule.sent(20 * MIN), []);
}

#[test]
fn series_are_written_for_active_alerts_once_restored() {
    let mut state = AlertingState::default();
    let series = state.evaluate(7_500, 6_500, vec![observed("a", 1.0)], &timing(MIN, 0));
    assert_eq!(series, Ok(vec![]), "not before older state was looked for");
    state.set_restored();
    let series = state.evaluate(10_000, 9_000, vec![observed("a", 1.0)], &timing(MIN, 0));
    let told: Vec<_> = series
        .expect("one alert")
        .iter()
        .map(|s| format!("{} {} {}", s.labels, s.samples[0].timestamp_ms, s.samples[0].value))
        .collect();
    assert_eq!(
        told,
        [
            r#"ALERTS{alertname="Down", alertstate="pending", instance="a"} 9000 1"#,
            r#"ALERTS_FOR_STATE{alertname="Down", instance="a"} 9000 7"#,
        ]
    );
}

#[test]
fn too_many_alerts_are_an_error_and_all_are_dropped() {
    let mut state = AlertingState::default();
    let limited = AlertTiming { limit: 1, ..timing(0, 0) };
    let both = vec![observed("a", 1.0), observed("b", 1.0)];
    let refused = state.evaluate(0, 0, both, &limited);
    assert_eq!(refused, Err(AlertingError::LimitExceeded { limit: 1, count: 2 }));
    assert_eq!(state.alerts().count(), 0);
    let twice = vec![observed("a", 1.0), observed("a", 2.0)];
    assert_eq!(state.evaluate(0, 0, twice, &limited), Err(AlertingError::DuplicateLabels));
}
