//! The newest hours, in memory.
//!
//! Filled from the log at the start and by appends after that. A cut divides what a flush writes to
//! blocks from what comes later. Locks are held for one lookup or one series at a time; readers
//! take a snapshot.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use protocol::labels::Labels;
use protocol::matcher::Matcher;
use protocol::sample::{HistogramSample, Sample, TimeSeries};
use roaring::RoaringBitmap;

use crate::error::TsdbError;
use crate::head_index::HeadIndex;
use crate::head_series::{HeadPart, Series};
use crate::label_sets::{LabelSetLimit, LabelSets};

/// Nothing was ever put in.
const NO_SAMPLE: i64 = i64::MIN;

/// Why a series was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Full {
    /// There are as many as there may be.
    Series,
    /// There are as many of this set as there may be.
    LabelSet(LabelSetLimit),
}

/// The series of one workspace that had samples lately.
#[derive(Debug)]
pub struct Head {
    index: RwLock<HeadIndex>,
    /// Locked only by who holds the index for writing.
    label_sets: Mutex<LabelSets>,
    cut: AtomicU32,
    newest_ms: AtomicI64,
    sample_bytes: AtomicU64,
    samples: AtomicU64,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            index: RwLock::default(),
            label_sets: Mutex::default(),
            cut: AtomicU32::new(1),
            newest_ms: AtomicI64::new(NO_SAMPLE),
            sample_bytes: AtomicU64::new(0),
            samples: AtomicU64::new(0),
        }
    }
}

impl Head {
    fn index(&self) -> RwLockReadGuard<'_, HeadIndex> {
        self.index.read().expect("no code panics while it holds the index")
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, HeadIndex> {
        self.index.write().expect("no code panics while it holds the index")
    }

    /// The number of the cut that appends belong to; it grows with each flush.
    pub fn cut(&self) -> u32 {
        self.cut.load(Ordering::Acquire)
    }

