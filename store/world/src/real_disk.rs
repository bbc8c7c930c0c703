//! The data directory on a real file system.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::data_directory::DataDirectory;
use crate::disk::{DirEntry, Disk, DiskFile};
use crate::durable_folder::sync_folder;

/// Folders remembered as durable: those of a few thousand workspaces. Beyond, all are forgotten,
/// which only costs syncs.
const FOLDERS_KNOWN_MAX: usize = 16 * 1024;

/// All files of one data directory, which stays locked as long as this lives.
#[derive(Debug)]
pub struct RealDisk {
    directory: Arc<DataDirectory>,
    durable: Mutex<BTreeSet<PathBuf>>,
}

impl RealDisk {
    /// The disk of a data directory that was opened.
    pub fn new(directory: Arc<DataDirectory>) -> Self {
        Self { directory, durable: Mutex::default() }
    }

    /// # Errors
    /// `InvalidInput` for a path that leaves the data directory.
    fn at(&self, path: &Path) -> io::Result<PathBuf> {
        let stays =
            path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !stays {
            let why = format!("path {} leaves the data directory", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        Ok(self.directory.path().join(path))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut durable = self.durable.lock().expect("nobody panics with this lock");
        if path == self.directory.path() || durable.contains(path) {
            return Ok(());
        }
        drop(durable);
        let parent = path.parent().expect("the path lies below the data directory");
        self.make_folder(parent)?;
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            other => other?,
        }
        // Also where it was there already: who made it may have died before this.
        sync_folder(parent)?;
        durable = self.durable.lock().expect("nobody panics with this lock");
        if durable.len() >= FOLDERS_KNOWN_MAX {
            durable.clear();
        }
        durable.insert(path.to_owned());
        Ok(())
    }
}

impl Disk for RealDisk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        // Samples, alerts and the key of the secrets are nobody else's business.
        options.read(true).append(true).create_new(true).mode(0o600);
        Ok(Box::new(RealFile(options.open(self.at(path)?)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile(OpenOptions::new().read(true).append(true).open(self.at(path)?)?)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(self.at(path)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.at(from)?, self.at(to)?)
    }

    fn link_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(self.at(from)?, self.at(to)?)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(self.at(path)?)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let path = self.at(path)?;
        let mut durable = self.durable.lock().expect("nobody panics with this lock");
        durable.retain(|known| !known.starts_with(&path));
        drop(durable);
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.make_folder(&self.at(path)?)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        sync_folder(&self.at(path)?)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.at(path)?)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            match entry.metadata() {
                Ok(meta) => {
                    let len = if meta.is_dir() { 0 } else { meta.len() };
                    found.push(DirEntry { name, is_dir: meta.is_dir(), len });
                }
                // Removed while we looked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn describe(&self, path: &Path) -> PathBuf {
        self.directory.path().join(path)
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        // Also makes the new length durable; only times are left out.
        self.0.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}
