//! More groups than may evaluate at once, in a simulated world.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use promql::value::Value;
use protocol::labels::Labels;
use protocol::matcher::Matcher;
use protocol::rule_file::RuleFile;
use protocol::sample::Sample;
use rules::manager::{GROUPS_AT_ONCE_MAX, Namespace, RuleManager};
use rules::memory::MemoryStore;
use rules::ports::{QueryPort, RulePorts, RuleQuery};
use rules::spec::RuleSettings;
use sim::harness::run;
use world::clock::Clock;

/// Each query takes half an interval.
const QUERY: Duration = Duration::from_secs(5);

/// Far more than may run at once.
const GROUPS: usize = 4 * GROUPS_AT_ONCE_MAX;

/// Takes its time, and counts who waits for it.
struct Slow {
    beneath: Arc<dyn QueryPort>,
    clock: Arc<dyn Clock>,
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl QueryPort for Slow {
    fn query(&self, query: RuleQuery) -> BoxFuture<'static, Result<Value, String>> {
        let (beneath, clock) = (self.beneath.clone(), self.clock.clone());
        let (running, most) = (self.running.clone(), self.most.clone());
        async move {
            let now = running.fetch_add(1, Ordering::Relaxed) + 1;
            most.fetch_max(now, Ordering::Relaxed);
            clock.sleep(QUERY).await;
            running.fetch_sub(1, Ordering::Relaxed);
            beneath.query(query).await
        }
        .boxed()
    }

    fn newest(
        &self,
        matchers: Vec<Matcher>,
        from_ms: i64,
        to_ms: i64,
    ) -> BoxFuture<'static, Result<Vec<(Labels, Sample)>, String>> {
        self.beneath.newest(matchers, from_ms, to_ms)
    }
}

fn many() -> BTreeMap<String, Namespace> {
    let mut text = String::from("groups:\n");
    for n in 0..GROUPS {
        write!(
            text,
            "- name: g{n}\n  interval: 10s\n  rules: [{{record: r{n}, expr: vector({n})}}]\n"
        )
        .expect("a text takes all");
    }
    let file = RuleFile::parse(&text).expect("a file that holds to the form");
    [("many".to_owned(), Namespace { file, hash: String::new() })].into()
}

#[test]
fn only_so_many_groups_evaluate_at_once_and_all_get_their_turn() {
    run(1, async |sim| {
        let booted = sim.boot().expect("the log opens");
        let store = MemoryStore::default();
        let ports = store.ports();
        let most = Arc::<AtomicUsize>::default();
        let slow = Slow {
            beneath: ports.query.clone(),
            clock: booted.world.clock.clone(),
            running: Arc::default(),
            most: most.clone(),
        };
        let ports = RulePorts { query: Arc::new(slow), ..ports };
        let settings = RuleSettings::default();
        let rules = RuleManager::start(booted.world.clone(), ports, settings, "ws-1");
        let rules = rules.expect("the journal opens");
        assert!(rules.apply(many()).await.is_empty());
        sim.sleep(Duration::from_mins(2)).await;

        assert_eq!(most.load(Ordering::Relaxed), GROUPS_AT_ONCE_MAX);
        let groups = rules.snapshot();
        assert_eq!(groups.len(), GROUPS);
        let turns: Vec<_> = groups.iter().map(|g| g.metrics.evaluations).collect();
        let (least, highest) = (turns.iter().min(), turns.iter().max());
        let (least, highest) = least.zip(highest).expect("there are groups");
        // 16 places and 5 seconds each: 64 groups come by once in 20 seconds.
        assert!(*least >= 4 && highest - least <= 2, "everybody gets a turn: {turns:?}");
        let missed: u64 = groups.iter().map(|g| g.metrics.iterations_missed).sum();
        assert!(missed >= 2 * GROUPS as u64, "what was not evaluated is counted: {missed}");

        // Who waits in line ends at once, who evaluates within its query.
        let before = sim.clock.now_ms();
        rules.stop().await;
        assert!(sim.clock.now_ms() - before <= QUERY.as_millis() as i64);
    });
}
