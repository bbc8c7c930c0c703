use std::sync::atomic::Ordering;

use futures::executor::block_on;
use protocol::histogram::{FloatHistogram, Span};
use protocol::labels::Labels;
use protocol::matcher::MatchOp;
use protocol::sample::{HistogramSample, STALE_NAN_BITS, Sample, stale_nan};

use super::*;
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
fn damage_in_the_log_is_named_not_skipped() {
    let world = TestWorld::at(NOW);
    append(&open(&world), vec![series("up", "a", &[(NOW, 1.0)])]);
    world.log.damage_last();
    let opened = block_on(Tsdb::open(world.world(), "ws-1", TsdbOptions::default()));
    let error = opened.err().unwrap().to_string();
    assert!(error.starts_with("record 0 of samples/ws-1 is damaged"), "{error}");
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
