//! Tests of `tsdb`.

use std::sync::atomic::Ordering;

use futures::executor::block_on;
use protocol::histogram::{FloatHistogram, Span};
use protocol::labels::Labels;
use protocol::matcher::{MatchOp, Matcher};
use protocol::sample::{HistogramSample, STALE_NAN_BITS, Sample, stale_nan};

use super::*;
use crate::selection::{SelectBudget, SelectedSeries};
use crate::test_world::TestWorld;

const NOW: i64 = 1_700_000_000_000;

fn open(world: &TestWorld) -> Arc<Tsdb> {
    block_on(Tsdb::open(world.world(), "ws-1", TsdbOptions::default())).unwrap()
}

fn series(name: &str, job: &str, samples: &[(i64, f64)]) -> TimeSeries {
    TimeSeries {
        labels: Labels::from_pairs([("__name__", name), ("job", job)]),
        samples: samples
            .iter()
            .map(|&(timestamp_ms, value)| Sample { timestamp_ms, value })
            .collect(),
        ..TimeSeries::default()
    }
}

fn append(database: &Tsdb, batch: Vec<TimeSeries>) -> AppendOutcome {
    block_on(database.append(batch, AppendMode::KeepValid)).unwrap()
}

fn select(database: &Tsdb, matchers: &[Matcher]) -> Vec<(String, Vec<(i64, u64)>)> {
    let found =
        block_on(database.select(matchers, i64::MIN, i64::MAX, SelectBudget::UNLIMITED)).unwrap();
    let read = |series: SelectedSeries| {
        let (mut samples, mut histograms) = (Vec::new(), Vec::new());
        series.read(i64::MIN, i64::MAX, &mut samples, &mut histograms).unwrap();
        let points = samples.iter().map(|s| (s.timestamp_ms, s.value.to_bits())).collect();
        (series.labels().to_string(), points)
    };
    found.into_iter().map(read).collect()
}

fn all(database: &Tsdb) -> Vec<(String, Vec<(i64, u64)>)> {
    select(database, &[])
}

fn points(samples: &[(i64, f64)]) -> Vec<(i64, u64)> {
    samples.iter().map(|(t, v)| (*t, v.to_bits())).collect()
}

#[test]
fn what_was_acknowledged_is_seen_at_once_and_after_a_crash() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    let outcome = append(
        &database,
        vec![series("up", "b", &[(NOW - 2, 1.0), (NOW, 0.0)]), series("up", "a", &[(NOW, 7.5)])],
    );
    assert_eq!((outcome.samples, outcome.refused_total()), (3, 0));
    append(&database, vec![series("up", "a", &[(NOW + 5, stale_nan())])]);
    let wanted = vec![
        (r#"up{job="a"}"#.to_owned(), vec![(NOW, 7.5f64.to_bits()), (NOW + 5, STALE_NAN_BITS)]),
        (r#"up{job="b"}"#.to_owned(), points(&[(NOW - 2, 1.0), (NOW, 0.0)])),
    ];
    assert_eq!(all(&database), wanted);
    drop(database);
    let database = open(&world);
    assert_eq!(all(&database), wanted);
    append(&database, vec![series("up", "a", &[(NOW + 9, 1.0)])]);
    assert_eq!(all(&open(&world)), all(&database), "a second epoch in one log");
}

#[test]
fn an_unavailable_log_writes_nothing_and_can_be_tried_again() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    let batch = || vec![series("up", "a", &[(NOW, 1.0)])];
    world.log.set_broken(true);
    let error = block_on(database.append(batch(), AppendMode::KeepValid)).unwrap_err();
    assert!(matches!(error, TsdbError::Unavailable(_)), "{error}");
    assert!(all(&database).is_empty());
    world.log.set_broken(false);
    append(&database, batch());
    append(&database, vec![series("up", "a", &[(NOW + 1, 1.0)])]);
    assert_eq!(all(&open(&world)), all(&database));
    assert_eq!(all(&database).len(), 1);
}

