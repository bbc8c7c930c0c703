//! Tasks on a tokio runtime.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::tasks::{TaskHandle, Tasks};

/// Blocking works that run at once: enough that waits for the disk overlap, few enough that a burst
/// of queries cannot take the memory of hundreds of threads.
pub const BLOCKING_MAX: usize = 16;

/// Tasks on a tokio runtime. Cloning shares the runtime, the line and the call to stop.
#[derive(Clone, Debug)]
pub struct RealTasks {
    runtime: Handle,
    line: Arc<Semaphore>,
    stop: watch::Sender<bool>,
}

impl RealTasks {
    /// Tasks on this runtime, which needs its timers and its network enabled.
    pub fn new(runtime: Handle) -> Self {
        let (stop, _) = watch::channel(false);
        Self { runtime, line: Arc::new(Semaphore::new(BLOCKING_MAX)), stop }
    }

    /// The same tasks with a line of their own for blocking work, `width` at once: so that the
    /// commit log never waits behind queries.
    pub fn with_own_line(&self, width: usize) -> Self {
        Self { line: Arc::new(Semaphore::new(width)), ..self.clone() }
    }
}

impl Tasks for RealTasks {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        let joined = self.runtime.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a task panicked and is gone");
            }
        });
        let cancel = joined.abort_handle();
        // An error says that the task was cancelled: it is gone, which is all that is asked.
        TaskHandle::new(Box::new(move || cancel.abort()), Box::pin(joined.map(drop)))
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        let (runtime, line) = (self.runtime.clone(), self.line.clone());
        Box::pin(async move {
            let place = line.acquire_owned().await.expect("the line is never closed");
            let done = runtime.spawn_blocking(move || {
                // Kept until the work is over, even if nobody waits for it any more.
                let _place = place;
                work();
            });
            if done.await.is_err_and(|error| error.is_panic()) {
                tracing::error!("blocking work panicked");
            }
        })
    }

    fn stopping(&self) -> BoxFuture<'static, ()> {
        let mut stop = self.stop.subscribe();
        Box::pin(async move {
            if stop.wait_for(|stopped| *stopped).await.is_err() {
                // All who could tell us to stop are gone: then the process is ending too.
                tracing::debug!("the world is gone");
            }
        })
    }

    fn stop(&self) {
        self.stop.send_replace(true);
    }
}
