//! From the journal to an alert manager that runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use tokio::sync::{Notify, RwLock, Semaphore, watch};
use world::commit_log::{LogError, StreamName};
use world::tasks::run_blocking;
use world::world::World;

use crate::alertmanager::{AlertManager, Inner, Options, Ports, SENDS_MAX, lock, running};
use crate::journal::{self, JournalError};
use crate::state::recovery::Recovery;

/// Why an alert manager could not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log did not give the journal back.
    #[error("alert journal of {workspace}: {error}")]
    Log {
        /// Whose.
        workspace: String,
        /// What it said.
        error: LogError,
    },
    /// The journal is not readable.
    #[error("alert journal of {workspace}: {error}")]
    Journal {
        /// Whose.
        workspace: String,
        /// What is wrong.
        error: JournalError,
    },
}

impl AlertManager {
    /// Loads the journal, silences and sources of inhibition first, and starts. Nothing is sent
    /// until [`Self::apply`] has given a definition.
    pub async fn open(
        world: World,
        workspace: &str,
        ports: Ports,
        options: Options,
    ) -> Result<Arc<Self>, OpenError> {
        let stream = StreamName::new(format!("alerts/{workspace}"));
        let (recovery, records) = load(&world, workspace, &stream).await?;
        let now_ms = world.clock.now_ms();
        let manager = Arc::new(Self {
            inner: Mutex::new(Inner {
                state: recovery.finish(now_ms),
                health: BTreeMap::new(),
                records,
                snapshot_running: false,
            }),
            started_at: crate::alert::timestamp(now_ms),
            sends: Semaphore::new(SENDS_MAX),
            wake: Notify::new(),
            under_way: RwLock::new(()),
            stopping: watch::channel(false).0,
            task: Mutex::new(None),
            workspace: workspace.to_owned(),
            world,
            ports,
            options,
            stream,
        });
        let task = running::run(Arc::clone(&manager)).boxed();
        let handle = manager.world.tasks.spawn("alertmanager", task);
        *lock(&manager.task) = Some(handle);
        Ok(manager)
    }
}

async fn load(
    world: &World,
    workspace: &str,
    stream: &StreamName,
) -> Result<(Recovery, usize), OpenError> {
    let (log, name) = (Arc::clone(&world.log), stream.clone());
    let read = run_blocking(&*world.tasks, move || {
        let (mut recovery, mut count, mut fault) = (Recovery::default(), 0, None);
        let ended = log.replay(&name, &mut |record| {
            match journal::decode(&record.payload) {
                Ok(records) => {
                    count += records.len();
                    for record in records {
                        recovery.apply(record);
                    }
                }
                Err(error) => fault = fault.take().or(Some(error)),
            }
            Ok(())
        });
        match ended {
            // All that can be read was read, and the workspace goes on with it.
            Err(LogError::Damaged(reason)) => {
                tracing::error!(stream = %name, reason, "alert state is lost");
                Ok((recovery, count, fault))
            }
            ended => ended.map(|()| (recovery, count, fault)),
        }
    })
    .await;
    let workspace = workspace.to_owned();
    match read {
        Err(error) => Err(OpenError::Log { workspace, error }),
        Ok((_, _, Some(error))) => Err(OpenError::Journal { workspace, error }),
        Ok((recovery, count, None)) => Ok((recovery, count)),
    }
}
