//! The bytes of a segment, as every version has to read them.
//!
//! A change of these bytes is a change of the format: raise the version, keep reading this one. To
//! write the file anew: `HEARTH_RENEW=1 cargo test -p world --test segment_golden`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;
use std::path::Path;

use world::commit_log::Position;
use world::segment::{BatchEncoder, FrameKind, SegmentHeader};
use world::segment_scan::scan;

const GOLDEN: &str = "tests/golden/segment_v1.hex";

fn segment() -> Vec<u8> {
    let header = SegmentHeader { first: Position(0x0102), salt: 0x1122_3344_5566_7788 };
    let mut first = BatchEncoder::new(Vec::new(), header.salt, header.first);
    first.name(0, "samples/ws-1");
    first.record(0, b"first");
    first.name(1, "catalog");
    first.record(1, b"");
    let mut second = BatchEncoder::new(Vec::new(), header.salt, Position(0x0104));
    second.trim(0, Position(0x0102));
    second.record(0, b"third");
    [&header.encode()[..], &first.finish(), &second.finish()].concat()
}

fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(16) {
        for byte in line {
            write!(text, "{byte:02x} ").unwrap();
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn from_hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

#[test]
fn the_bytes_are_the_same_as_ever() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    let bytes = segment();
    if std::env::var("HEARTH_RENEW").is_ok() {
        std::fs::write(&path, to_hex(&bytes)).unwrap();
    }
    let golden = from_hex(&std::fs::read_to_string(&path).unwrap());
    assert_eq!(to_hex(&bytes), to_hex(&golden), "see the head of this file");

    let header = SegmentHeader::decode(&golden).unwrap();
    let found = scan(&golden, header);
    let read: Vec<_> = found
        .frames
        .iter()
        .map(|f| (f.kind, f.stream, f.position.0, f.payload(&golden).to_vec()))
        .collect();
    let expected = [
        (FrameKind::Name, 0, 0x0102, b"samples/ws-1".to_vec()),
        (FrameKind::Record, 0, 0x0102, b"first".to_vec()),
        (FrameKind::Name, 1, 0x0103, b"catalog".to_vec()),
        (FrameKind::Record, 1, 0x0103, b"".to_vec()),
        (FrameKind::Trim, 0, 0x0104, 0x0102_u64.to_le_bytes().to_vec()),
        (FrameKind::Record, 0, 0x0104, b"third".to_vec()),
    ];
    assert_eq!(read, expected);
    assert_eq!(found.gaps, vec![]);
}
