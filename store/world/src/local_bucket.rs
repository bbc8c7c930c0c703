//! The bucket on the local disk: one file an object.
//!
//! An object is written under a temporary name, synced, and only then linked to its own name, which
//! fails where the name is taken: put-if-absent. Its folder is synced before the put is
//! acknowledged. Built on the ports alone, so that the same code runs in the simulated world.
//! Folders that became empty stay: they cost nothing, and removing them would race with puts.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::bucket::{Bucket, BucketError, ObjectMeta, Put};
use crate::disk::Disk;
use crate::tasks::{Tasks, run_blocking};

/// The folder of the bucket, within the data directory.
pub const BUCKET_DIR: &str = "bucket";
/// Longest name of an object, as object stores have it.
pub const OBJECT_NAME_BYTES_MAX: usize = 1024;

const OBJECTS_DIR: &str = "bucket/objects";
const DRAFTS_DIR: &str = "bucket/drafts";
/// What file systems take as one name.
const NAME_PART_BYTES_MAX: usize = 255;

/// One file an object.
pub struct LocalBucket {
    files: Arc<Files>,
    tasks: Arc<dyn Tasks>,
}

impl LocalBucket {
    /// Makes the folders and removes drafts that a crash left. Blocks.
    pub fn open(disk: Arc<dyn Disk>, tasks: Arc<dyn Tasks>) -> io::Result<Self> {
        disk.create_dir_all(Path::new(OBJECTS_DIR))?;
        disk.create_dir_all(Path::new(DRAFTS_DIR))?;
        for draft in disk.list(Path::new(DRAFTS_DIR))? {
            disk.remove(&Path::new(DRAFTS_DIR).join(draft.name))?;
        }
        Ok(Self { files: Arc::new(Files { disk, next_draft: AtomicU64::new(0) }), tasks })
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T, BucketError> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, BucketError>> {
        let files = self.files.clone();
        Box::pin(run_blocking(self.tasks.as_ref(), move || work(&files)))
    }
}

impl Bucket for LocalBucket {
    fn put_new(&self, name: &str, content: Bytes) -> BoxFuture<'_, Result<Put, BucketError>> {
        let name = name.to_owned();
        self.run(move |files| files.put_new(&name, &content))
    }

    fn get(&self, name: &str) -> BoxFuture<'_, Result<Bytes, BucketError>> {
        let name = name.to_owned();
        self.run(move |files| {
            let path = object_path(&name)?;
            let content = files.disk.read(&path).map_err(|error| explain(&name, &error))?;
            Ok(Bytes::from(content))
        })
    }

    fn get_range(
        &self,
        name: &str,
        offset: u64,
        len: u64,
    ) -> BoxFuture<'_, Result<Bytes, BucketError>> {
        let name = name.to_owned();
        self.run(move |files| files.get_range(&name, offset, len))
    }

    fn get_tail(&self, name: &str, len: u64) -> BoxFuture<'_, Result<(Bytes, u64), BucketError>> {
        let name = name.to_owned();
        self.run(move |files| files.get_tail(&name, len))
    }

    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<ObjectMeta>, BucketError>> {
        let prefix = prefix.to_owned();
        self.run(move |files| files.list(&prefix))
    }

    fn delete(&self, name: &str) -> BoxFuture<'_, Result<(), BucketError>> {
        let name = name.to_owned();
        self.run(move |files| files.delete(&name))
    }
}

struct Files {
    disk: Arc<dyn Disk>,
    next_draft: AtomicU64,
}

impl Files {
    fn put_new(&self, name: &str, content: &[u8]) -> Result<Put, BucketError> {
        let path = object_path(name)?;
        let number = self.next_draft.fetch_add(1, Ordering::Relaxed);
        let draft = Path::new(DRAFTS_DIR).join(number.to_string());
        let put = self.link_draft(&draft, &path, content);
        // A draft that stays is removed at the next start.
        let removed = self.disk.remove(&draft);
        if let (Err(error), true) = (removed, put.is_ok()) {
            tracing::warn!(%error, ?draft, "could not remove the draft of an object");
        }
        put.map_err(|error| explain(name, &error))
    }

