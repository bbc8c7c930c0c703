//! How the blocks in use change.
//!
//! The list that queries see is replaced as a whole, after the manifest that names it is stored.

use std::sync::Arc;

use crate::block_reader::Block;
use crate::block_writer::FinishedBlock;
use crate::error::TsdbError;
use crate::live::{Live, Maintenance};
use crate::manifest::{self, BlockEntry, Commit, Manifest};
use crate::tsdb::Tsdb;

impl Tsdb {
    /// Makes `next` the manifest. On `Err` nothing changed that a later try would not find.
    pub(crate) async fn commit(
        &self,
        m: &mut Maintenance,
        next: Manifest,
    ) -> Result<(), TsdbError> {
        match manifest::commit(&*self.source.bucket, &self.names, &next).await? {
            Commit::Done => {
                m.manifest = next;
                Ok(())
            }
            Commit::Earlier(earlier) => Err(self.take_up(m, *earlier).await),
        }
    }

    /// Goes on from a manifest of this process whose storing had seemed to fail. What was about to
    /// be done is to be tried again, on top of it.
    pub(crate) async fn take_up(&self, m: &mut Maintenance, earlier: Manifest) -> TsdbError {
        // It names blocks that hold what the head still holds, too: harmless.
        let before = std::mem::replace(&mut m.manifest, earlier);
        match self.open_blocks(m).await {
            Ok(()) => TsdbError::Unavailable(
                "a change that seemed to fail was stored after all, going on from there".into(),
            ),
            Err(error) => {
                // Its blocks are not shown yet: whoever went on from here would forget samples that
                // only they hold. The next try finds it again.
                m.manifest = before;
                error
            }
        }
    }

    /// Opens every block of the manifest that is not open yet, and shows exactly those.
    pub(crate) async fn open_blocks(&self, m: &mut Maintenance) -> Result<(), TsdbError> {
        let before = self.live();
        let mut live = Live::default();
        for entry in &m.manifest.blocks {
            let name = self.names.block(&entry.id);
            if let Some(open) = before.blocks.iter().find(|block| block.name == name) {
                live.blocks.push(Arc::clone(open));
                continue;
            }
            m.opened += 1;
            match Block::open(&*self.source.bucket, name, m.opened).await {
                Ok(block) => live.blocks.push(Arc::new(block)),
                Err(error @ TsdbError::Damaged { .. }) => {
                    tracing::error!(block = %entry.id, %error, "a block does not open");
                    live.quarantined.push((entry.clone(), error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        self.set_live(live);
        Ok(())
    }

    /// Shows blocks that were just committed, and hides others.
    pub(crate) fn show(
        &self,
        m: &mut Maintenance,
        stored: Vec<(BlockEntry, FinishedBlock)>,
        hidden: &[String],
    ) {
        let before = self.live();
        let hidden: Vec<_> = hidden.iter().map(|id| self.names.block(id)).collect();
        let kept = before.blocks.iter().filter(|block| !hidden.contains(&block.name));
        let mut blocks: Vec<_> = kept.cloned().collect();
        for (entry, finished) in stored {
            m.opened += 1;
            let name = self.names.block(&entry.id);
            blocks.push(Arc::new(Block::new(name, finished.footer, m.opened, entry.bytes)));
        }
        let kept = |(entry, _): &&(BlockEntry, String)| {
            m.manifest.blocks.iter().any(|block| block.id == entry.id)
        };
        let quarantined = before.quarantined.iter().filter(kept).cloned().collect();
        self.set_live(Live { blocks, quarantined });
    }
}
