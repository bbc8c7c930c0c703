//! Selects over head and blocks as one.
//!
//! The head is looked at first and the list of blocks after it: what a flush moves between the two
//! looks is seen twice, never missed, and seen twice is seen once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::labels::Labels;
use protocol::matcher::Matcher;
use protocol::sample::{Exemplar, Metadata};

use crate::block_reader::{Block, BlockPart};
use crate::error::TsdbError;
use crate::head_series::HeadPart;
use crate::live::Live;
use crate::selection::{SelectBudget, SelectedSeries};
use crate::tsdb::Tsdb;

impl Tsdb {
    /// The series for which all matchers hold and that may have samples in `from_ms..=to_ms`,
    /// sorted
    /// by labels.
    pub async fn select(
        &self,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        budget: SelectBudget,
    ) -> Result<Vec<SelectedSeries>, TsdbError> {
        let from_ms = from_ms.max(self.oldest_kept_ms(self.world.clock.now_ms()));
        let head = self.head.select(matchers, from_ms, to_ms, budget.series_max)?;
        let mut bytes: u64 = head.iter().map(|(_, part)| part.bytes()).sum();
        let live = self.live_of(from_ms, to_ms)?;
        let mut found: Vec<(Labels, Source)> =
            head.into_iter().map(|(labels, part)| (labels, Source::Head(part))).collect();
        for block in blocks_of(&live, from_ms, to_ms) {
            let series = block.select(&self.source, matchers).await?;
            budget.check_series(series.len())?;
            bytes += block.bytes_of(&series, from_ms, to_ms);
            budget.check_bytes(bytes)?;
            let parts = block.parts(&self.source, &series, from_ms, to_ms).await?;
            found.extend(parts.into_iter().map(|(labels, part)| (labels, Source::Block(part))));
        }
        budget.check_bytes(bytes)?;
        let selected = join(found, from_ms, to_ms);
        budget.check_series(selected.len() as u64)?;
        Ok(selected)
    }

    /// The labels of the series that fit one of the sets, sorted, at most `limit`.
    pub async fn series(
        &self,
        matcher_sets: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Vec<Labels>, TsdbError> {
        let from_ms = from_ms.max(self.oldest_kept_ms(self.world.clock.now_ms()));
        let mut out = BTreeSet::new();
        for matchers in matcher_sets {
            out.extend(self.head.series(matchers, from_ms, to_ms));
            let live = self.live_of(from_ms, to_ms)?;
            for block in blocks_of(&live, from_ms, to_ms) {
                let series = block.select(&self.source, matchers).await?;
                out.extend(block.labels(&self.source, &series).await?);
            }
        }
        Ok(out.into_iter().take(limit).collect())
    }

    /// The names of the labels of the series that fit one of the sets (of all series where there is
    /// no set), sorted, at most `limit`.
    pub async fn label_names(
        &self,
        matcher_sets: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Vec<String>, TsdbError> {
        let from_ms = from_ms.max(self.oldest_kept_ms(self.world.clock.now_ms()));
        let mut out = BTreeSet::new();
        for matchers in sets_or_all(matcher_sets) {
            self.head.label_names(matchers, from_ms, to_ms, &mut out);
            let live = self.live_of(from_ms, to_ms)?;
            for block in blocks_of(&live, from_ms, to_ms) {
                let among = self.among(block, matchers).await?;
                block.label_names(&self.source, among.as_ref(), &mut out).await?;
            }
        }
        Ok(out.into_iter().take(limit).collect())
    }

    /// The values of one label among the series that fit one of the sets (all series where there is
    /// no set), sorted, at most `limit`.
    pub async fn label_values(
        &self,
        name: &str,
        matcher_sets: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Vec<String>, TsdbError> {
        let from_ms = from_ms.max(self.oldest_kept_ms(self.world.clock.now_ms()));
        let mut out = BTreeSet::new();
        for matchers in sets_or_all(matcher_sets) {
            self.head.label_values(name, matchers, from_ms, to_ms, &mut out);
            let live = self.live_of(from_ms, to_ms)?;
            for block in blocks_of(&live, from_ms, to_ms) {
                let among = self.among(block, matchers).await?;
                block.label_values(&self.source, name, among.as_ref(), &mut out).await?;
            }
        }
        Ok(out.into_iter().take(limit).collect())
    }

    /// What exporters said of metric families: of one, or of at most `limit`.
    pub fn metadata(&self, metric: Option<&str>, limit: usize) -> BTreeMap<String, Vec<Metadata>> {
        self.families.get(metric, limit)
    }

    /// Exemplars of the series that fit one of the sets, by series, in order of time.
    pub fn exemplars(
        &self,
        matcher_sets: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
    ) -> Vec<(Labels, Vec<Exemplar>)> {
        self.exemplars.select(matcher_sets, from_ms, to_ms)
    }

    // None: all series of the block.
    async fn among(
        &self,
        block: &Block,
        matchers: &[Matcher],
    ) -> Result<Option<roaring::RoaringBitmap>, TsdbError> {
        if matchers.is_empty() {
            return Ok(None);
        }
        block.select(&self.source, matchers).await.map(Some)
    }

    // The blocks in use; an error where one of the range cannot be read.
    fn live_of(&self, from_ms: i64, to_ms: i64) -> Result<Arc<Live>, TsdbError> {
        let live = self.live();
        let mut bad = live.quarantined.iter();
        match bad.find(|(entry, _)| entry.min_ms <= to_ms && from_ms <= entry.max_ms) {
            None => Ok(live),
            Some((entry, reason)) => Err(TsdbError::Damaged {
                what: format!("block {:?} of {}..={}", entry.id, entry.min_ms, entry.max_ms),
                reason: reason.clone(),
            }),
        }
    }
}

enum Source {
    Head(HeadPart),
    Block(BlockPart),
}

fn blocks_of(live: &Live, from_ms: i64, to_ms: i64) -> impl Iterator<Item = &Block> {
    live.blocks
        .iter()
        .map(|block| block.as_ref())
        .filter(move |block| block.overlaps(from_ms, to_ms))
}

fn sets_or_all(matcher_sets: &[Vec<Matcher>]) -> impl Iterator<Item = &[Matcher]> {
    let all: Option<&[Matcher]> = if matcher_sets.is_empty() { Some(&[]) } else { None };
    matcher_sets.iter().map(Vec::as_slice).chain(all)
}

// One series where head and blocks have parts of the same.
fn join(mut found: Vec<(Labels, Source)>, from_ms: i64, to_ms: i64) -> Vec<SelectedSeries> {
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let mut selected: Vec<SelectedSeries> = Vec::with_capacity(found.len());
    for (labels, source) in found {
        if selected.last().is_none_or(|last| *last.labels() != labels) {
            selected.push(SelectedSeries::new(labels, from_ms, to_ms));
        }
        let last = selected.last_mut().expect("one was pushed above");
        match source {
            Source::Head(part) => last.add_head(part),
            Source::Block(part) => last.add_block(part),
        }
    }
    selected
}
