//! Hostile bytes for `tsdb`.

use protocol::matcher::{MatchOp, Matcher};
use roaring::RoaringBitmap;
use tsdb::block_footer::{END_MAGIC, VERSION, read_tail};
use tsdb::block_index::NameIndex;
use tsdb::block_reader::read_labels;
use tsdb::histogram_codec;
use tsdb::manifest::Manifest;
use tsdb::page::{Page, ROWS_MAX};
use tsdb::record;
use tsdb::wire::Reader;

/// A record of samples, whose checksum was right.
pub fn samples_record(bytes: &[u8]) {
    let _ = record::decode(bytes, "a record");
}

/// The parts of a block. The first byte says which: what the checksums let through must not be
/// able to do harm either.
pub fn block(bytes: &[u8]) {
    let Some((part, bytes)) = bytes.split_first() else { return };
    match part % 6 {
        0 => drop(read_tail(bytes, "a block")),
        1 => drop(read_tail(&with_trailer(bytes), "a block")),
        2 => page(bytes),
        3 => drop(read_labels(bytes)),
        4 => index(bytes),
        _ => {
            drop(Manifest::decode(bytes, "a manifest"));
            let _ = histogram_codec::decode(&mut Reader::new(bytes), bytes.len(), drop);
        }
    }
}

fn page(bytes: &[u8]) {
    let Ok(page) = Page::parse(bytes.to_vec()) else { return };
    assert!(page.rows() <= ROWS_MAX);
    for row in 0..page.rows() {
        let (mut samples, mut histograms) = (Vec::new(), Vec::new());
        let _ = page.read(row, i64::MIN, i64::MAX, &mut samples, &mut histograms);
    }
}

fn index(bytes: &[u8]) {
    let Ok(index) = NameIndex::parse(bytes) else { return };
    let any = Matcher::new(MatchOp::Regex, "name", ".*").expect("a good pattern");
    let _ = index.add_matching(&any, true, &mut RoaringBitmap::new());
}

// A footer of these bytes, with the length and the checksum that belong to it.
fn with_trailer(footer: &[u8]) -> Vec<u8> {
    let mut out = footer.to_vec();
    out.extend_from_slice(&(footer.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(footer).to_le_bytes());
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&END_MAGIC);
    out
}
