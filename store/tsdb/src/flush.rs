//! From the head to blocks: cut, write, commit, forget, trim.
//!
//! In this order, so that a crash at any point loses nothing: blocks without a manifest are orphans
//! that are collected later, a manifest without the trim only makes the next replay skip records.
//! Exemplars are in no block: before the trim they are written to the log again.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use protocol::labels::Labels;
use protocol::sample::{HistogramSample, Sample};
use world::bucket::Put;
use world::commit_log::Position;
use world::tasks::run_blocking;

use crate::block_writer::{BlockWriter, FinishedBlock, LEVEL_FRESH};
use crate::error::TsdbError;
use crate::head::Head;
use crate::live::{Maintenance, NOTHING_UNFLUSHED};
use crate::manifest::BlockEntry;
use crate::precedence::{settle_histograms, settle_kinds, settle_samples};
use crate::record::{NO_SERIES, RecordWriter};
use crate::tsdb::Tsdb;

/// Exemplars of one record of the log, of some hundred bytes each: far below the log's bound, so
/// that other streams wait for a moment only.
const EXEMPLARS_PER_RECORD: usize = 4096;

/// One flush makes at most about so many blocks: samples of many years are cut more coarsely.
const WINDOWS_MAX: i64 = 8;

impl Tsdb {
    /// Writes everything appended so far to blocks and gives its log back.
    pub async fn flush(&self) -> Result<(), TsdbError> {
        let mut maintenance = self.maintenance.lock().await;
        self.flush_with(&mut maintenance).await
    }

