//! The local disk: files appended, synced, renamed by name.
//!
//! Every call blocks: call it from [`crate::tasks::run_blocking`] or a thread that may wait. What
//! is not synced may be lost by a crash, in any order, torn at any byte; a name may be lost until
//! its folder is synced. Paths are relative to the data directory.

use std::io;
use std::path::{Path, PathBuf};

/// A file that is open for appending and reading.
pub trait DiskFile: Send + Sync {
    /// Writes all of `bytes` at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns once everything appended so far survives a crash.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to `len` bytes.
    fn truncate(&mut self, len: u64) -> io::Result<()>;

    /// Fills `buffer` from `offset`; an error of kind `UnexpectedEof` where the file is shorter.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// How many bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether there is no byte.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The last component alone.
    pub name: String,
    /// Whether it is a folder.
    pub is_dir: bool,
    /// Bytes; 0 for a folder.
    pub len: u64,
}

/// The data directory.
pub trait Disk: Send + Sync + 'static {
    /// Creates a file that must not exist yet (`AlreadyExists` else).
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file that exists, for appending and reading.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// The whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Moves a file onto a name, replacing what stood there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name that must not exist yet (`AlreadyExists` else).
    fn link_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder and all in it; fine where there is none.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder and its parents, durably.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// The names in a folder, sorted; `NotFound` where there is no such folder.
    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>>;

    /// Where a person finds this path, for messages.
    fn describe(&self, path: &Path) -> PathBuf;
}
