//! The blocks in use, and what those share who change them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::block_reader::Block;
use crate::manifest::{BlockEntry, Manifest};

/// Stands where no append waits for a flush.
pub(crate) const NOTHING_UNFLUSHED: i64 = i64::MAX;

/// What queries read.
#[derive(Debug, Default)]
pub struct Live {
    /// Open blocks.
    pub blocks: Vec<Arc<Block>>,
    /// Blocks that do not open, with the reason. A query of their time is refused by name rather
    /// than answered in part.
    pub quarantined: Vec<(BlockEntry, String)>,
}

/// What flushes, merges and collections share; whoever changes blocks holds it.
#[derive(Debug, Default)]
pub(crate) struct Maintenance {
    /// The newest one, as far as this process knows.
    pub manifest: Manifest,
    /// This process.
    pub writer: u64,
    /// For the numbers of open blocks.
    pub opened: u64,
    /// Blocks that failed to be merged; left alone until the next start.
    pub unmergeable: BTreeSet<String>,
    /// Objects that no manifest names, and since when they were seen.
    pub orphans: BTreeMap<String, i64>,
    /// When the bucket was last listed.
    pub listed_ms: Option<i64>,
}

impl Maintenance {
    /// The manifest to be changed and committed next.
    pub fn next(&self) -> Manifest {
        let number = self.manifest.number + 1;
        Manifest { number, writer: self.writer, ..self.manifest.clone() }
    }
}
