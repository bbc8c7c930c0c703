//! Rules of a workspace in a simulated world.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::labels::Labels;
use protocol::rule_file::RuleFile;
use protocol::sample::{Sample, TimeSeries, is_stale_nan};
use rules::alerting::Phase;
use rules::manager::{Namespace, RuleManager};
use rules::memory::MemoryStore;
use rules::ports::OutgoingAlert;
use rules::schedule::Schedule;
use rules::spec::RuleSettings;
use rules::status::{Health, RuleStatus};
use sim::harness::run;
use sim::sim::{Booted, Sim};
use world::clock::Clock;

const S: i64 = 1000;

const ALERT: &str = r#"
groups:
  - name: g
    interval: 10s
    rules:
      - alert: Down
        expr: up == 0
        for: 25s
        labels: {severity: page}
        annotations:
          summary: "{{ $labels.instance }} is {{ $value | humanize }}, {{ query \"count(up)\" | first | value }} in all"
"#;

/// One machine, its rules and the samples that outlive its processes.
struct Bench {
    sim: Sim,
    store: MemoryStore,
    settings: RuleSettings,
}

struct Live {
    booted: Booted,
    rules: Arc<RuleManager>,
}

impl Bench {
    fn new(sim: Sim) -> Self {
        let settings = RuleSettings {
            external_labels: vec![("cluster".into(), "eu".into())],
            external_url: "http://hearth.example".into(),
            ..RuleSettings::default()
        };
        Self { sim, store: MemoryStore::default(), settings }
    }

    fn boot(&self) -> Live {
        let booted = self.sim.boot().expect("the log opens");
        let (world, ports) = (booted.world.clone(), self.store.ports());
        let rules = RuleManager::start(world, ports, self.settings.clone(), "ws-1");
        Live { rules: rules.expect("the journal opens"), booted }
    }

    /// Writes `up{instance="a"}` every second over the given time from now on.
    fn up(&self, value: f64, from_s: i64, to_s: i64) {
        let now = self.now();
        let labels = Labels::from_pairs([("__name__", "up"), ("instance", "a")]);
        let samples = (from_s..to_s).map(|s| Sample { timestamp_ms: now + s * S, value });
        let samples = samples.collect();
        self.store.write([TimeSeries { labels, samples, ..TimeSeries::default() }]);
    }

    async fn pass(&self, seconds: i64) {
        self.sim.sleep(Duration::from_secs(seconds as u64)).await;
    }

    fn now(&self) -> i64 {
        self.sim.clock.now_ms()
    }
}

impl Live {
    async fn apply(&self, files: &[(&str, &str)]) -> BTreeMap<String, usize> {
        let namespaces = files.iter().map(|(name, text)| {
            let file = RuleFile::parse(text).expect("a file that holds to the form");
            ((*name).to_owned(), Namespace { file, hash: format!("hash of {}", text.len()) })
        });
        let refused = self.rules.apply(namespaces.collect()).await;
        refused.into_iter().map(|(name, faults)| (name, faults.len())).collect()
    }

    fn rule(&self, name: &str) -> RuleStatus {
        let groups = self.rules.snapshot();
        let found = groups.into_iter().flat_map(|g| g.rules).find(|rule| rule.name == name);
        found.expect("a rule that was applied")
    }

    fn phase(&self, name: &str) -> Option<Phase> {
        self.rule(name).alerting.and_then(|alerting| alerting.phase)
    }
}

/// `(starts, ends)` of each alert that was sent.
fn times(sent: &[OutgoingAlert]) -> Vec<(i64, i64)> {
    sent.iter().map(|alert| (alert.starts_at_ms, alert.ends_at_ms)).collect()
}

