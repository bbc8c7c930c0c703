//! The database against the plainest map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use futures::executor::block_on;
use proptest::prelude::*;
use protocol::histogram::FloatHistogram;
use protocol::labels::Labels;
use protocol::matcher::{MatchOp, Matcher};
use protocol::sample::{HistogramSample, STALE_NAN_BITS, Sample};

use super::*;
use crate::histogram_codec::canonical;
use crate::precedence::compare_values;
use crate::selection::SelectBudget;
use crate::test_world::TestWorld;

const HOUR: i64 = 3_600_000;
const NOW: i64 = 1000 * HOUR;

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<(u8, i64, Value)>),
    Flush,
    /// The bucket fails from some request on; the failing put may be stored all the same.
    FlushWithFaults(u32, bool),
    AppendWithoutLog(u8, i64, Value),
    Maintain(i64),
    Reopen,
}

#[derive(Clone, Debug)]
enum Value {
    Number(f64),
    Histogram(f64),
}

#[derive(Clone, Debug, PartialEq)]
enum Point {
    Number(u64),
    Histogram(Vec<u8>),
}

type Model = BTreeMap<Labels, BTreeMap<i64, Point>>;

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (-3i32..4).prop_map(|v| Value::Number(f64::from(v) / 4.0)),
        1 => any::<u64>().prop_map(|bits| Value::Number(f64::from_bits(bits))),
        1 => Just(Value::Number(f64::from_bits(STALE_NAN_BITS))),
        2 => (0i32..3).prop_map(|v| Value::Histogram(f64::from(v))),
    ]
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => (0i64..40).prop_map(|at| NOW - at * HOUR / 4),
        2 => (0i64..1000).prop_map(|at| NOW - at * HOUR),
        1 => (-3i64..4).prop_map(|at| at * 1000),
        1 => Just(i64::MIN),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop::collection::vec((0u8..6, time(), value()), 1..6).prop_map(Step::Append),
        2 => Just(Step::Flush),
        2 => (0u32..6, any::<bool>()).prop_map(|(n, stored)| Step::FlushWithFaults(n, stored)),
        1 => (0u8..6, time(), value()).prop_map(|(s, t, v)| Step::AppendWithoutLog(s, t, v)),
        2 => (0i64..3).prop_map(Step::Maintain),
        2 => Just(Step::Reopen),
    ]
}

fn options() -> TsdbOptions {
    TsdbOptions { head_age_ms_max: HOUR, ..TsdbOptions::default() }
}

fn labels(series: u8) -> Labels {
    let parity = if series.is_multiple_of(2) { "" } else { "odd" };
    Labels::from_pairs([
        ("__name__", "m".to_owned()),
        ("series", series.to_string()),
        ("parity", parity.to_owned()),
    ])
}

fn entry(series: u8, timestamp_ms: i64, value: &Value) -> (TimeSeries, Point) {
    let mut entry = TimeSeries { labels: labels(series), ..TimeSeries::default() };
    let point = match value {
        Value::Number(value) => {
            entry.samples.push(Sample { timestamp_ms, value: *value });
            Point::Number(value.to_bits())
        }
        Value::Histogram(count) => {
            let histogram = FloatHistogram { count: *count, ..FloatHistogram::default() };
            let sample = HistogramSample { timestamp_ms, histogram: Arc::new(histogram) };
            let point = Point::Histogram(canonical(&sample));
            entry.histograms.push(sample);
            point
        }
    };
    (entry, point)
}

fn put(model: &mut Model, series: u8, timestamp_ms: i64, point: Point) {
    let held = model.entry(labels(series)).or_default().entry(timestamp_ms);
    let held = held.or_insert_with(|| point.clone());
    let wins = match (&*held, &point) {
        (Point::Number(a), Point::Number(b)) => {
            compare_values(f64::from_bits(*a), f64::from_bits(*b)).is_lt()
        }
        (Point::Number(_), Point::Histogram(_)) => true,
        (Point::Histogram(_), Point::Number(_)) => false,
        (Point::Histogram(a), Point::Histogram(b)) => a < b,
    };
    if wins {
        *held = point;
    }
}

