//! Tests of `histogram_codec`.

use proptest::prelude::*;

use super::*;

/// Histograms that often share their layout, with whole and broken numbers.
pub fn histogram() -> impl Strategy<Value = FloatHistogram> {
    let number = || prop_oneof![(0u32..1000).prop_map(f64::from), any::<f64>(), Just(-0.0)];
    let spans = || prop::collection::vec((-3i32..4, 0u32..4), 0..3);
    (0u8..4, prop::sample::select(vec![0, 3, -53]), spans(), spans(), any::<bool>()).prop_flat_map(
        move |(hint_code, schema, positive, negative, custom)| {
            let size = |spans: &[(i32, u32)]| spans.iter().map(|s| s.1 as usize).sum::<usize>();
            let (p, n) = (size(&positive), size(&negative));
            let numbers = prop::collection::vec(number(), p + n + 4);
            numbers.prop_map(move |numbers| FloatHistogram {
                reset_hint: hint(hint_code),
                schema,
                zero_threshold: numbers[0],
                zero_count: numbers[1],
                count: numbers[2],
                sum: numbers[3],
                positive_spans: to_spans(&positive),
                negative_spans: to_spans(&negative),
                positive_buckets: numbers[4..4 + p].to_vec(),
                negative_buckets: numbers[4 + p..].to_vec(),
                custom_values: if custom { vec![0.5, 1.0] } else { vec![] },
            })
        },
    )
}

fn to_spans(pairs: &[(i32, u32)]) -> Vec<Span> {
    pairs.iter().map(|&(offset, length)| Span { offset, length }).collect()
}

proptest! {
    #[test]
    fn runs_come_back_bit_for_bit(run in prop::collection::vec((any::<i64>(), histogram()), 0..8)) {
        let run: Vec<_> = run
            .into_iter()
            .map(|(timestamp_ms, h)| HistogramSample { timestamp_ms, histogram: Arc::new(h) })
            .collect();
        let mut bytes = Vec::new();
        encode(&run, &mut bytes);
        let mut reader = Reader::new(&bytes);
        let mut back = Vec::new();
        decode(&mut reader, run.len(), |sample| back.push(sample)).unwrap();
        prop_assert!(reader.is_empty());
        prop_assert_eq!(run.len(), back.len());
        for (wanted, got) in run.iter().zip(&back) {
            prop_assert_eq!(canonical(wanted), canonical(got));
            prop_assert!(fault(&got.histogram).is_none());
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&mut Reader::new(&bytes), 5, drop);
    }
}

#[test]
fn small_changes_take_few_bytes() {
    let base = FloatHistogram {
        schema: 3,
        count: 100.0,
        positive_spans: vec![Span { offset: 0, length: 4 }],
        positive_buckets: vec![25.0; 4],
        ..FloatHistogram::default()
    };
    let next = FloatHistogram { count: 101.0, ..base.clone() };
    let sample = |timestamp_ms, h: &FloatHistogram| HistogramSample {
        timestamp_ms,
        histogram: Arc::new(h.clone()),
    };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    encode(&[sample(0, &base)], &mut one);
    encode(&[sample(0, &base), sample(15_000, &next)], &mut two);
    assert_eq!(two.len() - one.len(), 3 + 1 + 8 + 6);
}
