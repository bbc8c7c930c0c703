//! Writes a block: series by series, in order.
//!
//! `[pages][labels of groups][values of labels][footer]`. What is written is read back at once:
//! every page must give the very bits that went in, or the block is not made.

use std::collections::BTreeMap;

use bytes::Bytes;
use protocol::labels::Labels;
use protocol::sample::{HistogramSample, Sample};

use crate::block_footer::{Footer, Group, MAGIC, NameRef, PageRef, Section, VERSION};
use crate::block_index::IndexWriter;
use crate::block_order;
use crate::error::TsdbError;
use crate::histogram_codec::canonical;
use crate::label_codec::LabelWriter;
use crate::page::{Page, PageWriter, ROW_SAMPLES_MAX, ROWS_MAX};

/// Speed over size for what is merged again soon.
pub const LEVEL_FRESH: i32 = 1;
/// For what stays.
pub const LEVEL_KEPT: i32 = 3;

/// A block that is not yet anywhere.
#[derive(Clone, Debug)]
pub struct FinishedBlock {
    /// The whole object.
    pub bytes: Bytes,
    /// Its table of contents.
    pub footer: Footer,
}

/// Takes series in [`block_order`], gives a block.
pub struct BlockWriter {
    span_ms: i64,
    level: i32,
    out: Vec<u8>,
    footer: Footer,
    index: IndexWriter,
    label_sections: Vec<(Vec<u8>, u32)>,
    labels: LabelWriter,
    labels_raw: Vec<u8>,
    rows: usize,
    pages: BTreeMap<(i64, usize), PageInWork>,
    last: Option<Labels>,
}

struct PageInWork {
    writer: PageWriter,
    min_ms: i64,
    max_ms: i64,
    /// What must come back: row, numbers, histograms.
    wanted: Vec<(usize, Vec<Sample>, Vec<HistogramSample>)>,
}

impl BlockWriter {
    /// `span_ms` is the slice of time of a page, `level` zstd's.
    pub fn new(span_ms: i64, level: i32) -> Self {
        assert!(span_ms > 0, "a slice of time has a width");
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        Self {
            span_ms,
            level,
            out,
            footer: Footer { min_ms: i64::MAX, max_ms: i64::MIN, ..Footer::default() },
            index: IndexWriter::default(),
            label_sections: Vec::new(),
            labels: LabelWriter::default(),
            labels_raw: Vec::new(),
            rows: 0,
            pages: BTreeMap::new(),
            last: None,
        }
    }

    /// Bytes so far, without what is still in work.
    pub fn bytes(&self) -> usize {
        self.out.len()
    }

    /// Appends a series with its samples, settled and in order of time. One without samples is
    /// left out.
    pub fn push(
        &mut self,
        labels: &Labels,
        samples: &[Sample],
        histograms: &[HistogramSample],
    ) -> Result<(), TsdbError> {
        if samples.is_empty() && histograms.is_empty() {
            return Ok(());
        }
        if let Some(last) = &self.last {
            assert!(block_order::compare(last, labels).is_lt(), "series come in order");
        }
        self.last = Some(labels.clone());
        if self.rows == ROWS_MAX {
            self.finish_group()?;
        }
        for label in labels.as_slice() {
            self.index.add(&label.name, &label.value, self.footer.series);
        }
        self.labels.put(&mut self.labels_raw, labels);
        self.push_samples(samples, histograms);
        self.footer.series += 1;
        self.footer.samples += (samples.len() + histograms.len()) as u64;
        self.rows += 1;
        Ok(())
    }

    fn push_samples(&mut self, mut samples: &[Sample], mut histograms: &[HistogramSample]) {
        let span_ms = self.span_ms;
        let slice = |timestamp_ms: i64| timestamp_ms.div_euclid(span_ms);
        while let Some(first_ms) = first_of(samples, histograms) {
            let number = slice(first_ms);
            let split = samples.partition_point(|s| slice(s.timestamp_ms) == number);
            let (mut now, later) = samples.split_at(split);
            samples = later;
            let split = histograms.partition_point(|s| slice(s.timestamp_ms) == number);
            let (mut now_histograms, later) = histograms.split_at(split);
            histograms = later;
            // More samples than a row may hold go to further pages of the same slice.
            for part in 0.. {
                let (take, rest) = now.split_at(now.len().min(ROW_SAMPLES_MAX));
                self.push_row((number, part), take, std::mem::take(&mut now_histograms));
                now = rest;
                if now.is_empty() {
                    break;
                }
            }
        }
    }