    fn link_draft(&self, draft: &Path, path: &Path, content: &[u8]) -> io::Result<Put> {
        let folder = path.parent().expect("objects lie in a folder");
        self.disk.create_dir_all(folder)?;
        let mut file = self.disk.create_new(draft)?;
        file.append(content)?;
        file.sync()?;
        let put = match self.disk.link_new(draft, path) {
            Ok(()) => Put::Created,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Put::Exists,
            Err(error) => return Err(error),
        };
        // Also where it exists: who put it may have died before this.
        self.disk.sync_dir(folder)?;
        Ok(put)
    }

    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Bytes, BucketError> {
        let file = self.disk.open(&object_path(name)?).map_err(|error| explain(name, &error))?;
        let size = file.len().map_err(|error| explain(name, &error))?;
        let end = offset.checked_add(len).filter(|end| *end <= size);
        let Some(end) = end else {
            let (name, end) = (name.to_owned(), offset.saturating_add(len));
            return Err(BucketError::OutOfRange { name, offset, end });
        };
        let mut content = vec![0; (end - offset) as usize];
        file.read_exact_at(offset, &mut content).map_err(|error| explain(name, &error))?;
        Ok(Bytes::from(content))
    }

    fn get_tail(&self, name: &str, len: u64) -> Result<(Bytes, u64), BucketError> {
        let file = self.disk.open(&object_path(name)?).map_err(|error| explain(name, &error))?;
        let size = file.len().map_err(|error| explain(name, &error))?;
        let len = len.min(size);
        let mut content = vec![0; len as usize];
        file.read_exact_at(size - len, &mut content).map_err(|error| explain(name, &error))?;
        Ok((Bytes::from(content), size))
    }

    fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, BucketError> {
        let mut found = Vec::new();
        // Only the folder that the prefix names can hold such objects.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut folders = vec![folder.to_owned()];
        if !folder.is_empty() {
            object_path(folder)?;
        }
        while let Some(folder) = folders.pop() {
            let entries = match self.disk.list(&Path::new(OBJECTS_DIR).join(&folder)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(|error| explain(prefix, &error))?,
            };
            for entry in entries {
                let slash = if folder.is_empty() { "" } else { "/" };
                let name = format!("{folder}{slash}{}", entry.name);
                if entry.is_dir && (name.starts_with(prefix) || prefix.starts_with(&name)) {
                    folders.push(name);
                } else if !entry.is_dir && name.starts_with(prefix) {
                    found.push(ObjectMeta { name, len: entry.len });
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn delete(&self, name: &str) -> Result<(), BucketError> {
        let path = object_path(name)?;
        let folder = path.parent().expect("objects lie in a folder");
        match self.disk.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(explain(name, &error)),
            Ok(()) => self.disk.sync_dir(folder).map_err(|error| explain(name, &error)),
        }
    }
}

/// The file of an object. Names are made by us, yet some end in words of our users.
fn object_path(name: &str) -> Result<PathBuf, BucketError> {
    let is_valid = name.len() <= OBJECT_NAME_BYTES_MAX
        && name.split('/').all(|part| {
            !matches!(part, "" | "." | "..")
                && part.len() <= NAME_PART_BYTES_MAX
                && !part.chars().any(|c| c.is_control() || c == '\\')
        });
    if !is_valid {
        return Err(BucketError::Unavailable(format!("object name {name:?} is not valid")));
    }
    Ok(Path::new(OBJECTS_DIR).join(name))
}

fn explain(name: &str, error: &io::Error) -> BucketError {
    match error.kind() {
        io::ErrorKind::NotFound => BucketError::NotFound(name.to_owned()),
        _ => BucketError::Unavailable(format!("object {name:?}: {error}")),
    }
}
