//! Where everything lies in a block.
//!
//! The last bytes of a block find the footer, the footer finds the rest: one read opens a block.
//! docs/formats/block.md draws the bytes.

use crate::error::TsdbError;
use crate::wire::{Malformed, Reader, put_signed, put_text, put_varint};

/// First bytes of a block.
pub const MAGIC: [u8; 8] = *b"HEARTHBK";
/// Last bytes of a block.
pub const END_MAGIC: [u8; 8] = *b"HBKEND\r\n";
/// The version written here; older ones are read, newer ones refused.
pub const VERSION: u32 = 1;
/// Footer length, footer checksum, version, end magic.
pub const TRAILER_BYTES: usize = 4 + 4 + 4 + 8;
/// Longest section once decompressed; bounds what damaged bytes can make us allocate.
pub const SECTION_BYTES_MAX: u32 = 1 << 30;

/// A checksummed, zstd-compressed stretch of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// First byte in the block.
    pub offset: u64,
    /// Bytes in the block.
    pub len: u32,
    /// Bytes once decompressed.
    pub raw_len: u32,
    /// CRC-32 of the bytes in the block.
    pub crc: u32,
}

impl Section {
    /// Checks and decompresses the bytes that stand at this section.
    pub fn unpack(&self, bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
        if bytes.len() != self.len as usize || crc32fast::hash(bytes) != self.crc {
            return Err(Malformed("its checksum does not fit"));
        }
        let raw = zstd::bulk::decompress(bytes, self.raw_len as usize)
            .map_err(|_| Malformed("it does not decompress"))?;
        if raw.len() != self.raw_len as usize {
            return Err(Malformed("it decompresses to a wrong length"));
        }
        Ok(raw)
    }
}

/// A page and the time it covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageRef {
    /// Oldest timestamp in it.
    pub min_ms: i64,
    /// Newest timestamp in it.
    pub max_ms: i64,
    /// Where it lies.
    pub section: Section,
}

/// 256 neighbouring series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Their labels.
    pub labels: Section,
    /// Their pages, by time.
    pub pages: Vec<PageRef>,
}

/// A label name and its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameRef {
    /// The label.
    pub name: String,
    /// Its values and the series that have them.
    pub section: Section,
}

/// The table of contents of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footer {
    /// How many series.
    pub series: u32,
    /// Numbers and histograms.
    pub samples: u64,
    /// Oldest timestamp.
    pub min_ms: i64,
    /// Newest timestamp.
    pub max_ms: i64,
    /// In order of the series.
    pub groups: Vec<Group>,
    /// By name.
    pub names: Vec<NameRef>,
}

impl Footer {
    /// Footer and trailer as they end a block.
    pub fn encode(&self) -> Vec<u8> {
        let Self { series, samples, min_ms, max_ms, groups, names } = self;
        let mut out = Vec::new();
        put_varint(&mut out, (*series).into());
        put_varint(&mut out, *samples);
        put_signed(&mut out, *min_ms);
        put_signed(&mut out, *max_ms);
        put_varint(&mut out, groups.len() as u64);
        for group in groups {
            put_section(&mut out, &group.labels);
            put_varint(&mut out, group.pages.len() as u64);
            for page in &group.pages {
                put_signed(&mut out, page.min_ms.wrapping_sub(*min_ms));
                put_signed(&mut out, page.max_ms.wrapping_sub(page.min_ms));
                put_section(&mut out, &page.section);
            }
        }
        put_varint(&mut out, names.len() as u64);
        for name in names {
            put_text(&mut out, &name.name);
            put_section(&mut out, &name.section);
        }
        let len = u32::try_from(out.len()).expect("a block has far fewer pages than 2^27");
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&END_MAGIC);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let series = reader.u32()?;
        let samples = reader.varint()?;
        let min_ms = reader.signed()?;
        let max_ms = reader.signed()?;
        let mut groups = Vec::new();
        for _ in 0..reader.count(8)? {
            let labels = read_section(&mut reader)?;
            let mut pages = Vec::new();
            for _ in 0..reader.count(9)? {
                let page_min_ms = min_ms.wrapping_add(reader.signed()?);
                let page_max_ms = page_min_ms.wrapping_add(reader.signed()?);
                let section = read_section(&mut reader)?;
                pages.push(PageRef { min_ms: page_min_ms, max_ms: page_max_ms, section });
            }
            groups.push(Group { labels, pages });
        }
        let mut names = Vec::new();
        for _ in 0..reader.count(8)? {
            let name = reader.text()?.to_owned();
            names.push(NameRef { name, section: read_section(&mut reader)? });
        }
        if !reader.is_empty() {
            return Err(Malformed("bytes follow the footer"));
        }
        Ok(Self { series, samples, min_ms, max_ms, groups, names })
    }
}

