//! Tests of `page`.

use std::sync::Arc;

use proptest::prelude::*;
use protocol::histogram::FloatHistogram;

use super::*;

fn samples(from: i64, count: i64) -> Vec<Sample> {
    (0..count).map(|at| Sample { timestamp_ms: from + at * 10, value: at as f64 }).collect()
}

fn read(page: &Page, row: usize, from_ms: i64, to_ms: i64) -> (Vec<Sample>, Vec<HistogramSample>) {
    let (mut samples, mut histograms) = (Vec::new(), Vec::new());
    page.read(row, from_ms, to_ms, &mut samples, &mut histograms).unwrap();
    (samples, histograms)
}

#[test]
fn rows_come_back_and_share_their_times() {
    let histogram = HistogramSample {
        timestamp_ms: 5,
        histogram: Arc::new(FloatHistogram { sum: 1.5, ..FloatHistogram::default() }),
    };
    let mut writer = PageWriter::default();
    writer.push(&samples(0, 100), &[]);
    let alone = writer.finish().len();
    writer.push(&samples(0, 100), &[]);
    assert_eq!(writer.times.len(), 1);
    assert!(writer.finish().len() - alone < 120);
    writer.pad_to(5);
    writer.push(&samples(7, 3), std::slice::from_ref(&histogram));
    writer.push(&[], std::slice::from_ref(&histogram));
    let page = Page::parse(writer.finish()).unwrap();
    assert_eq!(page.rows(), 7);
    assert_eq!(read(&page, 1, 0, 10_000), (samples(0, 100), vec![]));
    assert_eq!(read(&page, 1, 15, 30).0, samples(0, 100)[2..=3]);
    assert_eq!(read(&page, 4, 0, 10_000), (vec![], vec![]));
    assert_eq!(read(&page, 5, 0, 10_000), (samples(7, 3), vec![histogram.clone()]));
    assert_eq!(read(&page, 6, 0, 10_000), (vec![], vec![histogram]));
    assert_eq!(read(&page, 99, 0, 10_000), (vec![], vec![]));
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(at in 0usize..400, byte in any::<u8>()) {
        let mut writer = PageWriter::default();
        writer.push(&samples(0, 100), &[]);
        writer.push(&samples(3, 50), &[]);
        let mut bytes = writer.finish();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(page) = Page::parse(bytes) {
            for row in 0..page.rows() {
                let _ = page.read(row, i64::MIN, i64::MAX, &mut Vec::new(), &mut Vec::new());
            }
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = Page::parse(bytes);
    }
}
