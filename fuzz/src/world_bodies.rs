//! Hostile bytes for `world`.

use world::commit_log::Position;
use world::segment::{FrameKind, SegmentHeader};
use world::segment_scan::scan;

/// A segment of the commit log: whatever it holds, good frames lie in it, in order.
pub fn segment(bytes: &[u8]) {
    if let Ok(header) = SegmentHeader::decode(bytes) {
        walk(bytes, header);
    }
    walk(bytes, SegmentHeader { first: Position(0), salt: 0 });
}

fn walk(bytes: &[u8], header: SegmentHeader) {
    let found = scan(bytes, header);
    let mut next = header.first;
    for frame in &found.frames {
        assert_eq!(frame.payload(bytes).len(), frame.len);
        if frame.kind == FrameKind::Record {
            assert!(frame.position >= next, "records come in order");
            next = Position(frame.position.0.saturating_add(1));
        }
    }
    assert!(found.next >= next);
}
