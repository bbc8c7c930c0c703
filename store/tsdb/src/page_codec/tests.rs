//! Tests of `page_codec`.

use proptest::prelude::*;
use protocol::sample::{NORMAL_NAN_BITS, STALE_NAN_BITS};

use super::*;

fn strange_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-1000i64..1000).prop_map(|v| v as f64),
        4 => (-100_000i64..100_000, 0i32..6).prop_map(|(v, e)| v as f64 / 10f64.powi(e)),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => prop::sample::select(vec![
            -0.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::from_bits(STALE_NAN_BITS),
            f64::from_bits(NORMAL_NAN_BITS),
            5e-324,
            f64::MAX,
            9_007_199_254_740_991.0,
        ]),
    ]
}

fn read(bytes: &[u8], count: usize) -> Result<Vec<f64>, Malformed> {
    let (mut reader, mut out) = (Reader::new(bytes), Vec::new());
    read_values(&mut reader, count, &mut out)?;
    assert!(reader.is_empty());
    Ok(out)
}

proptest! {
    #[test]
    fn values_come_back_bit_for_bit(values in prop::collection::vec(strange_value(), 1..300)) {
        let mut bytes = Vec::new();
        put_values(&mut bytes, &values);
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&read(&bytes, values.len()).unwrap()), bits(&values));
    }

    #[test]
    fn times_come_back(start in any::<i64>(), steps in prop::collection::vec(
        prop_oneof![Just(15_000i64), 1..i64::MAX], 0..50,
    )) {
        let mut times = vec![start];
        for step in steps {
            let Some(next) = times[times.len() - 1].checked_add(step) else { break };
            times.push(next);
        }
        let mut bytes = Vec::new();
        put_times(&mut bytes, &times);
        let (mut reader, mut out) = (Reader::new(&bytes), Vec::new());
        read_times(&mut reader, times.len(), &mut out).unwrap();
        prop_assert!(reader.is_empty());
        prop_assert_eq!(&out, &times);
        let mut reader = Reader::new(&bytes);
        skip_times(&mut reader).unwrap();
        prop_assert!(reader.is_empty());
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        for kind in 0..5 {
            let mut framed = vec![kind];
            framed.extend(&bytes);
            let _ = read_values(&mut Reader::new(&framed), 20, &mut Vec::new());
        }
        let _ = read_times(&mut Reader::new(&bytes), 1000, &mut Vec::new());
        let _ = skip_times(&mut Reader::new(&bytes));
    }
}

#[test]
fn a_stale_end_does_not_spoil_a_counter() {
    let mut values: Vec<f64> = (0..100).map(|i| f64::from(i) * 3.0).collect();
    values[50] = f64::from_bits(STALE_NAN_BITS);
    let mut bytes = Vec::new();
    put_values(&mut bytes, &values);
    assert!(bytes.len() < 130, "{}", bytes.len());
}
