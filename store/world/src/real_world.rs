//! The real world: one data directory, one runtime.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::data_directory::{DataDirectory, DataDirectoryError};
use crate::disk::Disk;
use crate::http_outbox::HttpOutbox;
use crate::local_bucket::{BUCKET_DIR, LocalBucket};
use crate::local_log::{LocalLog, LogSettings};
use crate::random::Random;
use crate::real_clock::RealClock;
use crate::real_disk::RealDisk;
use crate::real_random::RealRandom;
use crate::real_tasks::RealTasks;
use crate::recovery::LogOpenError;
use crate::tasks::{Tasks, run_blocking};
use crate::world::World;

/// Why the world cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory.
    #[error(transparent)]
    DataDirectory(#[from] DataDirectoryError),
    /// The log in it.
    #[error(transparent)]
    Log(#[from] LogOpenError),
    /// The bucket in it.
    #[error("data directory {}: {source}", path.display())]
    Bucket {
        /// The folder of the bucket.
        path: std::path::PathBuf,
        /// What the disk said.
        source: std::io::Error,
    },
}

/// An open data directory and everything around it.
pub struct RealWorld {
    /// For whoever needs it.
    pub world: World,
    /// The log once more, for what only this one can tell.
    pub log: Arc<LocalLog>,
}

impl RealWorld {
    /// Locks and checks the data directory, which is made where it is missing, and recovers the
    /// log. Within a tokio runtime that has its timers and network enabled.
    pub async fn open(data_dir: &Path) -> Result<Self, OpenError> {
        let tasks = RealTasks::new(Handle::current());
        let path = data_dir.to_owned();
        let for_log = tasks.clone();
        run_blocking(&tasks, move || Self::open_blocking(&path, for_log)).await
    }

    fn open_blocking(data_dir: &Path, tasks: RealTasks) -> Result<Self, OpenError> {
        let directory = Arc::new(DataDirectory::open(data_dir)?);
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(directory));
        let random: Arc<dyn Random> = Arc::new(RealRandom);
        let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
        // One writer, one write at a time; it never waits behind queries.
        let log_tasks: Arc<dyn Tasks> = Arc::new(tasks.with_own_line(1));
        let log = Arc::new(LocalLog::open(&disk, &random, &log_tasks, LogSettings::default())?);
        let tasks: Arc<dyn Tasks> = Arc::new(tasks);
        let bucket = LocalBucket::open(disk.clone(), tasks.clone()).map_err(|source| {
            OpenError::Bucket { path: disk.describe(Path::new(BUCKET_DIR)), source }
        })?;
        let outbox = Arc::new(HttpOutbox::new());
        let world = World {
            clock,
            random,
            tasks,
            disk,
            bucket: Arc::new(bucket),
            log: log.clone(),
            outbox,
        };
        Ok(Self { world, log })
    }

    /// Waits until all appends are durable and refuses new ones. The data directory is free for
    /// others once every clone of the world is gone.
    pub async fn close(self) {
        self.log.close().await;
    }
}
