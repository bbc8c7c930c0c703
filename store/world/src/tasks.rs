//! Tasks: spawn, cancel, and bounded blocking work.
//!
//! Shutdown is one broadcast: every task that loops awaits [`Tasks::stopping`] beside its work.

use futures::future::BoxFuture;

/// A task that was started.
pub struct TaskHandle {
    cancel: Box<dyn FnOnce() + Send>,
    ended: BoxFuture<'static, ()>,
}

impl TaskHandle {
    /// Made by a world; `ended` resolves when the task is over, however it ended.
    pub fn new(cancel: Box<dyn FnOnce() + Send>, ended: BoxFuture<'static, ()>) -> Self {
        Self { cancel, ended }
    }

    /// Ends the task at its next await, and waits until it is gone.
    pub async fn cancel(self) {
        (self.cancel)();
        self.ended.await;
    }

    /// Waits until the task has ended by itself.
    pub async fn ended(self) {
        self.ended.await;
    }
}

/// Runs futures and blocking work.
pub trait Tasks: Send + Sync + 'static {
    /// Starts a task; dropping the handle leaves it running. `name` is for logs.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle;

    /// Runs work that blocks on the disk or burns processor time off the async threads.
    ///
    /// At most a fixed number run at once, the rest wait in line. In the simulated world the work
    /// runs at once on the only thread. Use [`run_blocking`] to get the answer back.
    fn blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()>;

    /// Resolves once the process has been told to stop; at once if that was before.
    fn stopping(&self) -> BoxFuture<'static, ()>;

    /// Tells every task to stop.
    fn stop(&self);
}

/// Runs `work` by [`Tasks::blocking`] and gives its answer.
///
/// # Panics
/// Where `work` itself panicked.
pub async fn run_blocking<T: Send + 'static>(
    tasks: &dyn Tasks,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    tasks
        .blocking(Box::new(move || {
            // The receiver is gone only where the caller was cancelled: nobody wants the answer.
            let _ = sender.send(work());
        }))
        .await;
    receiver.await.expect("the work was run to its end, or it panicked")
}
