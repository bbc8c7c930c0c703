//! A disk that can lose whatever was not synced.
//!
//! Survives its processes. A handle belongs to the life in which it was opened: after a crash, or
//! once the power is gone, every call of that life fails and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use world::disk::{DirEntry, Disk, DiskFile};

use crate::executor::Executor;
use crate::faults::DiskFaults;
use crate::seeded_random::SeededRandom;
use crate::sim_file::FileBytes;
use crate::sim_names::{FileId, Names, Node};

/// The disk of one machine.
pub struct SimDisk {
    machine: Arc<Machine>,
    life: u64,
}

struct Machine {
    state: Mutex<State>,
    dice: SeededRandom,
    executor: Arc<Executor>,
    power_lost: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    names: Names,
    files: BTreeMap<FileId, FileBytes>,
    next_file: FileId,
    life: u64,
    faults: DiskFaults,
    /// After so many more calls the power goes.
    calls_left: Option<u64>,
}

/// The disk as the test sees it, from outside.
#[derive(Clone)]
pub struct DiskControl {
    machine: Arc<Machine>,
}

impl DiskControl {
    /// An empty disk.
    pub fn new(seed: u64, executor: Arc<Executor>) -> Self {
        let machine = Machine {
            state: Mutex::default(),
            dice: SeededRandom::new(seed, "disk"),
            executor,
            power_lost: watch::channel(false).0,
        };
        Self { machine: Arc::new(machine) }
    }

    /// The disk for a process that starts now.
    pub fn mount(&self) -> SimDisk {
        SimDisk { machine: self.machine.clone(), life: self.machine.lock().life }
    }

    /// How calls fail from now on.
    pub fn set_faults(&self, faults: DiskFaults) {
        self.machine.lock().faults = faults;
    }

    /// Takes the power away in the middle of the call after `calls` more calls.
    pub fn lose_power_after(&self, calls: u64) {
        self.machine.lock().calls_left = Some(calls.max(1));
    }

    /// Resolves when the power is gone.
    pub async fn power_lost(&self) {
        let mut lost = self.machine.power_lost.subscribe();
        // The sender lives as long as this.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// Power lost and back: what was not synced is kept or gone, as the seed says.
    pub fn crash(&self) {
        let mut state = self.machine.lock();
        self.machine.crash(&mut state);
        state.calls_left = None;
        drop(state);
        self.machine.power_lost.send_replace(false);
    }

    /// The process died, the machine did not: nothing is lost, yet old handles are dead.
    pub fn kill(&self) {
        let mut state = self.machine.lock();
        state.life += 1;
        state.calls_left = None;
    }

    /// Changes a byte on the disk, below all checks.
    ///
    /// # Panics
    /// Where there is no such byte.
    pub fn flip_byte(&self, path: &Path, offset: usize) {
        let mut state = self.machine.lock();
        let id = state.file(path).expect("the file is there");
        let file = state.files.get_mut(&id).expect("names lead to files");
        file.current[offset] ^= 0xff;
        file.sync();
    }
}

impl Machine {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn crash(&self, state: &mut State) {
        state.life += 1;
        state.names.crash(&self.dice);
        for file in state.files.values_mut() {
            file.crash(&self.dice);
        }
        let named: BTreeSet<FileId> = state.names.current.values().filter_map(node_file).collect();
        state.files.retain(|id, _| named.contains(id));
    }

    /// Begins a call: the state, unless the caller's life is over.
    fn begin(&self, life: u64, what: &[u8]) -> io::Result<MutexGuard<'_, State>> {
        let hash = what.iter().fold(0_u64, |hash, byte| hash.wrapping_mul(31) + u64::from(*byte));
        self.executor.note(hash);
        let mut state = self.lock();
        if state.life != life {
            return Err(io::Error::other("the power is gone"));
        }
        state.calls_left = state.calls_left.map(|left| left - 1);
        if state.calls_left != Some(0) {
            return Ok(state);
        }
        // In the middle of this call: done or not, nobody hears of it.
        state.calls_left = None;
        self.crash(&mut state);
        drop(state);
        self.power_lost.send_replace(true);
        Err(io::Error::other("the power is gone"))
    }

    fn fails(&self, per_mille: u64) -> io::Result<()> {
        if per_mille > 0 && self.dice.chance(per_mille) {
            return Err(io::Error::other("simulated fault"));
        }
        Ok(())
    }
}

impl State {
    fn file(&self, path: &Path) -> io::Result<FileId> {
        match self.names.current.get(path) {
            Some(Node::File(id)) => Ok(*id),
            Some(Node::Folder) => Err(io::Error::new(ErrorKind::IsADirectory, "is a folder")),
            None => Err(not_found()),
        }
    }

    fn has_room_for_name(&self, path: &Path) -> io::Result<()> {
        if self.names.current.contains_key(path) {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "the name is taken"));
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        match parent.map(|parent| self.names.current.get(parent)) {
            None | Some(Some(Node::Folder)) => Ok(()),
            Some(_) => Err(not_found()),
        }
    }

    /// How many of `wanted` bytes still fit.
    fn room(&self, wanted: usize) -> usize {
        let Some(bytes_max) = self.faults.bytes_max else { return wanted };
        // A file without a name gives its space back.
        let named: BTreeSet<FileId> = self.names.current.values().filter_map(node_file).collect();
        let used: u64 = named.iter().map(|id| self.files[id].current.len() as u64).sum();
        wanted.min(bytes_max.saturating_sub(used) as usize)
    }
}

