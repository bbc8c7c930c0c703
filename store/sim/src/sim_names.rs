//! The names of a simulated disk, synced and not.
//!
//! Pure. Each change of a name waits until its folder is synced; a crash keeps or loses each that
//! waits, by itself. A rename is kept or lost as one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::seeded_random::SeededRandom;

/// Number of a file, whatever names it has.
pub type FileId = u64;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A folder.
    Folder,
    /// A file.
    File(FileId),
}

type Tree = BTreeMap<PathBuf, Node>;

#[derive(Clone, Debug)]
enum Change {
    Put(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, FileId),
}

impl Change {
    fn touches(&self, folder: &Path) -> bool {
        let inside = |path: &Path| path.parent() == Some(folder);
        match self {
            Self::Put(path, _) | Self::Remove(path) => inside(path),
            Self::Rename(from, to, _) => inside(from) || inside(to),
        }
    }

    fn apply(&self, tree: &mut Tree) {
        let has_parent = |path: &Path, tree: &Tree| {
            path.parent().is_none_or(|parent| {
                parent.as_os_str().is_empty() || tree.get(parent) == Some(&Node::Folder)
            })
        };
        match self {
            Self::Put(path, node) if has_parent(path, tree) => {
                tree.insert(path.clone(), *node);
            }
            Self::Put(..) => {}
            Self::Remove(path) => {
                let is_used = tree.keys().any(|name| name.parent() == Some(path));
                if !is_used {
                    tree.remove(path);
                }
            }
            Self::Rename(from, to, id) => {
                if has_parent(to, tree) {
                    tree.insert(to.clone(), Node::File(*id));
                    if tree.get(from) == Some(&Node::File(*id)) {
                        tree.remove(from);
                    }
                }
            }
        }
    }
}

/// All names.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// What everybody sees.
    pub current: Tree,
    durable: Tree,
    waiting: Vec<Change>,
}

impl Names {
    /// Gives a name to a file.
    pub fn put(&mut self, path: &Path, id: FileId) {
        self.change(Change::Put(path.to_owned(), Node::File(id)));
    }

    /// Takes a name away.
    pub fn remove(&mut self, path: &Path) {
        self.change(Change::Remove(path.to_owned()));
    }

    /// Moves a name.
    pub fn rename(&mut self, from: &Path, to: &Path, id: FileId) {
        self.change(Change::Rename(from.to_owned(), to.to_owned(), id));
    }

    /// Makes a folder, durable at once with its parents, as the port promises.
    pub fn make_folder(&mut self, path: &Path) {
        let mut folders: Vec<&Path> = path.ancestors().collect();
        folders.reverse();
        for folder in folders.into_iter().filter(|folder| !folder.as_os_str().is_empty()) {
            self.waiting.retain(|change| !matches!(change, Change::Remove(gone) if gone == folder));
            self.current.insert(folder.to_owned(), Node::Folder);
            self.durable.insert(folder.to_owned(), Node::Folder);
        }
    }

    /// Makes the names in a folder durable.
    pub fn sync(&mut self, folder: &Path) {
        for change in std::mem::take(&mut self.waiting) {
            if change.touches(folder) {
                change.apply(&mut self.durable);
            } else {
                self.waiting.push(change);
            }
        }
    }

    /// What a crash leaves.
    pub fn crash(&mut self, dice: &SeededRandom) {
        for change in std::mem::take(&mut self.waiting) {
            if dice.chance(500) {
                change.apply(&mut self.durable);
            }
        }
        self.current = self.durable.clone();
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.waiting.push(change);
    }
}