    /// Begins a new cut. No append may be under way.
    pub fn begin_cut(&self) -> u32 {
        self.samples.store(0, Ordering::Relaxed);
        self.cut.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The newest timestamp of the database.
    pub fn newest_ms(&self) -> Option<i64> {
        Some(self.newest_ms.load(Ordering::Relaxed)).filter(|newest| *newest != NO_SAMPLE)
    }

    /// Says that blocks hold samples up to this time.
    pub fn saw(&self, timestamp_ms: i64) {
        self.newest_ms.fetch_max(timestamp_ms, Ordering::Relaxed);
    }

    /// How many series.
    pub fn series_count(&self) -> u64 {
        self.index().len() as u64
    }

    /// Samples put in since the last cut.
    pub fn sample_count(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    /// About how many bytes of memory samples take.
    pub fn sample_bytes(&self) -> u64 {
        self.sample_bytes.load(Ordering::Relaxed)
    }

    /// About how many bytes of memory it takes in all.
    pub fn bytes(&self) -> u64 {
        self.sample_bytes() + self.index().bytes()
    }

    /// The series of each entry that is there already.
    pub fn find_all(&self, batch: &[TimeSeries]) -> Vec<Option<Arc<Series>>> {
        let index = self.index();
        batch.iter().map(|entry| index.get(&entry.labels).cloned()).collect()
    }

    /// The series of these labels, made where it is not there and the limits allow it.
    pub fn get_or_create(&self, labels: &Labels, series_max: u64) -> Result<Arc<Series>, Full> {
        let mut index = self.index_mut();
        if let Some(series) = index.get(labels) {
            return Ok(Arc::clone(series));
        }
        if index.len() as u64 >= series_max {
            return Err(Full::Series);
        }
        self.label_sets().admit(labels).map_err(Full::LabelSet)?;
        Ok(index.get_or_create(labels))
    }

    /// Limits the series of these sets from now on; those that are there stay.
    pub fn limit_label_sets(&self, sets: Vec<LabelSetLimit>) {
        let index = self.index_mut();
        *self.label_sets() = LabelSets::new(sets);
        self.recount_label_sets(&index);
    }

    fn label_sets(&self) -> MutexGuard<'_, LabelSets> {
        self.label_sets.lock().expect("no code panics while it holds the label sets")
    }

    fn recount_label_sets(&self, index: &HeadIndex) {
        let mut sets = self.label_sets();
        if !sets.is_empty() {
            sets.recount(index.series().iter().map(|series| index.labels(series)));
        }
    }

    /// Puts samples into a series.
    pub fn push(&self, series: &Series, samples: &[Sample], histograms: &[HistogramSample]) {
        let grown = series.push(samples, histograms, self.cut());
        // Adding a negative number wraps around to the right sum.
        self.sample_bytes.fetch_add(grown as u64, Ordering::Relaxed);
        self.samples.fetch_add((samples.len() + histograms.len()) as u64, Ordering::Relaxed);
        let times = samples.iter().map(|sample| sample.timestamp_ms);
        if let Some(newest) = times.chain(histograms.iter().map(|h| h.timestamp_ms)).max() {
            self.saw(newest);
        }
    }

    /// The series for which all matchers hold, with what they hold of the range; series without
    /// samples there are left out. In no order.
    pub fn select(
        &self,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        series_max: u64,
    ) -> Result<Vec<(Labels, HeadPart)>, TsdbError> {
        let index = self.index();
        let mut found = Vec::new();
        for id in &index.select(matchers) {
            let series = &index.series()[id as usize];
            let part = series.part(from_ms, to_ms);
            if part.is_empty() {
                continue;
            }
            if found.len() as u64 >= series_max {
                return Err(TsdbError::OverBudget { limit: "series", max: series_max });
            }
            found.push((index.labels(series), part));
        }
        Ok(found)
    }

    /// The labels of the series for which all matchers hold and that have samples in the range.
    pub fn series(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Labels> {
        self.with_matching(matchers, from_ms, to_ms, |index, found| {
            found.iter().map(|id| index.labels(&index.series()[id as usize])).collect()
        })
    }

    /// Values that a label has among the fitting series.
    pub fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        out: &mut BTreeSet<String>,
    ) {
        self.with_matching(matchers, from_ms, to_ms, |index, among| {
            index.label_values(name, among, out);
        });
    }

    /// All series in the order of blocks.
    pub fn series_in_block_order(&self) -> Vec<Arc<Series>> {
        self.index().in_block_order()
    }

    /// The oldest timestamp that is held.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.index().series().iter().filter_map(|series| series.oldest_ms()).min()
    }

    /// Drops the series that are idle, once they are many. No append and no flush may be under way.
    pub fn remove_idle(&self) {
        let cut = self.cut();
        let mut index = self.index_mut();
        let idle = index.series().iter().filter(|series| series.is_idle(cut)).count();
        if idle > 0 && idle * 4 >= index.len() {
            *index = index.without_idle(cut);
            self.recount_label_sets(&index);
        }
    }

    /// The labels of one series.
    pub fn labels(&self, series: &Series) -> Labels {
        self.index().labels(series)
    }

    fn with_matching<T>(
        &self,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        visit: impl FnOnce(&HeadIndex, &RoaringBitmap) -> T,
    ) -> T {
        let index = self.index();
        let found: RoaringBitmap = index
            .select(matchers)
            .iter()
            .filter(|id| index.series()[*id as usize].has_samples(from_ms, to_ms))
            .collect();
        visit(&index, &found)
    }

    /// Names of the labels of the fitting series.
    pub fn label_names(
        &self,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        out: &mut BTreeSet<String>,
    ) {
        self.with_matching(matchers, from_ms, to_ms, |index, among| index.label_names(among, out));
    }

    /// Takes back memory of frozen samples that blocks hold now.
    pub fn forget_frozen(&self) {
        let series = self.index().series().to_vec();
        let remain: usize = series.iter().map(|series| series.forget_frozen()).sum();
        // What came in while this summed is missed, and put right by the next flush.
        self.sample_bytes.store(remain as u64, Ordering::Relaxed);
    }
}
