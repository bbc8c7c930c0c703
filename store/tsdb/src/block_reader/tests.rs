//! Tests of `block_reader`.

use futures::executor::block_on;
use protocol::histogram::FloatHistogram;
use protocol::matcher::MatchOp;
use protocol::sample::{HistogramSample, Sample};

use super::*;
use crate::block_order;
use crate::block_writer::{BlockWriter, LEVEL_FRESH};
use crate::test_world::TestBucket;

const HOUR: i64 = 3_600_000;

fn labels(name: &str, at: usize) -> Labels {
    Labels::from_pairs([
        ("__name__".to_owned(), name.to_owned()),
        ("instance".to_owned(), format!("host-{at}")),
        ("parity".to_owned(), if at.is_multiple_of(2) { String::new() } else { "odd".to_owned() }),
    ])
}

fn samples(at: usize) -> Vec<Sample> {
    (0..6).map(|hour| Sample { timestamp_ms: hour * HOUR, value: at as f64 }).collect()
}

/// 600 series of two metrics over six hours, in one object "b".
fn written() -> (BlockSource, Arc<TestBucket>) {
    let mut all: Vec<_> = ["cpu", "mem"]
        .iter()
        .flat_map(|name| (0..300).map(move |at| (labels(name, at), samples(at))))
        .collect();
    all.sort_by(|a, b| block_order::compare(&a.0, &b.0));
    let mut writer = BlockWriter::new(2 * HOUR, LEVEL_FRESH);
    for (labels, samples) in &all {
        writer.push(labels, samples, &[]).unwrap();
    }
    let block = writer.finish().unwrap().unwrap();
    let bucket = Arc::new(TestBucket::default());
    bucket.objects.lock().unwrap().insert("b".into(), block.bytes);
    (BlockSource { bucket: bucket.clone(), cache: SectionCache::new(1 << 20) }, bucket)
}

fn open(source: &BlockSource) -> Result<Block, TsdbError> {
    block_on(Block::open(&*source.bucket, "b".into(), 1))
}

fn find(source: &BlockSource, matchers: &[Matcher]) -> Result<Vec<Labels>, TsdbError> {
    let block = open(source)?;
    block_on(async {
        let set = block.select(source, matchers).await?;
        block.labels(source, &set).await
    })
}

#[test]
fn series_are_found_and_read() {
    let (source, _) = written();
    let block = open(&source).unwrap();
    let footer = &block.footer;
    assert_eq!((footer.series, footer.samples), (600, 3600));
    assert_eq!((footer.min_ms, footer.max_ms), (0, 5 * HOUR));
    assert_eq!(footer.groups.len(), 3);
    assert!(footer.groups.iter().all(|group| group.pages.len() == 3));
    let cpu = Matcher::equal("__name__", "cpu");
    let odd = Matcher::equal("parity", "odd");
    let even = Matcher::equal("parity", "");
    assert_eq!(find(&source, &[]).unwrap().len(), 600);
    assert_eq!(find(&source, &[cpu.clone(), odd.clone()]).unwrap().len(), 150);
    assert_eq!(find(&source, &[cpu.clone(), even]).unwrap().len(), 150);
    assert!(find(&source, &[Matcher::equal("job", "x")]).unwrap().is_empty());
    let one = Matcher::new(MatchOp::Regex, "instance", "host-(7|8)").unwrap();
    assert_eq!(
        find(&source, &[cpu.clone(), one.clone()]).unwrap(),
        [labels("cpu", 7), labels("cpu", 8)]
    );
    let parts = block_on(async {
        let set = block.select(&source, &[cpu, one]).await.unwrap();
        block.parts(&source, &set, 2 * HOUR, 3 * HOUR).await.unwrap()
    });
    assert_eq!(parts.len(), 2);
    for (found, part) in parts {
        assert_eq!(part.pages.len(), 1);
        let (page, row) = &part.pages[0];
        let (mut got, mut none) = (Vec::new(), Vec::new());
        page.page().unwrap().read((*row).into(), 0, i64::MAX, &mut got, &mut none).unwrap();
        let at = if found == labels("cpu", 7) { 7 } else { 8 };
        assert_eq!(got, samples(at)[2..4]);
    }
}

#[test]
fn names_and_values_among_some_series() {
    let (source, _) = written();
    let block = open(&source).unwrap();
    block_on(async {
        let odd = block.select(&source, &[Matcher::equal("parity", "odd")]).await.unwrap();
        let (mut names, mut values) = (BTreeSet::new(), BTreeSet::new());
        block.label_names(&source, Some(&odd), &mut names).await.unwrap();
        assert_eq!(Vec::from_iter(names), ["__name__", "instance", "parity"]);
        block.label_values(&source, "instance", Some(&odd), &mut values).await.unwrap();
        assert_eq!(values.len(), 150);
        block.label_values(&source, "instance", None, &mut values).await.unwrap();
        assert_eq!(values.len(), 300);
        block.label_values(&source, "nothing", None, &mut values).await.unwrap();
    });
}