#[test]
fn damage_in_the_log_is_told_and_the_rest_is_served() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    append(&database, vec![series("up", "a", &[(NOW, 1.0)])]);
    append(&database, vec![series("up", "b", &[(NOW, 1.0)])]);
    world.log.damage_last();
    append(
        &database,
        vec![series("up", "b", &[(NOW + 1, 1.0)]), series("up", "a", &[(NOW + 1, 1.0)])],
    );
    let database = open(&world);
    let told = database.log_damage();
    assert!(told[0].starts_with("record 1 of samples/ws-1 is damaged"), "{told:?}");
    assert!(told[1].contains("names series 1, which no record before it"), "{told:?}");
    assert_eq!(
        all(&database),
        [(r#"up{job="a"}"#.to_owned(), points(&[(NOW, 1.0), (NOW + 1, 1.0)]))]
    );
    block_on(database.flush()).unwrap();
    assert!(open(&world).log_damage().is_empty());
}

#[test]
fn repeating_is_fine_contradicting_is_refused() {
    let database = open(&TestWorld::at(NOW));
    append(&database, vec![series("up", "a", &[(1, 1.0), (2, 2.0), (3, 3.0)])]);
    let outcome = append(&database, vec![series("up", "a", &[(2, 2.0), (3, 9.0), (1, 8.0)])]);
    assert_eq!(outcome.samples, 1);
    assert_eq!(outcome.refused_counts.get("new-value-for-timestamp"), Some(&2));
    assert_eq!(all(&database)[0].1, points(&[(1, 1.0), (2, 2.0), (3, 3.0)]));
}

#[test]
fn all_or_nothing_writes_nothing_where_one_is_refused() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    let batch = vec![series("up", "a", &[(NOW, 1.0)]), series("up", "b", &[(NOW * 2, 1.0)])];
    let outcome = block_on(database.append(batch, AppendMode::AllOrNothing)).unwrap();
    assert_eq!((outcome.samples, outcome.refused_total()), (0, 1));
    assert_eq!(outcome.refused[0].reason.code(), "too_far_in_future");
    assert!(all(&database).is_empty() && world.log.len() == 0);
}

#[test]
fn late_samples_of_any_age_come_back_in_order() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    let mut wanted = Vec::new();
    for step in 0..2000i64 {
        // A walk that visits every timestamp once, far from in order.
        let timestamp = (step * 7919) % 2000 - 1000;
        append(&database, vec![series("old", "a", &[(timestamp, step as f64)])]);
        wanted.push((timestamp, step as f64));
    }
    wanted.sort_by_key(|(timestamp, _)| *timestamp);
    assert_eq!(all(&database)[0].1, points(&wanted));
    assert_eq!(all(&open(&world))[0].1, points(&wanted));
}