#[test]
fn pending_firing_resolved_at_their_exact_slots() {
    run(1, |sim| async move {
        let bench = Bench::new(sim);
        let live = bench.boot();
        bench.up(0.0, -5, 60);
        bench.up(1.0, 60, 300);
        let slot = Schedule::new("ns", "g", 10 * S).first_after(bench.now());
        assert!(live.apply(&[("ns", ALERT)]).await.is_empty());
        assert_eq!(live.phase("Down"), None, "unknown before the first evaluation");
        bench.pass((slot - bench.now()) / S + 1).await;
        assert_eq!(live.phase("Down"), Some(Phase::Pending));
        assert_eq!(bench.store.take_sent(), [], "pending alerts are never sent");
        bench.pass(30).await;
        assert_eq!(live.phase("Down"), Some(Phase::Firing));

        let sent = bench.store.take_sent();
        // `for` of 25 s is over at the slot 30 s later; four resend delays of a minute until then.
        let fired = slot + 30 * S;
        assert_eq!(times(&sent), [(fired, fired + 240 * S)]);
        assert_eq!(
            sent[0].labels.to_string(),
            r#"{alertname="Down", cluster="eu", instance="a", severity="page"}"#
        );
        assert_eq!(sent[0].annotations["summary"], "a is 0, 1 in all");
        assert_eq!(
            sent[0].generator_url,
            "http://hearth.example/graph?g0.expr=up+%3D%3D+0&g0.tab=1"
        );

        bench.pass(60).await;
        assert_eq!(live.phase("Down"), Some(Phase::Inactive));
        let sent = bench.store.take_sent();
        let resolved = sent.first().map(|alert| alert.ends_at_ms).expect("told");
        assert_eq!(sent[0].starts_at_ms, fired);
        assert_eq!((resolved - slot) % (10 * S), 0, "resolved at a slot");

        let pending =
            r#"ALERTS{alertname="Down", alertstate="pending", instance="a", severity="page"}"#;
        let firing =
            r#"ALERTS{alertname="Down", alertstate="firing", instance="a", severity="page"}"#;
        let starts: Vec<i64> =
            bench.store.floats(pending).iter().map(|(at, _)| at - slot).collect();
        // Nothing is written before older state was looked for, which is after two evaluations.
        assert_eq!(starts, [20 * S, 30 * S]);
        let last = bench.store.floats(firing).last().copied().expect("written");
        assert_eq!(last.0, resolved);
        assert!(is_stale_nan(last.1), "the series has ended");
        live.rules.stop().await;
    });
}

#[test]
fn a_killed_process_neither_resets_the_hold_nor_tells_anything_twice() {
    run(2, |sim| async move {
        let bench = Bench::new(sim);
        let live = bench.boot();
        bench.up(0.0, -5, 400);
        let slot = Schedule::new("ns", "g", 10 * S).first_after(bench.now());
        live.apply(&[("ns", ALERT)]).await;
        bench.pass((slot - bench.now()) / S + 1).await;
        assert_eq!(live.phase("Down"), Some(Phase::Pending));
        bench.sim.crash(&live.booted);
        bench.pass(10).await;

        let live = bench.boot();
        live.apply(&[("ns", ALERT)]).await;
        bench.pass(20).await;
        assert_eq!(live.phase("Down"), Some(Phase::Firing), "the hold went on over the crash");
        let sent = bench.store.take_sent();
        assert_eq!(times(&sent), [(slot + 30 * S, slot + 30 * S + 240 * S)]);
        bench.sim.crash(&live.booted);

        let live = bench.boot();
        live.apply(&[("ns", ALERT)]).await;
        bench.pass(20).await;
        assert_eq!(live.phase("Down"), Some(Phase::Firing), "no step back to pending");
        assert_eq!(bench.store.take_sent(), [], "told within the last minute already");
        bench.pass(60).await;
        let sent = bench.store.take_sent();
        assert_eq!(sent.len(), 1, "the ordinary repetition");
        assert_eq!(sent[0].starts_at_ms, slot + 30 * S, "still the same firing");
        live.rules.stop().await;
    });
}

const RECORDING: &str = r#"
groups:
  - name: g
    interval: 10s
    rules:
      - record: down:count
        expr: count by (instance) (up == 0)
      - record: down:next
        expr: down:count * 10
      - {record: broken, expr: "label_replace(up, \"instance\", \"same\", \"\", \"\") or up offset 1d"}
"#;

#[test]
fn recorded_series_are_seen_by_the_next_rule_and_end_when_they_are_gone() {
    run(3, |sim| async move {
        let bench = Bench::new(sim);
        let live = bench.boot();
        bench.up(0.0, -5, 35);
        bench.up(1.0, 35, 100);
        live.apply(&[("ns", RECORDING)]).await;
        bench.pass(60).await;
        for (series, value) in [("down:count", 1.0), ("down:next", 10.0)] {
            let written = bench.store.floats(&format!("{series}{{instance=\"a\"}}"));
            let (last, before) = written.split_last().expect("written");
            assert!(is_stale_nan(last.1), "{series}: {written:?}");
            assert!(before.len() >= 2 && before.iter().all(|(_, v)| *v == value), "{written:?}");
            assert_eq!(last.0 - before[before.len() - 1].0, 10 * S);
        }
        assert_eq!(live.rule("down:count").health, Health::Ok);
        live.rules.stop().await;
    });
}

#[test]
fn at_shutdown_nothing_is_marked_as_ended() {
    run(4, |sim| async move {
        let bench = Bench::new(sim);
        let live = bench.boot();
        bench.up(0.0, -5, 100);
        live.apply(&[("ns", RECORDING)]).await;
        bench.pass(20).await;
        live.rules.stop().await;
        bench.pass(60).await;
        let written = bench.store.floats("down:count{instance=\"a\"}");
        assert!(!written.is_empty() && written.iter().all(|(_, value)| !is_stale_nan(*value)));
    });
}

