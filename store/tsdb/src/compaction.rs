//! Merges blocks as planned.

use std::sync::Arc;

use bytes::Bytes;
use protocol::labels::Labels;
use protocol::sample::{HistogramSample, Sample};
use world::tasks::run_blocking;

use crate::block_footer::{Footer, Section};
use crate::block_order;
use crate::block_reader::{Block, read_labels};
use crate::block_writer::{BlockWriter, FinishedBlock, LEVEL_KEPT};
use crate::compaction_plan::{PlanRules, next_merge};
use crate::error::TsdbError;
use crate::live::Maintenance;
use crate::manifest::{BlockEntry, Retired};
use crate::page::Page;
use crate::precedence::{settle_histograms, settle_kinds, settle_samples};
use crate::tsdb::Tsdb;
use crate::wire::Malformed;

impl Tsdb {
    /// Does one merge, if one is worth it; says whether it did.
    pub(crate) async fn merge_once(
        &self,
        m: &mut Maintenance,
        now_ms: i64,
    ) -> Result<bool, TsdbError> {
        let options = self.options();
        let Some(newest_ms) = self.head.newest_ms() else { return Ok(false) };
        let rules = PlanRules {
            block_span_ms: options.block_span_ms,
            newest_ms,
            merged_bytes_max: options.merged_bytes_max,
            retention_ms: options.retention_ms,
        };
        let live = self.live();
        let open = |entry: &&BlockEntry| {
            let name = self.names.block(&entry.id);
            let block = live.blocks.iter().find(|block| block.name == name);
            block.filter(|_| !m.unmergeable.contains(&entry.id)).cloned()
        };
        let (entries, blocks): (Vec<BlockEntry>, Vec<Arc<Block>>) = m
            .manifest
            .blocks
            .iter()
            .filter_map(|entry| open(&entry).map(|block| (entry.clone(), block)))
            .unzip();
        let Some(members) = next_merge(&entries, &rules) else { return Ok(false) };
        let ids: Vec<String> = members.iter().map(|at| entries[*at].id.clone()).collect();
        let blocks = members.iter().map(|at| Arc::clone(&blocks[*at])).collect();
        let oldest_ms = self.oldest_kept_ms(now_ms);
        match self.merge(blocks, options.block_span_ms, oldest_ms).await {
            Ok(merged) => self.replace(m, ids, merged, now_ms).await.map(|()| true),
            Err(error @ TsdbError::Damaged { .. }) => {
                // One of them is damaged: all stay as they are, and others are merged.
                m.unmergeable.extend(ids);
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn merge(
        &self,
        blocks: Vec<Arc<Block>>,
        span_ms: i64,
        oldest_ms: i64,
    ) -> Result<Option<FinishedBlock>, TsdbError> {
        let mut inputs = Vec::with_capacity(blocks.len());
        for block in blocks {
            inputs.push((self.source.bucket.get(&block.name).await?, block));
        }
        run_blocking(&*self.world.tasks, move || merge(&inputs, span_ms, oldest_ms)).await
    }

    /// Puts a block (or none) in the place of others.
    pub(crate) async fn replace(
        &self,
        m: &mut Maintenance,
        ids: Vec<String>,
        merged: Option<FinishedBlock>,
        now_ms: i64,
    ) -> Result<(), TsdbError> {
        let mut stored = Vec::new();
        if let Some(merged) = merged {
            stored.push(self.store_block(merged).await?);
        }
        let mut next = m.next();
        next.blocks.retain(|block| !ids.contains(&block.id));
        next.blocks.extend(stored.iter().map(|(entry, _)| entry.clone()));
        next.retired.extend(ids.iter().map(|id| Retired { id: id.clone(), since_ms: now_ms }));
        self.commit(m, next).await?;
        self.show(m, stored, &ids);
        Ok(())
    }
}

/// One block of all series of several; samples before `oldest_ms` are left out.
pub fn merge(
    inputs: &[(Bytes, Arc<Block>)],
    span_ms: i64,
    oldest_ms: i64,
) -> Result<Option<FinishedBlock>, TsdbError> {
    let mut cursors = Vec::with_capacity(inputs.len());
    for (bytes, block) in inputs {
        let mut cursor = Cursor::new(&block.name, bytes, &block.footer);
        cursor.load()?;
        cursors.push(cursor);
    }
    let mut writer = BlockWriter::new(span_ms, LEVEL_KEPT);
    let (mut samples, mut histograms) = (Vec::new(), Vec::new());
    // Few blocks are merged at once: looking at all of them is as good as a heap.
    loop {
        let least =
            cursors.iter().filter_map(Cursor::labels).min_by(|a, b| block_order::compare(a, b));
        let Some(labels) = least.cloned() else { break };
        samples.clear();
        histograms.clear();
        for cursor in &mut cursors {
            if cursor.labels() == Some(&labels) {
                cursor.read(oldest_ms, &mut samples, &mut histograms)?;
                cursor.advance()?;
            }
        }
        settle_samples(&mut samples);
        settle_histograms(&mut histograms);
        settle_kinds(&mut samples, &histograms);
        writer.push(&labels, &samples, &histograms)?;
    }
    writer.finish()
}

/// Walks over the series of a block that is in memory.
struct Cursor<'a> {
    name: &'a str,
    bytes: &'a [u8],
    footer: &'a Footer,
    group: usize,
    row: usize,
    labels: Vec<Labels>,
    pages: Vec<Page>,
}

impl<'a> Cursor<'a> {
    fn new(name: &'a str, bytes: &'a [u8], footer: &'a Footer) -> Self {
        Self { name, bytes, footer, group: 0, row: 0, labels: Vec::new(), pages: Vec::new() }
    }

    fn labels(&self) -> Option<&Labels> {
        self.labels.get(self.row)
    }

    fn advance(&mut self) -> Result<(), TsdbError> {
        self.row += 1;
        if self.row == self.labels.len() {
            self.group += 1;
            self.row = 0;
            self.load()?;
        }
        Ok(())
    }

    // The labels and pages of the group it stands at; none behind the last.
    fn load(&mut self) -> Result<(), TsdbError> {
        self.labels.clear();
        self.pages.clear();
        let Some(group) = self.footer.groups.get(self.group) else { return Ok(()) };
        self.labels = read_labels(&self.unpack(&group.labels)?).map_err(|c| self.malformed(c))?;
        for page in &group.pages {
            let page = Page::parse(self.unpack(&page.section)?).map_err(|c| self.malformed(c))?;
            self.pages.push(page);
        }
        Ok(())
    }

    fn unpack(&self, section: &Section) -> Result<Vec<u8>, TsdbError> {
        let start = usize::try_from(section.offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(section.len as usize);
        let bytes = self.bytes.get(start..end).ok_or(Malformed("a section is not there"));
        bytes.and_then(|bytes| section.unpack(bytes)).map_err(|cause| self.malformed(cause))
    }

    fn read(
        &self,
        oldest_ms: i64,
        samples: &mut Vec<Sample>,
        histograms: &mut Vec<HistogramSample>,
    ) -> Result<(), TsdbError> {
        for page in &self.pages {
            page.read(self.row, oldest_ms, i64::MAX, samples, histograms)
                .map_err(|cause| self.malformed(cause))?;
        }
        Ok(())
    }

    fn malformed(&self, cause: Malformed) -> TsdbError {
        TsdbError::malformed(format!("block {:?}", self.name), cause)
    }
}