#[test]
fn matchers_of_every_kind() {
    let database = open(&TestWorld::at(NOW));
    for (name, job) in [("up", "a"), ("up", "b"), ("up", ""), ("down", "b"), ("down", "c")] {
        append(&database, vec![series(name, job, &[(NOW, 1.0)])]);
    }
    let names = |matchers: &[(MatchOp, &str, &str)]| {
        let matchers: Vec<_> =
            matchers.iter().map(|(op, n, v)| Matcher::new(*op, *n, *v).unwrap()).collect();
        select(&database, &matchers).into_iter().map(|(labels, _)| labels).collect::<Vec<_>>()
    };
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    let (up, up_a, up_b) = ("up", r#"up{job="a"}"#, r#"up{job="b"}"#);
    let (down_b, down_c) = (r#"down{job="b"}"#, r#"down{job="c"}"#);
    assert_eq!(names(&[(Equal, "__name__", "up")]), [up, up_a, up_b]);
    assert_eq!(names(&[(Equal, "__name__", "up"), (Equal, "job", "")]), [up]);
    assert_eq!(names(&[(Equal, "__name__", "up"), (NotEqual, "job", "")]), [up_a, up_b]);
    assert_eq!(names(&[(NotEqual, "__name__", "up")]), [down_b, down_c]);
    assert_eq!(names(&[(Regex, "job", "a|c")]), [down_c, up_a]);
    assert_eq!(names(&[(Regex, "job", "a?")]), [up, up_a]);
    assert_eq!(names(&[(NotRegex, "job", "a|")]), [down_b, down_c, up_b]);
    assert_eq!(names(&[(NotRegex, "job", "[bc]")]), [up, up_a]);
    assert_eq!(names(&[(Equal, "nothing", "")]).len(), 5);
    assert!(names(&[(Equal, "nothing", "x")]).is_empty());
}

#[test]
fn histograms_come_back_and_win_over_numbers() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    let histogram = FloatHistogram {
        schema: 2,
        count: 6.0,
        sum: 1.5,
        positive_spans: vec![Span { offset: -1, length: 2 }],
        positive_buckets: vec![2.0, 4.0],
        ..FloatHistogram::default()
    };
    let sample =
        |timestamp_ms| HistogramSample { timestamp_ms, histogram: Arc::new(histogram.clone()) };
    let batch: Vec<_> = (0..40)
        .map(|at| TimeSeries { histograms: vec![sample(NOW + at)], ..series("lag", "a", &[]) })
        .collect();
    let outcome = append(&database, batch);
    assert_eq!(outcome.histograms, 40);
    let outcome = append(&database, vec![series("lag", "a", &[(NOW, 1.0), (NOW + 50, 2.0)])]);
    assert_eq!((outcome.samples, outcome.refused_total()), (1, 1));
    for database in [database, open(&world)] {
        let found = block_on(database.select(&[], NOW + 10, NOW + 60, SelectBudget::UNLIMITED));
        let (mut samples, mut histograms) = (Vec::new(), Vec::new());
        found.unwrap()[0].read(NOW + 10, NOW + 60, &mut samples, &mut histograms).unwrap();
        assert_eq!(histograms, (10..40).map(|at| sample(NOW + at)).collect::<Vec<_>>());
        assert_eq!(samples, [Sample { timestamp_ms: NOW + 50, value: 2.0 }]);
    }
}

#[test]
fn broken_histograms_are_refused() {
    let database = open(&TestWorld::at(NOW));
    let histogram = FloatHistogram { positive_buckets: vec![1.0], ..FloatHistogram::default() };
    let sample = HistogramSample { timestamp_ms: NOW, histogram: Arc::new(histogram) };
    let batch = vec![TimeSeries { histograms: vec![sample], ..series("lag", "a", &[]) }];
    let outcome = append(&database, batch);
    assert_eq!(outcome.refused_counts.get("invalid_histogram"), Some(&1));
}

#[test]
fn the_series_limit_refuses_new_series_only() {
    let database = open(&TestWorld::at(NOW));
    let mut options = TsdbOptions::default();
    options.limits.active_series_max = 2;
    database.configure(options);
    let batch = |at| ["a", "b", "c"].map(|job| series("up", job, &[(at, 1.0)])).to_vec();
    for at in [NOW, NOW + 1] {
        let outcome = append(&database, batch(at));
        assert_eq!((outcome.samples, outcome.refused_total()), (2, 1));
        assert!(outcome.refused[0].reason.is_limit());
        let told = outcome.refused[0].reason.to_string();
        assert_eq!(told, "active series limit of 2 reached");
    }
}

#[test]
fn a_selection_over_budget_names_the_limit() {
    let database = open(&TestWorld::at(NOW));
    append(&database, vec![series("up", "a", &[(NOW, 1.0)]), series("up", "b", &[(NOW, 1.0)])]);
    let select = |series_max, bytes_max| {
        let budget = SelectBudget { series_max, bytes_max };
        block_on(database.select(&[], 0, NOW, budget)).map(|found| found.len())
    };
    assert!(matches!(select(1, 1000), Err(TsdbError::OverBudget { limit: "series", max: 1 })));
    assert!(matches!(select(9, 3), Err(TsdbError::OverBudget { limit: "bytes", max: 3 })));
    assert_eq!(select(2, 1000).unwrap(), 2);
}

#[test]
fn the_clock_bounds_the_future_only() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    world.clock.0.store(NOW - 3_600_000, Ordering::Relaxed);
    let outcome = append(&database, vec![series("up", "a", &[(NOW, 1.0), (0, 1.0)])]);
    assert_eq!((outcome.samples, outcome.refused_total()), (1, 1));
}

