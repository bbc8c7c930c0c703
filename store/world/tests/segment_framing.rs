//! Segments of arbitrary bytes: no panic, no wrong record.

use proptest::prelude::*;
use world::commit_log::Position;
use world::segment::{BatchEncoder, Frame, FrameKind, HEADER_LEN, SegmentHeader, read_frame};
use world::segment_scan::{Scan, scan};

const HEADER: SegmentHeader = SegmentHeader { first: Position(1_000), salt: 0x1234_5678_9abc_def0 };

/// Batches of records, each with its stream.
type Batches = Vec<Vec<(u32, Vec<u8>)>>;

fn batches() -> impl Strategy<Value = Batches> {
    let record = (0..4_u32, prop::collection::vec(any::<u8>(), 0..60));
    prop::collection::vec(prop::collection::vec(record, 1..6), 1..6)
}

/// A segment and where each of its batches begins.
fn segment(batches: &Batches) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = HEADER.encode().to_vec();
    let mut starts = Vec::new();
    let mut position = HEADER.first;
    for (nth, batch) in batches.iter().enumerate() {
        let mut encoder = BatchEncoder::new(Vec::new(), HEADER.salt, position);
        if nth == 0 {
            for stream in 0..4 {
                encoder.name(stream, &format!("stream/{stream}"));
            }
        }
        encoder.trim(0, Position(position.0 - 1));
        for (stream, payload) in batch {
            encoder.record(*stream, payload);
        }
        position.0 += batch.len() as u64;
        starts.push(bytes.len());
        bytes.extend_from_slice(&encoder.finish());
    }
    (bytes, starts)
}

fn records(bytes: &[u8], found: &Scan) -> Vec<(u64, u32, Vec<u8>)> {
    let records = found.frames.iter().filter(|frame| frame.kind == FrameKind::Record);
    let owned = |f: &Frame| (f.position.0, f.stream, f.payload(bytes).to_vec());
    records.map(owned).collect()
}

fn written(batches: &Batches) -> Vec<(u64, u32, Vec<u8>)> {
    let all = batches.iter().flatten().enumerate();
    all.map(|(nth, (s, payload))| (HEADER.first.0 + nth as u64, *s, payload.clone())).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read(batches in batches()) {
        let (bytes, starts) = segment(&batches);
        prop_assert_eq!(SegmentHeader::decode(&bytes), Ok(HEADER));
        let found = scan(&bytes, HEADER);
        prop_assert_eq!(records(&bytes, &found), written(&batches));
        prop_assert_eq!(&found.gaps, &vec![]);
        prop_assert_eq!(Some(&found.last_batch), starts.last());
        prop_assert_eq!(found.next.0, HEADER.first.0 + written(&batches).len() as u64);
        for frame in &found.frames {
            let alone = &bytes[frame.offset..][..16 + frame.len];
            prop_assert_eq!(read_frame(alone, HEADER.salt), Some(frame.payload(&bytes)));
            prop_assert_eq!(read_frame(alone, HEADER.salt ^ 1), None);
        }
    }

    #[test]
    fn cut_at_any_byte_it_gives_a_prefix(batches in batches(), at in any::<prop::sample::Index>()) {
        let (mut bytes, starts) = segment(&batches);
        let cut = HEADER_LEN + at.index(bytes.len() - HEADER_LEN + 1);
        let is_whole = cut == HEADER_LEN || cut == bytes.len() || starts.contains(&cut);
        bytes.truncate(cut);
        let found = scan(&bytes, HEADER);
        let got = records(&bytes, &found);
        prop_assert_eq!(&got[..], &written(&batches)[..got.len()]);
        prop_assert_eq!(found.gaps.is_empty(), is_whole, "a torn end shows");
        let torn = found.gaps.iter().all(|gap| gap.offset >= found.last_batch);
        prop_assert!(torn, "a cut is never taken for damage: {:?}", found.gaps);
    }

    #[test]
    fn a_changed_byte_is_never_a_wrong_record(
        batches in batches(), at in any::<prop::sample::Index>(), by in 1..=255_u8,
    ) {
        let (mut bytes, _) = segment(&batches);
        let offset = HEADER_LEN + at.index(bytes.len() - HEADER_LEN);
        bytes[offset] ^= by;
        let found = scan(&bytes, HEADER);
        let got = records(&bytes, &found);
        for expected in written(&batches) {
            let is_missing = found.gaps.iter().any(|gap| gap.positions.contains(&expected.0));
            let is_behind = expected.0 >= found.next.0;
            prop_assert!(got.contains(&expected) != (is_missing || is_behind), "{:?}", expected);
        }
        prop_assert!(got.len() <= written(&batches).len());
        prop_assert!(!found.gaps.is_empty(), "every byte is under a checksum");
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = SegmentHeader::decode(&bytes);
        let _ = read_frame(&bytes, 0);
        prop_assert_eq!(records(&bytes, &scan(&bytes, HEADER)), vec![]);
    }

    #[test]
    fn stirred_segments_never_panic(
        batches in batches(), pieces in prop::collection::vec(any::<(u16, u16)>(), 0..6),
    ) {
        // Pieces of good bytes in the wrong places: checksums hold, the order does not.
        let (bytes, _) = segment(&batches);
        let mut stirred = bytes.clone();
        for (from, len) in pieces {
            let from = from as usize % bytes.len();
            let to = (from + len as usize % 200).min(bytes.len());
            stirred.extend_from_slice(&bytes[from..to]);
        }
        let found = scan(&stirred, HEADER);
        let positions: Vec<u64> = records(&stirred, &found).iter().map(|r| r.0).collect();
        prop_assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
        let got = records(&stirred, &found);
        let written = written(&batches);
        prop_assert_eq!(&got[..written.len()], &written[..]);
    }
}
