//! Reads a block: matchers to series, series to pages.
//!
//! Opening takes one read of the footer; all else is read when asked for and kept in the cache.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use protocol::labels::Labels;
use protocol::matcher::Matcher;
use roaring::RoaringBitmap;
use world::bucket::Bucket;

use crate::block_footer::{Footer, Group, Section, Tail, read_tail};
use crate::block_index::NameIndex;
use crate::error::TsdbError;
use crate::label_codec::LabelReader;
use crate::page::ROWS_MAX;
use crate::section_cache::{Cached, LazyPage, SectionCache};
use crate::wire::{Malformed, Reader};

/// Read at first: the footer of a block of a day of 100,000 series fits.
const TAIL_BYTES: u64 = 64 * 1024;
/// Sections this close are read in one go: a request costs more than so many bytes.
const GAP_BYTES_MAX: u64 = 16 * 1024;
/// One request reads no more than this.
const READ_BYTES_MAX: u64 = 8 << 20;
/// Requests under way for one selection.
const READS_MAX: usize = 8;

/// Where blocks are read from.
pub struct BlockSource {
    /// The objects.
    pub bucket: Arc<dyn Bucket>,
    /// What was read lately.
    pub cache: SectionCache,
}

/// An open block.
#[derive(Debug)]
pub struct Block {
    /// The object.
    pub name: String,
    /// What lies where.
    pub footer: Footer,
    /// Its own among the open blocks of this process.
    number: u64,
    len: u64,
}

/// A series that was found in a block, with the pages that cover the range.
#[derive(Clone, Debug)]
pub struct BlockPart {
    /// The page and the series' row in it.
    pub pages: Vec<(Arc<LazyPage>, u16)>,
}

impl Block {
    /// A block whose footer is known: it was just written.
    pub fn new(name: String, footer: Footer, number: u64, len: u64) -> Self {
        Self { name, footer, number, len }
    }

    /// Bytes of the object.
    #[allow(clippy::len_without_is_empty)] // no block is empty
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Reads the footer.
    pub async fn open(bucket: &dyn Bucket, name: String, number: u64) -> Result<Self, TsdbError> {
        let what = format!("block {name:?}");
        let (tail, object_len) = bucket.get_tail(&name, TAIL_BYTES).await?;
        let footer = match read_tail(&tail, &what)? {
            Tail::Whole(footer) => footer,
            Tail::Longer(len) => {
                let (tail, _) = bucket.get_tail(&name, len).await?;
                match read_tail(&tail, &what)? {
                    Tail::Whole(footer) => footer,
                    Tail::Longer(_) => {
                        let cause = Malformed("its footer is longer than the object");
                        return Err(TsdbError::malformed(what, cause));
                    }
                }
            }
        };
        Ok(Self::new(name, footer, number, object_len))
    }

    /// Whether it may hold samples of the range.
    pub fn overlaps(&self, from_ms: i64, to_ms: i64) -> bool {
        self.footer.min_ms <= to_ms && from_ms <= self.footer.max_ms
    }

    fn malformed(&self, cause: Malformed) -> TsdbError {
        TsdbError::malformed(format!("block {:?}", self.name), cause)
    }

    /// The numbers of the series for which all matchers hold.
    pub async fn select(
        &self,
        source: &BlockSource,
        matchers: &[Matcher],
    ) -> Result<RoaringBitmap, TsdbError> {
        let mut found: RoaringBitmap = (0..self.footer.series).collect();
        let (required, allowing): (Vec<_>, Vec<_>) =
            matchers.iter().partition(|matcher| !matcher.matches_empty());
        for matcher in required {
            found &= self.with_value(source, matcher, true).await?;
            if found.is_empty() {
                return Ok(found);
            }
        }
        for matcher in allowing {
            found -= self.with_value(source, matcher, false).await?;
        }
        Ok(found)
    }

    // Series that have the label, with a value for which the matcher does (or does not) hold.
    async fn with_value(
        &self,
        source: &BlockSource,
        matcher: &Matcher,
        holds: bool,
    ) -> Result<RoaringBitmap, TsdbError> {
        let mut set = RoaringBitmap::new();
        if let Some(index) = self.name_index(source, &matcher.name).await? {
            index.add_matching(matcher, holds, &mut set).map_err(|cause| self.malformed(cause))?;
        }
        Ok(set)
    }