/// Five hours of three series, a minute apart.
fn fill(database: &Tsdb, from: i64) {
    for minute in 0..300 {
        let at = from + minute * 60_000;
        append(
            database,
            ["a", "b", "c"].map(|job| series("up", job, &[(at, minute as f64)])).to_vec(),
        );
    }
}

#[test]
fn a_flush_moves_the_head_to_blocks_and_gives_the_log_back() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    fill(&database, NOW - 18_000_000);
    let before = all(&database);
    let head_bytes = database.stats().head_bytes;
    block_on(database.flush()).unwrap();
    let stats = database.stats();
    assert_eq!((stats.block_samples, stats.head_samples, stats.log_bytes), (900, 0, 0));
    assert!(stats.blocks >= 3 && stats.block_bytes > 0 && stats.head_bytes < head_bytes);
    assert_eq!((stats.min_ms, stats.max_ms), (Some(NOW - 18_000_000), Some(NOW - 60_000)));
    assert_eq!(world.log.len(), 0);
    assert_eq!(all(&database), before);
    append(&database, vec![series("up", "a", &[(NOW, 5.0)])]);
    assert_eq!(all(&open(&world)), all(&database));
    let objects = world.bucket.names().len();
    block_on(database.flush()).unwrap();
    block_on(database.flush()).unwrap();
    assert_eq!(world.bucket.names().len(), objects + 2, "one block, one manifest");
}

#[test]
fn a_flush_that_failed_is_made_up_for() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    fill(&database, NOW - 18_000_000);
    world.bucket.set_broken(true);
    assert!(matches!(block_on(database.flush()), Err(TsdbError::Unavailable(_))));
    world.bucket.set_broken(false);
    append(&database, vec![series("up", "a", &[(NOW, 5.0), (NOW - 18_000_001, 1.0)])]);
    let before = all(&database);
    assert_eq!(all(&open(&world)), before);
    block_on(database.flush()).unwrap();
    assert_eq!(database.stats().block_samples, 902);
    assert_eq!(all(&database), before);
    assert_eq!(all(&open(&world)), before);
}

#[test]
fn merges_change_no_answer_and_what_is_left_over_is_collected() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    for part in 0..6 {
        fill(&database, NOW - 400_000_000 + part * 18_000_000);
        block_on(database.flush()).unwrap();
    }
    let orphan = "workspaces/ws-1/blocks/orphan";
    world.bucket.objects.lock().unwrap().insert(orphan.into(), bytes::Bytes::new());
    let (before, stats) = (all(&database), database.stats());
    let mut now_ms = NOW;
    for _ in 0..8 {
        block_on(database.maintain(now_ms)).unwrap();
        assert_eq!(all(&database), before);
        now_ms += 600_000;
    }
    let after = database.stats();
    assert_eq!(after.block_samples, stats.block_samples);
    assert!(after.blocks * 3 <= stats.blocks, "{} of {}", after.blocks, stats.blocks);
    let names = world.bucket.names();
    assert!(!names.contains(&orphan.to_owned()), "{names:?}");
    let blocks = names.iter().filter(|name| name.contains("/blocks/")).count();
    assert_eq!(blocks as u64, after.blocks, "{names:?}");
    assert!(names.len() - blocks <= 2, "{names:?}");
    assert_eq!(all(&open(&world)), before);
}