/// What the last bytes of a block say.
#[derive(Debug, PartialEq, Eq)]
pub enum Tail {
    /// The footer, whole.
    Whole(Footer),
    /// The footer is longer than the tail that was read: read this many bytes.
    Longer(u64),
}

/// Reads the footer from the last bytes of a block. `what` names the block in errors.
pub fn read_tail(tail: &[u8], what: &str) -> Result<Tail, TsdbError> {
    let malformed = |reason| TsdbError::malformed(what, Malformed(reason));
    let Some((before, trailer)) = tail.split_last_chunk::<TRAILER_BYTES>() else {
        return Err(malformed("it is shorter than a block can be"));
    };
    let number = |at: usize| {
        u32::from_le_bytes(trailer[at..at + 4].try_into().expect("four bytes of the trailer"))
    };
    if trailer[12..] != END_MAGIC {
        return Err(malformed("it does not end as a block does"));
    }
    let (len, crc, version) = (number(0) as usize, number(4), number(8));
    if version > VERSION {
        return Err(TsdbError::TooNew { what: what.into(), found: version, known: VERSION });
    }
    if version == 0 {
        return Err(malformed("there is no format version 0"));
    }
    if len > before.len() {
        return Ok(Tail::Longer((len + TRAILER_BYTES) as u64));
    }
    let footer = &before[before.len() - len..];
    if crc32fast::hash(footer) != crc {
        return Err(malformed("the checksum of its footer does not fit"));
    }
    Footer::decode(footer).map(Tail::Whole).map_err(|cause| TsdbError::malformed(what, cause))
}

fn put_section(out: &mut Vec<u8>, section: &Section) {
    put_varint(out, section.offset);
    put_varint(out, section.len.into());
    put_varint(out, section.raw_len.into());
    out.extend_from_slice(&section.crc.to_le_bytes());
}

fn read_section(reader: &mut Reader<'_>) -> Result<Section, Malformed> {
    let (offset, len, raw_len) = (reader.varint()?, reader.u32()?, reader.u32()?);
    if raw_len > SECTION_BYTES_MAX {
        return Err(Malformed("a section is longer than 1 GiB"));
    }
    let crc = reader.take(4)?.try_into().expect("four bytes were taken");
    Ok(Section { offset, len, raw_len, crc: u32::from_le_bytes(crc) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> Footer {
        let section = Section { offset: 8, len: 100, raw_len: 500, crc: 0xdead_beef };
        let page = PageRef { min_ms: -5, max_ms: 10, section };
        Footer {
            series: 300,
            samples: 1 << 40,
            min_ms: -5,
            max_ms: 1_700_000_000_000,
            groups: vec![Group { labels: section, pages: vec![page, page] }, Group::default()],
            names: vec![NameRef { name: "job".into(), section }],
        }
    }

    #[test]
    fn a_footer_comes_back_from_any_tail() {
        let bytes = example().encode();
        assert_eq!(read_tail(&bytes, "block").unwrap(), Tail::Whole(example()));
        let short = &bytes[bytes.len() - TRAILER_BYTES - 3..];
        assert_eq!(read_tail(short, "block").unwrap(), Tail::Longer(bytes.len() as u64));
    }

    #[test]
    fn every_damaged_byte_is_noticed_and_named() {
        let bytes = example().encode();
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x40;
            match read_tail(&bytes, "block b") {
                Ok(Tail::Whole(footer)) => panic!("byte {at}: {footer:?}"),
                Ok(Tail::Longer(_)) => {}
                Err(error) => assert!(error.to_string().contains("block b"), "{error}"),
            }
        }
    }

    proptest! {
        #[test]
        fn any_footer_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Footer::decode(&bytes);
            let _ = read_tail(&bytes, "block");
        }
    }
}
