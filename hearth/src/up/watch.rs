//! Notices that the source of `hearth up` may have changed.
//!
//! The file system's own notices are fast but get lost (network folders, swapped symbolic links),
//! so
//! the source is read again every few seconds anyway: reading is cheap and changes nothing by
//! itself.

use std::path::PathBuf;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// How long a change may go unseen without a notice.
const POLL: Duration = Duration::from_secs(3);
/// Editors write a file in several steps: wait until they are done.
const SETTLE: Duration = Duration::from_millis(100);

/// Watches until it is dropped.
pub struct Watch {
    _watcher: Option<RecommendedWatcher>,
    notices: mpsc::Receiver<()>,
}

impl Watch {
    /// Begins to watch.
    pub fn start(paths: &[PathBuf]) -> Self {
        // One notice that waits says as much as a hundred.
        let (sender, notices) = mpsc::channel(1);
        let tell = move |_event: notify::Result<notify::Event>| {
            // Full: a notice waits already.
            let _ = sender.try_send(());
        };
        let mut watcher = notify::recommended_watcher(tell)
            .inspect_err(|error| tracing::warn!(%error, "no notices of changes, polling only"))
            .ok();
        for path in paths {
            // Of a file its folder is watched: editors replace files instead of writing them.
            let folder = if path.is_dir() { Some(path.as_path()) } else { path.parent() };
            let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(std::path::Path::new("."));
            if let Some(watcher) = &mut watcher
                && let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
            {
                tracing::warn!(%error, path = %path.display(), "no notices of changes, polling only");
            }
        }
        Self { _watcher: watcher, notices }
    }

    /// Returns when it is time to read the source again.
    pub async fn changed(&mut self) {
        let noticed = tokio::time::timeout(POLL, self.notices.recv()).await;
        if matches!(noticed, Ok(Some(()))) {
            tokio::time::sleep(SETTLE).await;
            while self.notices.try_recv().is_ok() {}
        } else if matches!(noticed, Ok(None)) {
            // The watcher is gone: nothing will ever be noticed.
            tokio::time::sleep(POLL).await;
        }
    }
}