    /// Adds the names of the labels that any of these series has.
    pub async fn label_names(
        &self,
        source: &BlockSource,
        among: Option<&RoaringBitmap>,
        out: &mut BTreeSet<String>,
    ) -> Result<(), TsdbError> {
        let Some(among) = among else {
            out.extend(self.footer.names.iter().map(|name| name.name.clone()));
            return Ok(());
        };
        for labels in self.labels(source, among).await? {
            for (name, _) in labels.iter() {
                if !out.contains(name) {
                    out.insert(name.to_owned());
                }
            }
        }
        Ok(())
    }

    /// Adds the values of a label that any of these series has.
    pub async fn label_values(
        &self,
        source: &BlockSource,
        name: &str,
        among: Option<&RoaringBitmap>,
        out: &mut BTreeSet<String>,
    ) -> Result<(), TsdbError> {
        let Some(index) = self.name_index(source, name).await? else { return Ok(()) };
        index
            .values_among(among, |value| {
                if !out.contains(value) {
                    out.insert(value.to_owned());
                }
            })
            .map_err(|cause| self.malformed(cause))
    }

    /// The labels of these series, in order of their numbers.
    pub async fn labels(
        &self,
        source: &BlockSource,
        series: &RoaringBitmap,
    ) -> Result<Vec<Labels>, TsdbError> {
        let mut out = Vec::with_capacity(series.len() as usize);
        for (group, rows) in by_group(series) {
            let labels = self.group_labels(source, group).await?;
            for row in rows {
                out.push(self.row(&labels, row)?.clone());
            }
        }
        Ok(out)
    }

    /// The compressed bytes of the pages that these series have in the range, before any is read.
    pub fn bytes_of(&self, series: &RoaringBitmap, from_ms: i64, to_ms: i64) -> u64 {
        let groups = by_group(series).into_iter().filter_map(|(g, _)| self.footer.groups.get(g));
        let pages = groups.flat_map(|group| pages_in(group, from_ms, to_ms));
        pages.map(|section| u64::from(section.len)).sum()
    }

    /// These series with their pages of the range; those of groups without any page there are left
    /// out.
    pub async fn parts(
        &self,
        source: &BlockSource,
        series: &RoaringBitmap,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<(Labels, BlockPart)>, TsdbError> {
        let groups = by_group(series);
        let mut sections = Vec::new();
        let mut counts = Vec::with_capacity(groups.len());
        for (group, _) in &groups {
            let before = sections.len();
            let group = self.group(*group)?;
            sections.extend(pages_in(group, from_ms, to_ms).copied());
            counts.push(sections.len() - before);
        }
        let mut pages = self.pages(source, &sections).await?.into_iter();
        let mut out = Vec::with_capacity(series.len() as usize);
        for ((group, rows), count) in groups.into_iter().zip(counts) {
            let pages: Vec<_> = pages.by_ref().take(count).collect();
            if pages.is_empty() {
                continue;
            }
            let labels = self.group_labels(source, group).await?;
            for row in rows {
                let pages = pages.iter().map(|page| (Arc::clone(page), row)).collect();
                out.push((self.row(&labels, row)?.clone(), BlockPart { pages }));
            }
        }
        Ok(out)
    }

    fn group(&self, number: usize) -> Result<&Group, TsdbError> {
        let missing = Malformed("a group of series is not there");
        self.footer.groups.get(number).ok_or_else(|| self.malformed(missing))
    }

    fn row<'a>(&self, labels: &'a [Labels], row: u16) -> Result<&'a Labels, TsdbError> {
        let missing = Malformed("a series has no labels");
        labels.get(usize::from(row)).ok_or_else(|| self.malformed(missing))
    }

    async fn name_index(
        &self,
        source: &BlockSource,
        name: &str,
    ) -> Result<Option<Arc<NameIndex>>, TsdbError> {
        let found = self.footer.names.binary_search_by(|known| known.name.as_str().cmp(name));
        let Ok(at) = found else { return Ok(None) };
        let section = self.footer.names[at].section;
        let key = (self.number, section.offset);
        if let Some(Cached::Name(index)) = source.cache.get(key) {
            return Ok(Some(index));
        }
        let raw = self.read(source, section).await?;
        let index = NameIndex::parse(&raw).map_err(|cause| self.malformed(cause))?;
        let index = Arc::new(index);
        source.cache.put(key, Cached::Name(Arc::clone(&index)), index.bytes());
        Ok(Some(index))
    }

    async fn group_labels(
        &self,
        source: &BlockSource,
        group: usize,
    ) -> Result<Arc<Vec<Labels>>, TsdbError> {
        let section = self.group(group)?.labels;
        let key = (self.number, section.offset);
        if let Some(Cached::Labels(labels)) = source.cache.get(key) {
            return Ok(labels);
        }
        let raw = self.read(source, section).await?;
        let labels = read_labels(&raw).map_err(|cause| self.malformed(cause))?;
        // A label takes two short strings of 24 bytes; longer ones are rare.
        let bytes = labels.iter().map(|labels| labels.len() * 48 + 32).sum();
        let labels = Arc::new(labels);
        source.cache.put(key, Cached::Labels(Arc::clone(&labels)), bytes);
        Ok(labels)
    }

    async fn read(&self, source: &BlockSource, section: Section) -> Result<Vec<u8>, TsdbError> {
        let bytes = source.bucket.get_range(&self.name, section.offset, section.len.into()).await?;
        section.unpack(&bytes).map_err(|cause| self.malformed(cause))
    }

    async fn pages(
        &self,
        source: &BlockSource,
        sections: &[Section],
    ) -> Result<Vec<Arc<LazyPage>>, TsdbError> {
        let mut pages: Vec<Option<Arc<LazyPage>>> = sections
            .iter()
            .map(|section| match source.cache.get((self.number, section.offset)) {
                Some(Cached::Page(page)) => Some(page),
                _ => None,
            })
            .collect();
        let missing: Vec<usize> = (0..pages.len()).filter(|at| pages[*at].is_none()).collect();
        let reads: Vec<Vec<(usize, Bytes)>> = stream::iter(coalesce(sections, &missing))
            .map(async |(members, offset, len)| {
                let bytes = source.bucket.get_range(&self.name, offset, len).await?;
                let slice = |at: usize| {
                    let start = (sections[at].offset - offset) as usize;
                    (at, bytes.slice(start..start + sections[at].len as usize))
                };
                Ok::<_, TsdbError>(members.into_iter().map(slice).collect())
            })
            .buffered(READS_MAX)
            .try_collect()
            .await?;
        for (at, bytes) in reads.into_iter().flatten() {
            let page = Arc::new(LazyPage::new(sections[at], bytes));
            let cached = Cached::Page(Arc::clone(&page));
            source.cache.put((self.number, sections[at].offset), cached, page.bytes());
            pages[at] = Some(page);
        }
        Ok(pages.into_iter().map(|page| page.expect("missing ones were read")).collect())
    }
}

