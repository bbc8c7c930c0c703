//! Tests of `manifest`.

use futures::executor::block_on;
use proptest::prelude::*;
use protocol::sample::MetricType;

use super::*;
use crate::test_world::TestBucket;

fn example(number: u64, writer: u64) -> Manifest {
    Manifest {
        number,
        writer,
        flushed: 99,
        newest_ms: Some(-5),
        blocks: vec![BlockEntry {
            id: "b1".into(),
            min_ms: -10,
            max_ms: -5,
            series: 3,
            samples: 8,
            bytes: 1 << 33,
        }],
        retired: vec![Retired { id: "b0".into(), since_ms: 77 }],
        metadata: vec![(
            "up".into(),
            Metadata { metric_type: MetricType::Gauge, help: "Is it?".into(), unit: String::new() },
        )],
    }
}

#[test]
fn a_manifest_comes_back_and_every_damaged_byte_is_named() {
    let bytes = example(4, 1).encode().unwrap();
    println!("to renew the golden file: {}", crate::test_world::hex(&bytes));
    assert_eq!(Manifest::decode(&bytes, "m").unwrap(), example(4, 1));
    for at in 0..bytes.len() {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        let error = Manifest::decode(&bytes, "manifest 4").expect_err(&format!("byte {at}"));
        assert!(error.to_string().contains("manifest 4"), "{error}");
    }
}

#[test]
fn the_second_writer_is_refused_and_our_own_earlier_try_is_found() {
    let (bucket, names) = (TestBucket::default(), Names::new("ws"));
    assert_eq!(block_on(load_newest(&bucket, &names)).unwrap(), Manifest::default());
    assert_eq!(block_on(commit(&bucket, &names, &example(1, 1))).unwrap(), Commit::Done);
    assert_eq!(block_on(commit(&bucket, &names, &example(1, 1))).unwrap(), Commit::Done);
    let other = block_on(commit(&bucket, &names, &example(1, 2))).unwrap_err();
    assert!(matches!(other, TsdbError::Superseded(_)), "{other}");
    let changed = Manifest { flushed: 100, ..example(1, 1) };
    let earlier = Commit::Earlier(Box::new(example(1, 1)));
    assert_eq!(block_on(commit(&bucket, &names, &changed)).unwrap(), earlier);
    block_on(commit(&bucket, &names, &example(12, 1))).unwrap();
    block_on(commit(&bucket, &names, &example(2, 1))).unwrap();
    assert_eq!(block_on(load_newest(&bucket, &names)).unwrap().number, 12);
}

proptest! {
    #[test]
    fn any_body_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = decode_body(&bytes);
        let _ = Manifest::decode(&bytes, "m");
    }
}

/// The bytes of version 1, for ever: what was stored must be read.
#[test]
fn golden_bytes_are_read() {
    let golden = crate::test_world::unhex(include_str!("golden_v1.hex"));
    assert_eq!(Manifest::decode(&golden, "golden").unwrap(), example(4, 1));
}
