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