#[test]
fn damage_anywhere_is_named_and_never_panics() {
    let (source, bucket) = written();
    let whole = bucket.objects.lock().unwrap()["b"].clone();
    // All bytes behind the magic would take minutes; a stride that is prime to the layout will do.
    for at in (12..whole.len()).step_by(61) {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 0x10;
        bucket.objects.lock().unwrap().insert("b".into(), bytes.into());
        let source =
            BlockSource { bucket: source.bucket.clone(), cache: SectionCache::new(1 << 20) };
        let read = || -> Result<(), TsdbError> {
            let block = open(&source)?;
            let parts = block_on(async {
                let every = Matcher::new(MatchOp::Regex, "instance", ".+").unwrap();
                let parity = Matcher::new(MatchOp::Regex, "parity", ".*x?").unwrap();
                let name = Matcher::new(MatchOp::Regex, "__name__", ".+").unwrap();
                let absent = Matcher::new(MatchOp::NotEqual, "parity", "even").unwrap();
                let set = block.select(&source, &[every, parity, name, absent]).await?;
                block.parts(&source, &set, i64::MIN, i64::MAX).await
            })?;
            let mut samples = Vec::new();
            for (page, row) in parts.iter().flat_map(|(_, part)| &part.pages) {
                let page = page.page().map_err(|c| TsdbError::malformed("block \"b\"", c))?;
                page.read((*row).into(), i64::MIN, i64::MAX, &mut samples, &mut Vec::new())
                    .map_err(|cause| TsdbError::malformed("block \"b\"", cause))?;
            }
            Ok(())
        };
        let error = read().expect_err(&format!("byte {at} of {}", whole.len())).to_string();
        assert!(error.contains("\"b\""), "{error}");
    }
}

#[test]
fn near_sections_are_read_in_one_go() {
    let section = |offset, len| Section { offset, len, ..Section::default() };
    let sections =
        [section(0, 10), section(20, 10), section(1 << 20, 5), section((1 << 20) + 5, 5)];
    let reads = coalesce(&sections, &[0, 1, 2, 3]);
    assert_eq!(reads, [(vec![0, 1], 0, 30), (vec![2, 3], 1 << 20, 10)]);
    let reads = coalesce(&sections, &[3]);
    assert_eq!(reads, [(vec![3], (1 << 20) + 5, 5)]);
}

/// Two numbers and a histogram, as version 1 wrote them.
#[test]
fn golden_bytes_are_read() {
    let bytes = crate::test_world::unhex(include_str!("golden_v1.hex"));
    let (source, bucket) = written();
    bucket.objects.lock().unwrap().insert("b".into(), bytes.into());
    let block = open(&source).unwrap();
    let all: RoaringBitmap = (0..block.footer.series).collect();
    let parts = block_on(block.parts(&source, &all, i64::MIN, i64::MAX)).unwrap();
    let mut told = Vec::new();
    for (labels, part) in parts {
        let (mut samples, mut histograms) = (Vec::new(), Vec::new());
        for (page, row) in &part.pages {
            let page = page.page().unwrap();
            page.read((*row).into(), i64::MIN, i64::MAX, &mut samples, &mut histograms).unwrap();
        }
        told.push(format!("{labels} {samples:?} {histograms:?}"));
    }
    let wanted: Vec<_> =
        golden_series().iter().map(|(l, s, h)| format!("{l} {s:?} {h:?}")).collect();
    assert_eq!(told, wanted);
}

fn golden_series() -> Vec<(Labels, Vec<Sample>, Vec<HistogramSample>)> {
    let numbers = |values: &[f64]| {
        let sample = |(at, &value): (usize, &f64)| Sample { timestamp_ms: at as i64 * HOUR, value };
        values.iter().enumerate().map(sample).collect::<Vec<_>>()
    };
    let histogram = FloatHistogram { count: 3.0, sum: 0.25, ..FloatHistogram::default() };
    let sample = HistogramSample { timestamp_ms: 7, histogram: Arc::new(histogram) };
    vec![
        (labels("cpu", 1), numbers(&[1.5, 2.25, -0.0, 9.0, 1e300, 1.0]), vec![]),
        (labels("cpu", 2), numbers(&[7.0; 6]), vec![]),
        (labels("lag", 1), numbers(&[f64::INFINITY, 0.1, 0.7]), vec![]),
        (labels("lag", 2), vec![], vec![sample]),
    ]
}

#[test]
fn what_is_written_now_is_read_as_the_golden_file() {
    let mut writer = BlockWriter::new(2 * HOUR, LEVEL_FRESH);
    for (labels, samples, histograms) in golden_series() {
        writer.push(&labels, &samples, &histograms).unwrap();
    }
    let block = writer.finish().unwrap().unwrap();
    println!("to renew: {}", crate::test_world::hex(&block.bytes));
    let golden = crate::test_world::unhex(include_str!("golden_v1.hex"));
    let Tail::Whole(footer) = read_tail(&golden, "golden").unwrap() else {
        panic!("the golden file is short")
    };
    // The compressed bytes may change with zstd; what they say may not.
    let told = |footer: &Footer| (footer.series, footer.samples, footer.min_ms, footer.max_ms);
    assert_eq!(told(&footer), told(&block.footer));
}