fn node_file(node: &Node) -> Option<FileId> {
    match node {
        Node::File(id) => Some(*id),
        Node::Folder => None,
    }
}

fn not_found() -> io::Error {
    io::Error::new(ErrorKind::NotFound, "no such file or folder")
}

impl SimDisk {
    fn begin(&self, what: &str, path: &Path) -> io::Result<MutexGuard<'_, State>> {
        let path = path.as_os_str().as_encoded_bytes();
        self.machine.begin(self.life, &[what.as_bytes(), path].concat())
    }

    fn change(&self, what: &str, path: &Path) -> io::Result<MutexGuard<'_, State>> {
        let state = self.begin(what, path)?;
        self.machine.fails(state.faults.names)?;
        Ok(state)
    }

    fn handle(&self, id: FileId) -> Box<dyn DiskFile> {
        Box::new(SimFile { machine: self.machine.clone(), life: self.life, id })
    }
}

impl Disk for SimDisk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.change("create", path)?;
        state.has_room_for_name(path)?;
        state.next_file += 1;
        let id = state.next_file;
        state.files.insert(id, FileBytes::default());
        state.names.put(path, id);
        Ok(self.handle(id))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let state = self.change("open", path)?;
        Ok(self.handle(state.file(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.change("read", path)?;
        Ok(state.files[&state.file(path)?].current.clone())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.change("rename", from)?;
        let id = state.file(from)?;
        state.names.rename(from, to, id);
        Ok(())
    }

    fn link_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.change("link", to)?;
        let id = state.file(from)?;
        state.has_room_for_name(to)?;
        state.names.put(to, id);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change("remove", path)?;
        state.file(path)?;
        state.names.remove(path);
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change("remove all", path)?;
        let names = state.names.current.keys().rev();
        let inside: Vec<PathBuf> = names.filter(|name| name.starts_with(path)).cloned().collect();
        for name in inside {
            state.names.remove(&name);
        }
        Ok(())
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change("make folder", path)?;
        if path
            .ancestors()
            .any(|above| matches!(state.names.current.get(above), Some(Node::File(_))))
        {
            return Err(io::Error::new(ErrorKind::NotADirectory, "a file is in the way"));
        }
        state.names.make_folder(path);
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change("sync folder", path)?;
        state.names.sync(path);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let state = self.begin("list", path)?;
        let is_root = path.as_os_str().is_empty();
        if !is_root && state.names.current.get(path) != Some(&Node::Folder) {
            return Err(not_found());
        }
        let inside = state.names.current.iter().filter(|(name, _)| name.parent() == Some(path));
        let entries = inside.map(|(name, node)| DirEntry {
            name: name.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            is_dir: *node == Node::Folder,
            len: node_file(node).map_or(0, |id| state.files[&id].current.len() as u64),
        });
        let mut entries: Vec<DirEntry> = entries.collect();
        entries.sort_unstable();
        Ok(entries)
    }

    fn describe(&self, path: &Path) -> PathBuf {
        Path::new("/sim").join(path)
    }
}

struct SimFile {
    machine: Arc<Machine>,
    life: u64,
    id: FileId,
}

impl SimFile {
    fn begin(&self, what: &str) -> io::Result<MutexGuard<'_, State>> {
        self.machine.begin(self.life, &[what.as_bytes(), &self.id.to_le_bytes()].concat())
    }
}

impl State {
    fn bytes(&mut self, id: FileId) -> &mut FileBytes {
        self.files.get_mut(&id).expect("files stay while their life lasts")
    }
}

impl DiskFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        // The bytes are on their way when the power goes: begin only after they were written.
        {
            let mut state = self.machine.lock();
            if state.life == self.life && state.calls_left == Some(1) {
                state.bytes(self.id).append(bytes);
            }
        }
        let mut state = self.begin("append")?;
        let fault = self.machine.fails(state.faults.append);
        let part = match &fault {
            Ok(()) => bytes.len(),
            Err(_) => self.machine.dice.below(bytes.len() as u64) as usize,
        };
        let room = state.room(part);
        state.bytes(self.id).append(&bytes[..room]);
        fault?;
        if room < bytes.len() {
            return Err(io::Error::new(ErrorKind::StorageFull, "no space left"));
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.begin("sync")?;
        if let Err(fault) = self.machine.fails(state.faults.sync) {
            state.bytes(self.id).sync_failing(&self.machine.dice);
            return Err(fault);
        }
        state.bytes(self.id).sync();
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.begin("truncate")?;
        self.machine.fails(state.faults.append)?;
        state.bytes(self.id).truncate(len as usize);
        Ok(())
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut state = self.begin("read at")?;
        let bytes = &state.bytes(self.id).current;
        let end = (offset as usize).checked_add(buffer.len()).filter(|end| *end <= bytes.len());
        let Some(end) = end else {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the file is shorter"));
        };
        buffer.copy_from_slice(&bytes[offset as usize..end]);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.begin("len")?.bytes(self.id).current.len() as u64)
    }
}
