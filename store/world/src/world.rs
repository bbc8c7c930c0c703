//! The world as one value, handed to whoever needs it.

use std::sync::Arc;

use crate::bucket::Bucket;
use crate::clock::Clock;
use crate::commit_log::CommitLog;
use crate::disk::Disk;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::tasks::Tasks;

/// Everything outside the store. Cloning shares it.
#[derive(Clone)]
pub struct World {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// Tasks and blocking work.
    pub tasks: Arc<dyn Tasks>,
    /// The data directory.
    pub disk: Arc<dyn Disk>,
    /// Blocks and manifests.
    pub bucket: Arc<dyn Bucket>,
    /// The commit log.
    pub log: Arc<dyn CommitLog>,
    /// Requests that leave.
    pub outbox: Arc<dyn Outbox>,
}