    fn push_row(&mut self, key: (i64, usize), samples: &[Sample], histograms: &[HistogramSample]) {
        let page = self.pages.entry(key).or_insert_with(|| PageInWork {
            writer: PageWriter::default(),
            min_ms: i64::MAX,
            max_ms: i64::MIN,
            wanted: Vec::new(),
        });
        page.writer.pad_to(self.rows);
        page.writer.push(samples, histograms);
        for time in [samples.first(), samples.last()].into_iter().flatten() {
            page.min_ms = page.min_ms.min(time.timestamp_ms);
            page.max_ms = page.max_ms.max(time.timestamp_ms);
        }
        for time in [histograms.first(), histograms.last()].into_iter().flatten() {
            page.min_ms = page.min_ms.min(time.timestamp_ms);
            page.max_ms = page.max_ms.max(time.timestamp_ms);
        }
        page.wanted.push((self.rows, samples.to_vec(), histograms.to_vec()));
    }

    fn finish_group(&mut self) -> Result<(), TsdbError> {
        let mut group = Group::default();
        for page in std::mem::take(&mut self.pages).into_values() {
            let PageInWork { writer, min_ms, max_ms, wanted } = page;
            let raw = writer.finish();
            let section = append_section(&mut self.out, &raw, self.level)?;
            let stored = &self.out[section.offset as usize..];
            verify(section, stored, &wanted)?;
            self.footer.min_ms = self.footer.min_ms.min(min_ms);
            self.footer.max_ms = self.footer.max_ms.max(max_ms);
            group.pages.push(PageRef { min_ms, max_ms, section });
        }
        let raw = std::mem::take(&mut self.labels_raw);
        self.label_sections.push((compress(&raw, self.level)?, raw.len() as u32));
        self.labels = LabelWriter::default();
        self.footer.groups.push(group);
        self.rows = 0;
        Ok(())
    }

    /// The finished block; `None` where no series came.
    pub fn finish(mut self) -> Result<Option<FinishedBlock>, TsdbError> {
        if self.rows > 0 {
            self.finish_group()?;
        }
        if self.footer.series == 0 {
            return Ok(None);
        }
        let sections = std::mem::take(&mut self.label_sections);
        for ((compressed, raw_len), group) in sections.into_iter().zip(&mut self.footer.groups) {
            group.labels = append(&mut self.out, &compressed, raw_len);
        }
        for (name, raw) in self.index.finish() {
            let section = append_section(&mut self.out, &raw, self.level)?;
            self.footer.names.push(NameRef { name: name.into_string(), section });
        }
        self.out.extend_from_slice(&self.footer.encode());
        Ok(Some(FinishedBlock { bytes: self.out.into(), footer: self.footer }))
    }
}

fn first_of(samples: &[Sample], histograms: &[HistogramSample]) -> Option<i64> {
    let number = samples.first().map(|sample| sample.timestamp_ms);
    let histogram = histograms.first().map(|sample| sample.timestamp_ms);
    number.into_iter().chain(histogram).min()
}

fn compress(raw: &[u8], level: i32) -> Result<Vec<u8>, TsdbError> {
    // Only memory can be short here.
    zstd::bulk::compress(raw, level)
        .map_err(|error| TsdbError::Unavailable(format!("compressing a block: {error}")))
}

fn append_section(out: &mut Vec<u8>, raw: &[u8], level: i32) -> Result<Section, TsdbError> {
    let compressed = compress(raw, level)?;
    Ok(append(out, &compressed, raw.len() as u32))
}

fn append(out: &mut Vec<u8>, compressed: &[u8], raw_len: u32) -> Section {
    let section = Section {
        offset: out.len() as u64,
        len: compressed.len() as u32,
        raw_len,
        crc: crc32fast::hash(compressed),
    };
    out.extend_from_slice(compressed);
    section
}

fn verify(
    section: Section,
    stored: &[u8],
    wanted: &[(usize, Vec<Sample>, Vec<HistogramSample>)],
) -> Result<(), TsdbError> {
    let damaged = |reason: String| TsdbError::Damaged {
        what: "a page just written (nothing was stored)".into(),
        reason,
    };
    let raw = section.unpack(stored).map_err(|cause| damaged(cause.to_string()))?;
    let page = Page::parse(raw).map_err(|cause| damaged(cause.to_string()))?;
    let (mut samples, mut histograms) = (Vec::new(), Vec::new());
    for (row, wanted_samples, wanted_histograms) in wanted {
        samples.clear();
        histograms.clear();
        page.read(*row, i64::MIN, i64::MAX, &mut samples, &mut histograms)
            .map_err(|cause| damaged(cause.to_string()))?;
        let same = same_samples(&samples, wanted_samples)
            && histograms.len() == wanted_histograms.len()
            && histograms.iter().zip(wanted_histograms).all(|(a, b)| canonical(a) == canonical(b));
        if !same {
            return Err(damaged(format!("row {row} does not come back as it went in")));
        }
    }
    Ok(())
}

fn same_samples(a: &[Sample], b: &[Sample]) -> bool {
    let same = |(a, b): (&Sample, &Sample)| {
        a.timestamp_ms == b.timestamp_ms && a.value.to_bits() == b.value.to_bits()
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}