fn pages_in(group: &Group, from_ms: i64, to_ms: i64) -> impl Iterator<Item = &Section> {
    let pages = group.pages.iter();
    pages.filter(move |p| p.min_ms <= to_ms && from_ms <= p.max_ms).map(|page| &page.section)
}

/// Reads the labels of a group.
pub fn read_labels(raw: &[u8]) -> Result<Vec<Labels>, Malformed> {
    let mut reader = Reader::new(raw);
    let mut texts = LabelReader::default();
    let mut labels = Vec::new();
    while !reader.is_empty() {
        labels.push(texts.read(&mut reader)?);
        if labels.len() > ROWS_MAX {
            return Err(Malformed("a group has too many series"));
        }
    }
    Ok(labels)
}

fn by_group(series: &RoaringBitmap) -> Vec<(usize, Vec<u16>)> {
    let mut groups: Vec<(usize, Vec<u16>)> = Vec::new();
    for number in series {
        let (group, row) = (number as usize / ROWS_MAX, (number as usize % ROWS_MAX) as u16);
        match groups.last_mut() {
            Some((last, rows)) if *last == group => rows.push(row),
            _ => groups.push((group, vec![row])),
        }
    }
    groups
}

// Which sections to read in one go: members, offset, bytes. Sections come in order of offset.
fn coalesce(sections: &[Section], wanted: &[usize]) -> Vec<(Vec<usize>, u64, u64)> {
    let mut reads: Vec<(Vec<usize>, u64, u64)> = Vec::new();
    for &at in wanted {
        let Section { offset, len, .. } = sections[at];
        let end = offset + u64::from(len);
        match reads.last_mut() {
            Some((members, start, bytes))
                if offset >= *start + *bytes
                    && offset - (*start + *bytes) <= GAP_BYTES_MAX
                    && end - *start <= READ_BYTES_MAX =>
            {
                members.push(at);
                *bytes = end - *start;
            }
            _ => reads.push((vec![at], offset, len.into())),
        }
    }
    reads
}

#[cfg(test)]
mod tests;
