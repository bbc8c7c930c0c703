//! What a target's scrapes have in common: its series.
//!
//! Keyed by the raw text of a series, so that labels are parsed and relabelled once and not at each
//! scrape. Also knows which series were there last time, so that the end of one is seen.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use protocol::labels::Labels;
use protocol::sample::Metadata;
use rapidhash::fast::RandomState;

/// Entries beyond twice those of the last good scrape that failing scrapes may leave behind.
const ENTRIES_SLACK: usize = 1000;

/// A series as the cache knows it.
#[derive(Clone, Debug)]
pub struct CachedSeries {
    raw: Arc<str>,
    /// `None`: dropped by metric relabelling.
    pub stored: Option<StoredSeries>,
    /// The last scrape that had it.
    seen: u64,
    /// The last scrape that had it in such a way that its end is to be marked.
    tracked: u64,
    /// Whether the destination believes that the series goes on.
    alive: bool,
}

/// What a series is stored as.
#[derive(Clone, Debug)]
pub struct StoredSeries {
    /// Final labels.
    pub labels: Labels,
    /// Their stable hash.
    pub hash: u64,
    /// Of the metric family.
    pub metadata: Option<Arc<Metadata>>,
    /// Time and value bits of the exemplar last sent, since exporters repeat them.
    pub exemplar_sent: Option<(i64, u64)>,
}

/// All series of one target.
#[derive(Debug, Default)]
pub struct ScrapeCache {
    index: HashMap<Arc<str>, usize, RandomState>,
    entries: Vec<CachedSeries>,
    /// Where the series of the current scrape's next line is expected: bodies keep their order.
    expected: usize,
    scrape: u64,
    last_good_len: usize,
}

impl ScrapeCache {
    /// Begins a scrape.
    pub fn begin(&mut self) {
        self.scrape += 1;
        self.expected = 0;
    }

    /// Finds a series by its raw text.
    pub fn find(&mut self, raw: &str) -> Option<usize> {
        let at = match self.entries.get(self.expected) {
            Some(entry) if *entry.raw == *raw => self.expected,
            _ => *self.index.get(raw)?,
        };
        self.expected = at + 1;
        Some(at)
    }

    /// Adds a series that [`find`](Self::find) did not find.
    pub fn insert(&mut self, raw: &str, stored: Option<StoredSeries>) -> usize {
        let raw: Arc<str> = Arc::from(raw);
        let at = self.entries.len();
        self.index.insert(Arc::clone(&raw), at);
        self.entries.push(CachedSeries { raw, stored, seen: 0, tracked: 0, alive: false });
        self.expected = at + 1;
        at
    }

    /// The series at a place given by `find` or `insert`.
    pub fn series_mut(&mut self, at: usize) -> &mut CachedSeries {
        &mut self.entries[at]
    }

    /// Notes that the current scrape has the series; whether it had it already.
    pub fn mark_seen(&mut self, at: usize) -> bool {
        let entry = &mut self.entries[at];
        std::mem::replace(&mut entry.seen, self.scrape) == self.scrape
    }

    /// Notes that the end of the series is to be marked.
    pub fn mark_tracked(&mut self, at: usize) {
        self.entries[at].tracked = self.scrape;
    }

    /// Ends a good scrape: gives the series that have ended and forgets all that were not there.
    ///
    /// Prefers no work: a scrape with the same series as the last one changes no entry's place.
    pub fn end_good(&mut self) -> Vec<StoredSeries> {
        let scrape = self.scrape;
        let mut ended = Vec::new();
        let mut unseen = false;
        for entry in &mut self.entries {
            unseen |= entry.seen != scrape;
            let was_alive = std::mem::replace(&mut entry.alive, entry.tracked == scrape);
            if was_alive && !entry.alive {
                ended.extend(entry.stored.clone());
            }
        }
        self.keep_only_ended(&mut ended);
        if unseen {
            self.forget_unseen();
        }
        self.last_good_len = self.entries.len();
        ended
    }

    /// Ends a failed or empty scrape: gives all series that were alive.
    pub fn end_failed(&mut self) -> Vec<StoredSeries> {
        let mut ended = Vec::new();
        for entry in &mut self.entries {
            if std::mem::take(&mut entry.alive) {
                ended.extend(entry.stored.clone());
            }
        }
        if self.entries.len() > 2 * self.last_good_len + ENTRIES_SLACK {
            self.forget_unseen();
        }
        ended
    }

    /// Forgets the raw texts but not which series are alive: the rules have changed, so the next
    /// scrape builds all labels anew, and what it does not have has ended.
    pub fn supersede(&mut self) {
        self.entries.retain(|entry| entry.alive);
        for entry in &mut self.entries {
            // No exposed series is the empty text.
            entry.raw = Arc::from("");
        }
        self.index.clear();
    }

    /// How many series are known, dropped ones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no series is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Two raw texts can stand for one stored series: it has not ended while one of them is there.
    fn keep_only_ended(&self, ended: &mut Vec<StoredSeries>) {
        if ended.is_empty() {
            return;
        }
        let alive = self.entries.iter().filter(|entry| entry.alive);
        let alive: HashSet<u64, RandomState> =
            alive.filter_map(|entry| entry.stored.as_ref()).map(|stored| stored.hash).collect();
        let mut once = HashSet::<u64, RandomState>::default();
        ended.retain(|stored| !alive.contains(&stored.hash) && once.insert(stored.hash));
    }

    fn forget_unseen(&mut self) {
        let scrape = self.scrape;
        self.entries.retain(|entry| entry.seen == scrape);
        self.index.clear();
        for (at, entry) in self.entries.iter().enumerate() {
            self.index.insert(Arc::clone(&entry.raw), at);
        }
    }
}
