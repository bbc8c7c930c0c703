//! The data directory: who may use it, and its version.
//!
//! `LOCK` is held for as long as a process uses the directory. `FORMAT` says in one line that this
//! is ours and which version of the layout it has. What else lies here and is not known to us is
//! left alone. `docs/formats/data_directory.md` draws the tree.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::durable_folder::{make_durably, sync_folder};
use crate::local_bucket::BUCKET_DIR;
use crate::log_layout::LOG_DIR;

/// The version of the layout that is written, and the newest that is read.
pub const FORMAT_VERSION: u32 = 1;
/// The file that holds the version.
pub const FORMAT_FILE: &str = "FORMAT";
/// The file that one process holds.
pub const LOCK_FILE: &str = "LOCK";

const FORMAT_MAGIC: &str = "hearth-data-directory";
const FORMAT_DRAFT: &str = "FORMAT.tmp";

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirectoryError {
    /// Another process is at work here.
    #[error(
        "data directory {} is in use by process {holder}; stop that process, or choose another \
         directory",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Its process id, as far as known.
        holder: String,
    },
    /// Made by a newer program.
    #[error(
        "data directory {} has format version {found}, this program reads up to {FORMAT_VERSION}; \
         start the newer program that wrote it",
        path.display()
    )]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// There is data, but no valid word on its format.
    #[error(
        "data directory {}: {reason}; restore the file {FORMAT_FILE}, which holds the line \
         \"{FORMAT_MAGIC} VERSION\", or choose another directory",
        path.display()
    )]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file system refused.
    #[error("data directory {}: {source}", path.display())]
    Disk {
        /// The directory or file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// A data directory that is ours until this is dropped.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    /// Closing it ends the lock.
    _lock: File,
}

impl DataDirectory {
    /// Makes the directory where it is missing, locks it and checks its format.
    pub fn open(path: &Path) -> Result<Self, DataDirectoryError> {
        let refused = |source| DataDirectoryError::Disk { path: path.to_owned(), source };
        make_durably(path).map_err(refused)?;
        let path = fs::canonicalize(path).map_err(refused)?;
        let lock = lock(&path)?;
        check_format(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn lock(path: &Path) -> Result<File, DataDirectoryError> {
    let file_path = path.join(LOCK_FILE);
    let refused = |source| DataDirectoryError::Disk { path: file_path.clone(), source };
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
    let mut file = options.open(&file_path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The process id is a courtesy: without it the message still says what to do.
            let _ = file.read_to_string(&mut holder);
            let known = !holder.trim().is_empty();
            let holder = if known { holder.trim() } else { "(unknown)" }.to_owned();
            return Err(DataDirectoryError::InUse { path: path.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(refused(source)),
    }
    let noted = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    noted.map_err(refused)?;
    Ok(file)
}

fn check_format(path: &Path) -> Result<(), DataDirectoryError> {
    let refused = |source| DataDirectoryError::Disk { path: path.join(FORMAT_FILE), source };
    let not_ours = |reason: String| DataDirectoryError::NotOurs { path: path.to_owned(), reason };
    match fs::read(path.join(FORMAT_FILE)) {
        Ok(content) => match parse_format(&content) {
            Some(found) if found > FORMAT_VERSION => {
                Err(DataDirectoryError::Newer { path: path.to_owned(), found })
            }
            Some(0) | None => Err(not_ours(format!("{FORMAT_FILE} is not valid"))),
            Some(_) => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match [LOG_DIR, BUCKET_DIR].iter().find(|name| path.join(name).exists()) {
                Some(name) => {
                    Err(not_ours(format!("{FORMAT_FILE} is missing, yet {name} is there")))
                }
                None => write_format(path).map_err(refused),
            }
        }
        Err(error) => Err(refused(error)),
    }
}

fn parse_format(content: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(content).ok()?;
    // Later versions may add lines; the first stays.
    let version = text.lines().next()?.strip_prefix(FORMAT_MAGIC)?.strip_prefix(' ')?;
    version.parse().ok()
}

fn write_format(path: &Path) -> io::Result<()> {
    let draft = path.join(FORMAT_DRAFT);
    let mut file = File::create(&draft)?;
    writeln!(file, "{FORMAT_MAGIC} {FORMAT_VERSION}")?;
    file.sync_all()?;
    fs::rename(&draft, path.join(FORMAT_FILE))?;
    sync_folder(path)
}
