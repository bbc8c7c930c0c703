//! What is written is what comes back.

use std::sync::Mutex as StdMutex;

use futures::future::{BoxFuture, FutureExt, ready};
use world::commit_log::LogRecord;

use super::*;
use crate::alerting::{AlertTiming, Observed};

/// The log in memory never waits.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing waits")
}

/// A log in memory that forgets what was trimmed.
#[derive(Default)]
struct MemoryLog {
    records: StdMutex<BTreeMap<u64, Bytes>>,
    next: StdMutex<u64>,
}

impl CommitLog for MemoryLog {
    fn append(
        &self,
        _: &StreamName,
        payload: Bytes,
    ) -> BoxFuture<'static, Result<Position, LogError>> {
        let mut next = self.next.lock().expect("not poisoned");
        *next += 1;
        self.records.lock().expect("not poisoned").insert(*next, payload);
        ready(Ok(Position(*next))).boxed()
    }

    fn replay(
        &self,
        _: &StreamName,
        visit: &mut dyn FnMut(LogRecord) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        for (position, payload) in self.records.lock().expect("not poisoned").iter() {
            visit(LogRecord { position: Position(*position), payload: payload.clone() })?;
        }
        Ok(())
    }

    fn streams(&self) -> Vec<StreamName> {
        Vec::new()
    }

    fn trim(&self, _: &StreamName, upto: Position) {
        self.records.lock().expect("not poisoned").retain(|position, _| *position > upto.0);
    }

    fn pinned_bytes(&self) -> u64 {
        0
    }
}

const TIMING: AlertTiming = AlertTiming { hold_ms: 60_000, keep_firing_ms: 0, limit: 0 };

fn open(log: &Arc<MemoryLog>) -> Journal {
    Journal::open(log.clone(), StreamName::new("rules/w")).expect("the journal opens")
}

fn seen(instance: &str, value: f64) -> Observed {
    let labels = Labels::from_pairs([("alertname", "Down"), ("instance", instance)]);
    Observed { labels, annotations: BTreeMap::from([("a".into(), "b".into())]), value }
}

/// Evaluates once and writes what changed; says whether anything did.
fn step(journal: &Journal, state: &mut AlertingState, at_ms: i64, elements: Vec<Observed>) -> bool {
    let before = Before::of(state);
    state.evaluate(at_ms, at_ms, elements, &TIMING).expect("within the limit");
    let change = before.changes("rule", state);
    let changed = change.is_some();
    let written = journal.write("ns", "g", at_ms, change.into_iter().collect());
    block_on(written).expect("the log takes it");
    changed
}

fn loaded(log: &Arc<MemoryLog>, now_ms: i64) -> Vec<Alert> {
    let rules = open(log).load("ns", "g", now_ms).expect("the group is known");
    rules.into_values().flatten().collect()
}

#[test]
fn only_transitions_are_told_and_all_of_them_come_back() {
    let log = Arc::new(MemoryLog::default());
    let journal = open(&log);
    let mut state = AlertingState::default();
    let both = || vec![seen("a", f64::INFINITY), seen("b", f64::NAN)];
    for (at_ms, elements, changed) in [
        (0, both(), true),
        (10_000, both(), false),
        (60_000, both(), true),
        (70_000, vec![seen("a", 5.0)], true),
        (80_000, vec![seen("a", 5.0)], false),
        (70_000 + 901_000, vec![seen("a", 5.0)], true),
    ] {
        assert_eq!(step(&journal, &mut state, at_ms, elements), changed, "at {at_ms}");
        let known: Vec<_> = state.alerts().map(|a| (a.labels.clone(), mark(a))).collect();
        let back: Vec<_> =
            loaded(&log, at_ms).iter().map(|a| (a.labels.clone(), mark(a))).collect();
        assert_eq!(back, known, "at {at_ms}");
    }
    assert_eq!(loaded(&log, 0).len(), 1, "b is gone a quarter of an hour after its end");
}

#[test]
fn a_snapshot_stands_for_all_before_it() {
    let log = Arc::new(MemoryLog::default());
    let journal = open(&log);
    let mut state = AlertingState::default();
    for round in 0..2_500 {
        let elements = if round % 2 == 0 { vec![seen("a", 1.0)] } else { vec![] };
        step(&journal, &mut state, round * 1000, elements);
    }
    let kept = log.records.lock().expect("not poisoned").len() as u64;
    assert!(kept <= RECORDS_BETWEEN_SNAPSHOTS + 1, "{kept} records are kept");
    assert_eq!(loaded(&log, 0).len(), state.alerts().count());
    step(&journal, &mut state, 3_000_000, vec![seen("z", 1.0)]);
    block_on(journal.snapshot()).expect("the log takes it");
    assert_eq!(log.records.lock().expect("not poisoned").len(), 1);
    assert_eq!(loaded(&log, 3_000_000).len(), 1);
}

#[test]
fn after_a_long_outage_pending_alerts_begin_anew_and_firing_ones_stay() {
    let log = Arc::new(MemoryLog::default());
    let journal = open(&log);
    let mut state = AlertingState::default();
    step(&journal, &mut state, 0, vec![seen("fires", 1.0)]);
    step(&journal, &mut state, 60_000, vec![seen("fires", 1.0), seen("waits", 1.0)]);
    assert_eq!(loaded(&log, 60_000 + OUTAGE_TOLERANCE_MS).len(), 2);
    let late = loaded(&log, 60_001 + OUTAGE_TOLERANCE_MS);
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].labels.value("instance"), "fires");
}

#[test]
fn a_group_that_is_gone_is_forgotten() {
    let log = Arc::new(MemoryLog::default());
    let journal = open(&log);
    step(&journal, &mut AlertingState::default(), 0, vec![seen("a", 1.0)]);
    assert!(!journal.needs_sign_of_life("ns", "g", SIGN_OF_LIFE_MS - 1));
    assert!(journal.needs_sign_of_life("ns", "g", SIGN_OF_LIFE_MS));
    block_on(journal.forget("ns", "g", 0)).expect("the log takes it");
    assert!(open(&log).load("ns", "g", 0).is_none());
    assert!(journal.needs_sign_of_life("ns", "g", 0), "an unknown group makes itself known");
}

#[test]
fn foreign_bytes_are_an_error_not_a_loss() {
    for bytes in ["nonsense", r#"{"version":99,"snapshot":false,"groups":[]}"#] {
        let log = Arc::new(MemoryLog::default());
        let append = log.append(&StreamName::new("rules/w"), Bytes::from_static(bytes.as_bytes()));
        block_on(append).expect("taken");
        let opened = Journal::open(log, StreamName::new("rules/w"));
        assert!(matches!(opened, Err(LogError::Damaged(_))), "{bytes}");
    }
}