#[test]
fn retention_hides_at_once_and_drops_whole_blocks() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    fill(&database, NOW - 18_000_000);
    block_on(database.flush()).unwrap();
    let retention_ms = Some(7_200_000);
    database.configure(TsdbOptions { retention_ms, ..TsdbOptions::default() });
    let kept = all(&database);
    assert!(kept.iter().all(|(_, points)| points[0].0 == NOW - 7_200_000));
    block_on(database.maintain(NOW)).unwrap();
    assert!(database.stats().block_samples < 900);
    assert_eq!(all(&database), kept);
    let outcome = append(&database, vec![series("up", "a", &[(NOW - 7_200_001, 0.0)])]);
    assert_eq!(outcome.refused_counts.get("greater_than_max_sample_age"), Some(&1));
}

#[test]
fn an_age_or_size_makes_the_head_flush() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    fill(&database, NOW - 18_000_000);
    block_on(database.maintain(NOW)).unwrap();
    assert_eq!(database.stats().blocks, 0);
    block_on(database.maintain(NOW + 7_200_000)).unwrap();
    assert!(database.stats().blocks > 0);
    append(&database, vec![series("up", "a", &[(NOW, 5.0)])]);
    database.configure(TsdbOptions { log_bytes_max: 1, ..TsdbOptions::default() });
    block_on(database.maintain(NOW)).unwrap();
    assert_eq!(database.stats().log_bytes, 0);
}

#[test]
fn idle_series_leave_the_head_and_make_room() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    let mut options = TsdbOptions::default();
    options.limits.active_series_max = 2;
    database.configure(options);
    append(&database, vec![series("up", "a", &[(1, 1.0)]), series("up", "b", &[(1, 1.0)])]);
    for at in 2..5 {
        block_on(database.flush()).unwrap();
        append(&database, vec![series("up", "b", &[(at, 1.0)])]);
    }
    assert_eq!(database.stats().head_series, 1);
    assert_eq!(append(&database, vec![series("up", "c", &[(9, 1.0)])]).samples, 1);
    let found = all(&database);
    assert_eq!(found.len(), 3);
    assert_eq!(found, all(&open(&world)));
    let outcome = append(&database, vec![series("up", "b", &[(4, 7.0)])]);
    assert_eq!(outcome.refused_total(), 1, "what is known of a series outlives the renumbering");
}

#[test]
fn metadata_and_exemplars_are_kept_and_not_logged_twice() {
    use protocol::sample::{Exemplar, Metadata, MetricType};
    let world = TestWorld::at(NOW);
    let database = open(&world);
    let exemplar = Exemplar {
        labels: Labels::from_pairs([("trace_id", "abc")]),
        value: 0.5,
        timestamp_ms: NOW,
    };
    let metadata = Metadata { metric_type: MetricType::Counter, ..Metadata::default() };
    let batch = |at| TimeSeries {
        exemplars: vec![exemplar.clone()],
        metadata: Some(metadata.clone()),
        ..series("hits_total", "a", at)
    };
    append(&database, vec![batch(&[(NOW, 1.0)])]);
    append(&database, vec![batch(&[])]);
    assert_eq!(world.log.len(), 1);
    let labels = batch(&[]).labels;
    for database in [&database, &open(&world)] {
        assert_eq!(database.metadata(None, 9)["hits_total"], std::slice::from_ref(&metadata));
        let found = database.exemplars(&[vec![Matcher::equal("job", "a")]], 0, NOW);
        assert_eq!(found, [(labels.clone(), vec![exemplar.clone()])]);
    }
    let exemplars = |database: &Tsdb| database.exemplars(&[vec![]], 0, NOW);
    for _ in 0..2 {
        block_on(database.flush()).unwrap();
        let again = open(&world);
        assert_eq!(again.metadata(None, 9)["hits_total"], std::slice::from_ref(&metadata));
        assert_eq!(exemplars(&again), [(labels.clone(), vec![exemplar.clone()])]);
        assert_eq!(again.stats().head_series, 0, "their series need not be in the head");
        assert_eq!(world.log.len(), 1, "what they came in was given back");
    }
    append(&database, vec![series("up", "a", &[(NOW, 1.0)])]);
    assert_eq!(all(&open(&world)).len(), 2, "samples behind them come back");
}

