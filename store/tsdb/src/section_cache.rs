//! Sections of blocks that were read lately, bounded.

use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use protocol::labels::Labels;
use rapidhash::RapidHashMap;

use crate::block_footer::Section;
use crate::block_index::NameIndex;
use crate::page::Page;
use crate::wire::Malformed;

/// Number of an open block, and the offset of a section in it.
pub type SectionKey = (u64, u64);

/// A section, ready to be used.
#[derive(Clone, Debug)]
pub enum Cached {
    /// Values of a label.
    Name(Arc<NameIndex>),
    /// Labels of a group of series.
    Labels(Arc<Vec<Labels>>),
    /// Samples.
    Page(Arc<LazyPage>),
}

/// A page that is decompressed when it is first read.
#[derive(Debug)]
pub struct LazyPage {
    section: Section,
    bytes: Bytes,
    page: OnceLock<Result<Page, Malformed>>,
}

impl LazyPage {
    /// Not yet checked.
    pub fn new(section: Section, bytes: Bytes) -> Self {
        Self { section, bytes, page: OnceLock::new() }
    }

    /// Checks and decompresses it once.
    pub fn page(&self) -> Result<&Page, Malformed> {
        let parsed =
            self.page.get_or_init(|| self.section.unpack(&self.bytes).and_then(Page::parse));
        parsed.as_ref().map_err(|cause| *cause)
    }

    /// Bytes of memory once it was read.
    pub fn bytes(&self) -> usize {
        self.section.len as usize + self.section.raw_len as usize
    }
}

/// Keeps the newest sections.
#[derive(Debug)]
pub struct SectionCache {
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: RapidHashMap<SectionKey, Entry>,
    bytes: usize,
    tick: u64,
}

#[derive(Debug)]
struct Entry {
    value: Cached,
    bytes: usize,
    used: u64,
}

impl SectionCache {
    /// A cache that holds at most about `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    /// A section that was put in lately.
    pub fn get(&self, key: SectionKey) -> Option<Cached> {
        let mut state = self.state.lock().expect("no code panics while it holds the cache");
        state.tick += 1;
        let tick = state.tick;
        let entry = state.entries.get_mut(&key)?;
        entry.used = tick;
        Some(entry.value.clone())
    }

    /// Keeps a section; older ones leave.
    pub fn put(&self, key: SectionKey, value: Cached, bytes: usize) {
        let mut state = self.state.lock().expect("no code panics while it holds the cache");
        state.tick += 1;
        let entry = Entry { value, bytes, used: state.tick };
        if let Some(old) = state.entries.insert(key, entry) {
            state.bytes -= old.bytes;
        }
        state.bytes += bytes;
        if state.bytes > self.bytes_max {
            state.shrink(self.bytes_max / 4 * 3);
        }
    }

    /// Bytes held now.
    pub fn bytes(&self) -> usize {
        self.state.lock().expect("no code panics while it holds the cache").bytes
    }
}

impl State {
    // A quarter at a time, so that the sort is paid seldom.
    fn shrink(&mut self, bytes_max: usize) {
        let mut by_age: Vec<_> = self.entries.iter().map(|(key, e)| (e.used, *key)).collect();
        by_age.sort_unstable();
        for (_, key) in by_age {
            if self.bytes <= bytes_max {
                return;
            }
            if let Some(entry) = self.entries.remove(&key) {
                self.bytes -= entry.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_used_leave_when_it_is_full() {
        let cache = SectionCache::new(100);
        let labels = || Cached::Labels(Arc::new(Vec::new()));
        for at in 0..10 {
            cache.put((1, at), labels(), 10);
        }
        assert!(cache.get((1, 0)).is_some());
        cache.put((1, 10), labels(), 10);
        assert!(cache.bytes() <= 75);
        assert!(cache.get((1, 0)).is_some(), "used lately");
        assert!(cache.get((1, 1)).is_none());
        assert!(cache.get((1, 10)).is_some());
        cache.put((1, 10), labels(), 20);
        assert!(cache.bytes() <= 85);
    }
}
