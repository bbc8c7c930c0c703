//! What runs without being asked: one list.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, select};

use crate::store::Store;

/// One periodic job.
struct Job {
    name: &'static str,
    /// From the end of one run to the start of the next.
    pause: Duration,
    run: fn(&Arc<Store>) -> BoxFuture<'_, ()>,
}

/// All jobs.
const JOBS: &[Job] = &[
    Job { name: "catalog snapshot", pause: Duration::from_secs(30), run: snapshot_catalog },
    // Flushes and merges are due every two hours; whether one is costs nothing to ask.
    Job { name: "database upkeep", pause: Duration::from_secs(15), run: maintain_databases },
    // What is swept keeps the log from shrinking; nothing else waits for it.
    Job { name: "purge sweep", pause: Duration::from_mins(1), run: sweep_deleted },
    // The journals hold transitions only: an hour of them replays at once.
    Job { name: "rule journals", pause: Duration::from_hours(1), run: checkpoint_rules },
];

/// Starts all jobs; they end when the world stops.
pub fn start(store: &Arc<Store>) {
    for job in JOBS {
        let store = store.clone();
        let world = store.world.clone();
        world.tasks.spawn(job.name, repeat(store, job).boxed());
    }
}

async fn repeat(store: Arc<Store>, job: &'static Job) {
    let world = store.world.clone();
    loop {
        match select(world.tasks.stopping(), world.clock.sleep(job.pause)).await {
            Either::Left(_) => return,
            Either::Right(_) => (job.run)(&store).await,
        }
    }
}

fn snapshot_catalog(store: &Arc<Store>) -> BoxFuture<'_, ()> {
    async move {
        if let Err(error) = store.catalog.snapshot_if_due().await {
            tracing::warn!(%error, "catalog snapshot failed; the log holds everything until the next");
        }
    }
    .boxed()
}

fn maintain_databases(store: &Arc<Store>) -> BoxFuture<'_, ()> {
    async move {
        for workspace in store.workspaces.open() {
            let now_ms = store.world.clock.now_ms();
            if let Err(error) = workspace.data.tsdb.maintain(now_ms).await {
                tracing::warn!(workspace = %workspace.id(), %error, "database upkeep failed");
            }
        }
    }
    .boxed()
}

fn sweep_deleted(store: &Arc<Store>) -> BoxFuture<'_, ()> {
    store.workspaces.sweep().boxed()
}

fn checkpoint_rules(store: &Arc<Store>) -> BoxFuture<'_, ()> {
    async move {
        for workspace in store.workspaces.open() {
            if let Err(error) = workspace.rules().checkpoint().await {
                tracing::warn!(workspace = %workspace.id(), %error, "rule journal not shortened");
            }
        }
    }
    .boxed()
}