    pub(crate) async fn flush_with(&self, m: &mut Maintenance) -> Result<(), TsdbError> {
        let (cut, upto, since_ms, bytes) = {
            // No append is between log and head while this is held.
            let _all = self.gate.write().await;
            let upto = self.applied.load(Ordering::Acquire);
            let since_ms = self.unflushed_since_ms.swap(NOTHING_UNFLUSHED, Ordering::Relaxed);
            let bytes = self.unflushed_bytes.swap(0, Ordering::Relaxed);
            let cut = (upto != m.manifest.flushed).then(|| self.head.begin_cut());
            (cut, upto, since_ms, bytes)
        };
        let written = match cut {
            Some(cut) => self.write_cut(m, cut, upto).await,
            // Done already; where its commit had seemed to fail this is all that was left.
            None => self.give_back(upto).await,
        };
        if written.is_err() {
            // Still due: a quiet workspace must not wait for its next append to try again.
            self.unflushed_since_ms.fetch_min(since_ms, Ordering::Relaxed);
            self.unflushed_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        written
    }

    async fn write_cut(&self, m: &mut Maintenance, cut: u32, upto: u64) -> Result<(), TsdbError> {
        let head = std::sync::Arc::clone(&self.head);
        let span_ms = self.options().block_span_ms;
        let built = run_blocking(&*self.world.tasks, move || build(&head, cut, span_ms)).await?;
        let mut next = m.next();
        next.flushed = upto;
        next.newest_ms = self.head.newest_ms();
        next.metadata = self.families.all();
        let mut stored = Vec::with_capacity(built.len());
        for block in built {
            stored.push(self.store_block(block).await?);
        }
        next.blocks.extend(stored.iter().map(|(entry, _)| entry.clone()));
        self.commit(m, next).await?;
        self.show(m, stored, &[]);
        self.give_back(upto).await?;
        let _all = self.gate.write().await;
        self.head.remove_idle();
        Ok(())
    }

    /// Lets go of what is in blocks now.
    async fn give_back(&self, upto: u64) -> Result<(), TsdbError> {
        self.head.forget_frozen();
        self.log_exemplars().await?;
        if let Some(last) = upto.checked_sub(1) {
            self.world.log.trim(&self.stream, Position(last));
        }
        Ok(())
    }

    async fn log_exemplars(&self) -> Result<(), TsdbError> {
        for exemplars in self.exemplars.all().chunks(EXEMPLARS_PER_RECORD) {
            let _pass = self.gate.read().await;
            let mut writer = RecordWriter::new(self.epoch(), exemplars.len(), 0);
            for (labels, exemplar) in exemplars {
                writer.series(NO_SERIES, Some(labels), &[], &[], std::slice::from_ref(exemplar));
            }
            let record = writer.finish(&[]);
            let bytes = record.len();
            let position = self.world.log.append(&self.stream, record).await?;
            self.mark_applied(position, bytes);
        }
        Ok(())
    }

    /// Puts a block under a new name. Until a manifest names it, it is an orphan.
    pub(crate) async fn store_block(
        &self,
        block: FinishedBlock,
    ) -> Result<(BlockEntry, FinishedBlock), TsdbError> {
        let id = self.world.random.uuid().to_string();
        let entry = BlockEntry {
            min_ms: block.footer.min_ms,
            max_ms: block.footer.max_ms,
            series: block.footer.series.into(),
            samples: block.footer.samples,
            bytes: block.bytes.len() as u64,
            id,
        };
        match self.source.bucket.put_new(&self.names.block(&entry.id), block.bytes.clone()).await? {
            Put::Created => Ok((entry, block)),
            Put::Exists => {
                Err(TsdbError::Unavailable(format!("a block is named {:?} already", entry.id)))
            }
        }
    }
}

/// The frozen samples of the head as blocks, one a window of time.
fn build(head: &Head, cut: u32, span_ms: i64) -> Result<Vec<FinishedBlock>, TsdbError> {
    let series = head.series_in_block_order();
    let parts: Vec<_> = series.iter().map(|series| series.freeze(cut)).collect();
    let chunks = parts.iter().flat_map(|part| part.chunks.iter().chain(&part.histogram_chunks));
    let range = chunks.fold(None, |range: Option<(i64, i64)>, chunk| {
        let (min_ms, max_ms) = range.unwrap_or((chunk.min_ms, chunk.max_ms));
        Some((min_ms.min(chunk.min_ms), max_ms.max(chunk.max_ms)))
    });
    let Some((min_ms, max_ms)) = range else { return Ok(Vec::new()) };
    let width_ms = window_width(span_ms, min_ms, max_ms);
    let mut writers: BTreeMap<i64, BlockWriter> = BTreeMap::new();
    let (mut samples, mut histograms) = (Vec::new(), Vec::new());
    for (series, part) in series.iter().zip(parts) {
        if part.is_empty() {
            continue;
        }
        samples.clear();
        histograms.clear();
        let labels = head.labels(series);
        part.read(i64::MIN, i64::MAX, &mut samples, &mut histograms)
            .map_err(|cause| TsdbError::malformed(format!("head of {labels}"), cause))?;
        settle_samples(&mut samples);
        settle_histograms(&mut histograms);
        settle_kinds(&mut samples, &histograms);
        push_windows(&mut writers, width_ms, span_ms, &labels, &samples, &histograms)?;
    }
    let finished = writers.into_values().map(BlockWriter::finish);
    finished.filter_map(Result::transpose).collect()
}

/// The slice of a block, doubled until a few windows cover the range.
fn window_width(span_ms: i64, min_ms: i64, max_ms: i64) -> i64 {
    let mut width_ms = span_ms;
    while max_ms.div_euclid(width_ms) - min_ms.div_euclid(width_ms) >= WINDOWS_MAX {
        width_ms = width_ms.saturating_mul(2);
    }
    width_ms
}

fn push_windows(
    writers: &mut BTreeMap<i64, BlockWriter>,
    width_ms: i64,
    span_ms: i64,
    labels: &Labels,
    mut samples: &[Sample],
    mut histograms: &[HistogramSample],
) -> Result<(), TsdbError> {
    let window = |timestamp_ms: i64| timestamp_ms.div_euclid(width_ms);
    loop {
        let number = samples.first().map(|sample| window(sample.timestamp_ms));
        let histogram = histograms.first().map(|sample| window(sample.timestamp_ms));
        let Some(now) = number.into_iter().chain(histogram).min() else { return Ok(()) };
        let (inside, later) =
            samples.split_at(samples.partition_point(|s| window(s.timestamp_ms) == now));
        let (inside_histograms, later_histograms) =
            histograms.split_at(histograms.partition_point(|s| window(s.timestamp_ms) == now));
        let writer = writers.entry(now).or_insert_with(|| BlockWriter::new(span_ms, LEVEL_FRESH));
        writer.push(labels, inside, inside_histograms)?;
        (samples, histograms) = (later, later_histograms);
    }
}

#[cfg(test)]
mod tests;
