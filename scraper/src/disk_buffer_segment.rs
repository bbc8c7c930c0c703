//! The bytes of the buffer's files: header, records, checks.
//!
//! Pure. The picture is in docs/formats/collector_buffer.md.

use bytes::Bytes;

/// What every file begins with.
pub const MAGIC: &[u8; 4] = b"HCBF";
/// The only version there is.
pub const VERSION: u8 = 1;
/// Magic, version, three zeros.
pub const HEADER_BYTES: usize = 8;
/// Length, samples and checksum of a record.
pub const RECORD_HEADER_BYTES: usize = 12;
/// Bytes of one record's payload: far above a batch of 2000 samples.
pub const PAYLOAD_BYTES_MAX: usize = 32 << 20;

/// One batch as it lies on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Samples in it.
    pub samples: u32,
    /// A remote write 2.0 message, snappy-compressed.
    pub payload: Bytes,
}

/// What a scan of a whole file finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Samples in good records.
    pub samples: u64,
    /// Bytes up to the end of the last good record.
    pub good_bytes: u64,
    /// Whether something bad follows.
    pub torn: bool,
}

/// What a new file begins with.
pub fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(MAGIC);
    header[4] = VERSION;
    header
}

/// Whether a file may be read; `Err`: it is not ours or of a newer version.
pub fn check_header(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() < HEADER_BYTES || &bytes[..4] != MAGIC {
        return Err("not a file of the collector's buffer".to_owned());
    }
    match bytes[4] {
        VERSION => Ok(()),
        other => Err(format!("version {other} is not known, only {VERSION}; use a newer hearth")),
    }
}

/// The bytes of a record.
pub fn encode(record: &Record) -> Vec<u8> {
    let mut out = Vec::with_capacity(RECORD_HEADER_BYTES + record.payload.len());
    out.extend_from_slice(&(record.payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&record.samples.to_le_bytes());
    out.extend_from_slice(&checksum(record.samples, &record.payload).to_le_bytes());
    out.extend_from_slice(&record.payload);
    out
}

/// The record at a place, and where the next one begins; `None`: the end, or nothing good.
pub fn decode(bytes: &Bytes, at: usize) -> Option<(Record, usize)> {
    let head = bytes.get(at..at.checked_add(RECORD_HEADER_BYTES)?)?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (length, samples, sum) = (word(0) as usize, word(4), word(8));
    let start = at + RECORD_HEADER_BYTES;
    let end = start.checked_add(length)?;
    if length == 0 || length > PAYLOAD_BYTES_MAX || end > bytes.len() {
        return None;
    }
    let payload = bytes.slice(start..end);
    (checksum(samples, &payload) == sum).then_some((Record { samples, payload }, end))
}

/// Looks at every record of a file whose header is good.
pub fn scan(bytes: &Bytes) -> Scan {
    let (mut at, mut samples) = (HEADER_BYTES, 0);
    while let Some((record, next)) = decode(bytes, at) {
        samples += u64::from(record.samples);
        at = next;
    }
    Scan { samples, good_bytes: at as u64, torn: at < bytes.len() }
}

fn checksum(samples: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&samples.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(records: &[Record]) -> Vec<u8> {
        let mut bytes = header().to_vec();
        bytes.extend(records.iter().flat_map(encode));
        bytes
    }

    fn record(samples: u32, payload: &[u8]) -> Record {
        Record { samples, payload: Bytes::copy_from_slice(payload) }
    }

    #[test]
    fn the_golden_file() {
        let bytes = file(&[record(2, b"ab")]);
        assert_eq!(&bytes[..8], b"HCBF\x01\0\0\0");
        assert_eq!(&bytes[8..16], b"\x02\0\0\0\x02\0\0\0");
        assert_eq!(&bytes[20..], b"ab");
        assert!(check_header(b"HCBF\x02\0\0\0").is_err());
        assert!(check_header(b"HCB").is_err());
    }

    proptest! {
        #[test]
        fn records_come_back_and_a_cut_leaves_whole_ones(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..8),
            cut in 0usize..400,
        ) {
            let records: Vec<Record> = payloads.iter().map(|p| record(p.len() as u32, p)).collect();
            let whole = file(&records);
            let cut = cut.clamp(HEADER_BYTES, whole.len());
            let bytes = Bytes::from(whole[..cut].to_vec());
            let mut at = HEADER_BYTES;
            for expected in &records {
                let Some((found, next)) = decode(&bytes, at) else { break };
                prop_assert_eq!(&found, expected);
                at = next;
            }
            let scan = scan(&bytes);
            prop_assert_eq!(scan.good_bytes as usize, at);
            prop_assert_eq!(scan.torn, at < cut);
            prop_assert!(whole.len() - at <= whole.len() - cut + 64);
        }

        #[test]
        fn a_flipped_bit_is_seen(at in 0usize..62, bit in 0u8..8) {
            let mut bytes = encode(&record(7, &[3; 50]));
            bytes[at] ^= 1 << bit;
            let mut whole = header().to_vec();
            whole.extend(&bytes);
            prop_assert_eq!(decode(&Bytes::from(whole), HEADER_BYTES), None);
        }
    }
}
