//! Groups evaluated at chosen times over samples in memory.
//!
//! Unit tests of rules run here, in the very code that evaluates the rules of a workspace, so that
//! a test and the ruler cannot disagree. No timer, no disk, no journal: whoever rehearses says
//! when.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, pending};
use world::clock::Clock;

use crate::alerting::Phase;
use crate::group::Group;
use crate::group_state::GroupState;
use crate::memory::MemoryStore;
use crate::spec::{GroupSpec, RuleSettings};
use crate::status::AlertStatus;

/// Groups and the samples they read and write.
pub struct Rehearsal {
    groups: Vec<Group>,
}

/// A rule that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The series or alert.
    pub rule: String,
    /// Why.
    pub error: String,
}

/// Nobody waits here, and evaluations take no time.
struct StillClock;

impl Clock for StillClock {
    fn now_ms(&self) -> i64 {
        0
    }

    fn steady(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        pending().boxed()
    }
}

impl Rehearsal {
    /// Groups in the order in which they are evaluated.
    pub fn new(groups: Vec<GroupSpec>, settings: RuleSettings, store: &MemoryStore) -> Self {
        let (settings, clock) = (Arc::new(settings), Arc::new(StillClock));
        let group = |spec: GroupSpec| {
            let mut state = GroupState::new(&spec);
            // There is no earlier run: alerts write their series from the first evaluation on.
            state.set_restored();
            Group::new(spec, state, settings.clone(), store.ports(), clock.clone(), None)
        };
        Self { groups: groups.into_iter().map(group).collect() }
    }

    /// Evaluates every group once, one after another, whatever their intervals.
    pub fn evaluate(&self, at_ms: i64) -> Vec<Failure> {
        let mut failures = Vec::new();
        for group in &self.groups {
            let done = group.evaluate(at_ms).now_or_never();
            done.expect("samples in memory answer at once, and no journal is waited for");
            let failed = group.status().rules.into_iter();
            failures.extend(
                failed
                    .filter_map(|rule| Some(Failure { error: rule.last_error?, rule: rule.name })),
            );
        }
        failures
    }

    /// The alerts of this name that fire, of all groups.
    pub fn firing(&self, alert: &str) -> Vec<AlertStatus> {
        let rules = self.groups.iter().flat_map(|group| group.status().rules);
        let alerts = rules.filter(|rule| rule.name == alert).filter_map(|rule| rule.alerting);
        let alerts = alerts.flat_map(|alerting| alerting.alerts);
        alerts.filter(|alert| alert.phase == Phase::Firing).collect()
    }

    /// Whether any rule makes alerts of this name.
    pub fn has_alert(&self, alert: &str) -> bool {
        let mut rules = self.groups.iter().flat_map(|group| &group.spec.rules);
        rules.any(|rule| {
            &*rule.name == alert && matches!(rule.kind, crate::spec::RuleSpecKind::Alerting(_))
        })
    }
}

#[cfg(test)]
mod tests {
    use protocol::labels::Labels;
    use protocol::rule_file::RuleFile;
    use protocol::sample::{Sample, TimeSeries};

    use super::*;
    use crate::spec::compile;

    const RULES: &str = "groups:\n- name: g\n  rules:\n  - {record: a, expr: up * 2}\n  \
                         - {alert: Low, expr: a < 2, for: 1m}\n";

    fn rehearsal(store: &MemoryStore) -> Rehearsal {
        let file = RuleFile::parse(RULES).expect("well formed");
        let settings = RuleSettings::default();
        let groups = compile("f", &file, &settings).expect("good rules");
        Rehearsal::new(groups, settings, store)
    }

    fn write(store: &MemoryStore, name: &str, value: f64, at_ms: i64) -> u64 {
        let labels = Labels::from_pairs([("__name__", name)]);
        let samples = vec![Sample { timestamp_ms: at_ms, value }];
        store.write([TimeSeries { labels, samples, ..TimeSeries::default() }])
    }

    #[test]
    fn alerts_stand_on_what_was_recorded_before() {
        let store = MemoryStore::default();
        let rehearsal = rehearsal(&store);
        for (at_ms, firing) in [(0, 0), (60_000, 1)] {
            write(&store, "up", 0.0, at_ms);
            assert_eq!(rehearsal.evaluate(at_ms), []);
            assert_eq!(rehearsal.firing("Low").len(), firing, "{at_ms}");
        }
        assert!(rehearsal.has_alert("Low") && !rehearsal.has_alert("a"));
    }

    #[test]
    fn a_recorded_sample_that_clashes_with_another_is_told() {
        let store = MemoryStore::default();
        let rehearsal = rehearsal(&store);
        write(&store, "up", 1.0, 0);
        assert_eq!(write(&store, "a", 5.0, 0), 0);
        let failures = rehearsal.evaluate(0);
        assert_eq!(failures.len(), 1);
        assert_eq!(failures[0].rule, "a");
        assert!(failures[0].error.contains("duplicate sample"), "{failures:?}");
    }
}