fn read(database: &Tsdb, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Model {
    let budget = SelectBudget::UNLIMITED;
    let selected = block_on(database.select(matchers, from_ms, to_ms, budget)).unwrap();
    assert!(selected.windows(2).all(|pair| pair[0].labels() < pair[1].labels()));
    let mut model = Model::new();
    for series in selected {
        let (mut samples, mut histograms) = (Vec::new(), Vec::new());
        series.read(from_ms, to_ms, &mut samples, &mut histograms).unwrap();
        assert!(samples.windows(2).all(|pair| pair[0].timestamp_ms < pair[1].timestamp_ms));
        let numbers = samples.iter().map(|s| (s.timestamp_ms, Point::Number(s.value.to_bits())));
        let histograms =
            histograms.iter().map(|s| (s.timestamp_ms, Point::Histogram(canonical(s))));
        let points: BTreeMap<_, _> = numbers.chain(histograms).collect();
        if !points.is_empty() {
            model.insert(series.labels().clone(), points);
        }
    }
    model
}

/// A change that seemed to fail may have been stored: then the next try takes it up, once.
fn settle(mut act: impl FnMut() -> Result<(), TsdbError>) {
    match act() {
        Err(TsdbError::Unavailable(_)) => act().unwrap(),
        other => other.unwrap(),
    }
}

fn cut(model: &Model, keep: impl Fn(&Labels) -> bool, from_ms: i64, to_ms: i64) -> Model {
    let mut out = Model::new();
    for (labels, points) in model.iter().filter(|(labels, _)| keep(labels)) {
        let points: BTreeMap<_, _> =
            points.range(from_ms..=to_ms).map(|(t, p)| (*t, p.clone())).collect();
        if !points.is_empty() {
            out.insert(labels.clone(), points);
        }
    }
    out
}

fn open(world: &TestWorld) -> Arc<Tsdb> {
    block_on(Tsdb::open(world.world(), "ws", options())).unwrap()
}

fn run(steps: Vec<Step>) {
    let world = TestWorld::at(NOW);
    let mut database = open(&world);
    let mut model = Model::new();
    for step in steps {
        let told = format!("{step:?}");
        match step {
            Step::Append(entries) => {
                for (series, timestamp_ms, value) in entries {
                    let (entry, point) = entry(series, timestamp_ms, &value);
                    let append = database.append(vec![entry], AppendMode::KeepValid);
                    let outcome = block_on(append).unwrap();
                    assert_eq!(outcome.samples + outcome.histograms + outcome.refused_total(), 1);
                    if outcome.refused.is_empty() {
                        put(&mut model, series, timestamp_ms, point);
                    }
                }
            }
            Step::AppendWithoutLog(series, timestamp_ms, value) => {
                world.log.set_broken(true);
                let (entry, _) = entry(series, timestamp_ms, &value);
                let appended = block_on(database.append(vec![entry], AppendMode::KeepValid));
                // Known or refused samples do not need the log.
                assert!(appended.is_err() || world.log.is_broken());
                world.log.set_broken(false);
            }
            Step::Flush => settle(|| block_on(database.flush())),
            Step::FlushWithFaults(requests, stored) => {
                world.bucket.fail_after(requests, stored);
                let _ = block_on(database.flush());
                let _ = block_on(database.maintain(world.clock.0.load(Ordering::Relaxed)));
                world.bucket.set_broken(false);
            }
            Step::Maintain(hours) => {
                let now_ms = world.clock.0.fetch_add(hours * HOUR, Ordering::Relaxed);
                settle(|| block_on(database.maintain(now_ms + hours * HOUR)));
            }
            Step::Reopen => database = open(&world),
        }
        assert_eq!(read(&database, &[], i64::MIN, i64::MAX), model, "after {told}");
    }
    let odd = [Matcher::new(MatchOp::NotEqual, "parity", "").unwrap()];
    let (from_ms, to_ms) = (NOW - 5 * HOUR, NOW - HOUR);
    let wanted = cut(&model, |labels| labels.value("parity") == "odd", from_ms, to_ms);
    assert_eq!(read(&database, &odd, from_ms, to_ms), wanted);
    check_labels_of(&database, &model);
}

fn check_labels_of(database: &Tsdb, model: &Model) {
    let (all, limit) = ([vec![Matcher::equal("__name__", "m")]], usize::MAX);
    let series = block_on(database.series(&all, i64::MIN, i64::MAX, limit)).unwrap();
    assert_eq!(series, model.keys().cloned().collect::<Vec<_>>());
    for sets in [&all[..], &[]] {
        let values = database.label_values("series", sets, i64::MIN, i64::MAX, limit);
        let wanted: BTreeSet<_> = model.keys().map(|labels| labels.value("series")).collect();
        assert_eq!(block_on(values).unwrap(), Vec::from_iter(wanted));
        let names = block_on(database.label_names(sets, i64::MIN, i64::MAX, limit)).unwrap();
        let wanted: BTreeSet<_> =
            model.keys().flat_map(|labels| labels.iter().map(|(name, _)| name)).collect();
        assert_eq!(names, Vec::from_iter(wanted));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_answers_as_the_plainest_map(steps in prop::collection::vec(step(), 1..40)) {
        run(steps);
    }
}