#[test]
fn exemplars_outlive_a_flush_that_the_log_refused_to_end() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    let exemplar = protocol::sample::Exemplar {
        labels: Labels::from_pairs([("trace_id", "abc")]),
        value: 0.5,
        timestamp_ms: NOW,
    };
    let batch = series("hits_total", "a", &[(NOW, 1.0)]);
    append(&database, vec![TimeSeries { exemplars: vec![exemplar.clone()], ..batch }]);
    world.log.set_broken(true);
    assert!(block_on(database.flush()).is_err(), "it could not write the exemplars again");
    world.log.set_broken(false);
    let held = |database: &Tsdb| database.exemplars(&[vec![]], 0, NOW)[0].1.clone();
    assert_eq!(held(&open(&world)), std::slice::from_ref(&exemplar), "the log holds them still");
    block_on(database.flush()).unwrap();
    assert_eq!((held(&open(&world)), world.log.len()), (vec![exemplar], 1));
    assert_eq!(all(&open(&world)).len(), 1);
}

#[test]
fn a_damaged_block_is_named_and_the_rest_is_answered() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    fill(&database, NOW - 100_000_000);
    block_on(database.flush()).unwrap();
    let first = world.bucket.names().into_iter().find(|name| name.contains("/blocks/")).unwrap();
    append(&database, vec![series("up", "a", &[(NOW, 1.0)])]);
    world.bucket.objects.lock().unwrap().insert(first.clone(), bytes::Bytes::from_static(b"x"));
    let database = open(&world);
    assert_eq!(database.stats().damaged_blocks, 1);
    let select = |from| block_on(database.select(&[], from, NOW, SelectBudget::UNLIMITED));
    let error = select(0).unwrap_err().to_string();
    assert!(error.contains(first.rsplit('/').next().unwrap()), "{error}");
    assert_eq!(select(NOW - 1).unwrap().len(), 1);
    let outcome = append(&database, vec![series("up", "a", &[(NOW + 1, 1.0)])]);
    assert_eq!(outcome.samples, 1);
    block_on(database.flush()).unwrap();
    assert_eq!(database.stats().damaged_blocks, 1, "it stays in the manifest");
}

#[test]
fn a_second_process_is_refused_before_it_harms() {
    let world = TestWorld::at(NOW);
    let (one, two) = (open(&world), open(&world));
    append(&one, vec![series("up", "a", &[(NOW, 1.0)])]);
    append(&two, vec![series("up", "b", &[(NOW, 1.0)])]);
    block_on(one.flush()).unwrap();
    let error = block_on(two.flush()).unwrap_err();
    assert!(matches!(error, TsdbError::Superseded(_)), "{error}");
}

#[test]
fn closed_and_destroyed() {
    let world = TestWorld::at(NOW);
    let database = open(&world);
    append(&database, vec![series("up", "a", &[(NOW, 1.0)])]);
    block_on(database.flush()).unwrap();
    append(&database, vec![series("up", "a", &[(NOW + 1, 1.0)])]);
    block_on(database.close());
    let closed = block_on(
        database.append(vec![series("up", "a", &[(NOW + 2, 1.0)])], AppendMode::KeepValid),
    );
    assert!(matches!(closed, Err(TsdbError::Closed)));
    assert_eq!(all(&open(&world)).len(), 1);
    block_on(database.destroy()).unwrap();
    assert!(world.bucket.names().is_empty() && world.log.len() == 0);
    assert!(all(&open(&world)).is_empty());
}