#[test]
fn removed_rules_and_groups_end_their_series() {
    run(5, |sim| async move {
        let bench = Bench::new(sim);
        let live = bench.boot();
        bench.up(0.0, -5, 300);
        let one = "groups: [{name: g, interval: 10s, rules: [{record: x, expr: up}, {record: y, expr: up}]}]";
        let less = "groups: [{name: g, interval: 10s, rules: [{record: y, expr: up}]}]";
        live.apply(&[("ns", one)]).await;
        bench.pass(20).await;
        live.apply(&[("ns", less)]).await;
        assert_eq!(live.rules.programmed_hash("ns"), Some(format!("hash of {}", less.len())));
        bench.pass(20).await;
        let ended = |series: &str| {
            let written = bench.store.floats(series);
            written.last().is_some_and(|(_, value)| is_stale_nan(*value))
        };
        assert!(ended("x{instance=\"a\"}"));
        assert!(!ended("y{instance=\"a\"}"));
        live.apply(&[]).await;
        assert_eq!(live.rules.programmed_hash("ns"), None);
        bench.pass(15).await;
        assert!(!ended("y{instance=\"a\"}"), "another group may take over for two intervals");
        bench.pass(10).await;
        assert!(ended("y{instance=\"a\"}"));
        live.rules.stop().await;
    });
}

#[test]
fn an_edited_group_keeps_the_alerts_of_rules_that_stay() {
    run(6, |sim| async move {
        let bench = Bench::new(sim);
        let live = bench.boot();
        bench.up(0.0, -5, 300);
        live.apply(&[("ns", ALERT)]).await;
        bench.pass(45).await;
        assert_eq!(live.phase("Down"), Some(Phase::Firing));
        let sent = bench.store.take_sent();
        let edited = ALERT.replace("up == 0", "up < 1");
        live.apply(&[("ns", &edited)]).await;
        bench.pass(11).await;
        assert_eq!(live.phase("Down"), Some(Phase::Firing));
        bench.pass(60).await;
        let again = bench.store.take_sent();
        assert_eq!(again[0].starts_at_ms, sent[0].starts_at_ms);
        live.rules.stop().await;
    });
}

#[test]
fn a_namespace_with_faults_keeps_running_as_it_was() {
    run(7, |sim| async move {
        let bench = Bench::new(sim);
        let live = bench.boot();
        live.apply(&[("ns", ALERT), ("other", RECORDING)]).await;
        let hash = live.rules.programmed_hash("ns");
        let broken = ALERT.replace("up == 0", "up == ");
        let refused = live.apply(&[("ns", &broken), ("other", RECORDING)]).await;
        assert_eq!(refused, BTreeMap::from([("ns".to_owned(), 1)]));
        assert_eq!(live.rules.programmed_hash("ns"), hash);
        assert_eq!(live.rule("Down").query, "up == 0");
        assert_eq!(live.rules.snapshot().len(), 2);
        live.rules.stop().await;
    });
}

#[test]
fn without_a_journal_state_comes_from_the_series() {
    run(8, |sim| async move {
        let bench = Bench::new(sim);
        let hold = ALERT.replace("for: 25s", "for: 30m");
        bench.up(0.0, -5, 2000);
        // As another Prometheus left it: active for 40 minutes, last seen 5 minutes ago.
        let labels = [
            ("__name__", "ALERTS_FOR_STATE"),
            ("alertname", "Down"),
            ("instance", "a"),
            ("severity", "page"),
        ];
        let active_at = (bench.now() - 40 * 60 * S) / S;
        let sample = Sample { timestamp_ms: bench.now() - 300 * S, value: active_at as f64 };
        let labels = Labels::from_pairs(labels);
        bench.store.write([TimeSeries { labels, samples: vec![sample], ..Default::default() }]);
        let live = bench.boot();
        live.apply(&[("ns", &hold)]).await;
        bench.pass(41).await;
        assert_eq!(live.phase("Down"), Some(Phase::Firing));
        let alerts = live.rule("Down").alerting.expect("an alerting rule").alerts;
        assert_eq!(alerts[0].active_at_ms, active_at * S);
        live.rules.stop().await;
    });
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let once = || {
        run(9, |sim| async move {
            let bench = Bench::new(sim);
            let live = bench.boot();
            bench.up(0.0, -5, 200);
            live.apply(&[("a", ALERT), ("b", RECORDING)]).await;
            bench.pass(100).await;
            live.rules.stop().await;
            format!("{:?}", bench.store.take_sent())
        })
    };
    assert_eq!(once(), once());
}
