//! The last known state of a kind, and who hears of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use kube::{Resource, ResourceExt};
use tokio::sync::watch;

use crate::settings::ObjectName;

/// Name and namespace of an object; the namespace is empty for kinds without one.
pub fn name_of<K: Resource>(object: &K) -> ObjectName {
    ObjectName { namespace: object.namespace().unwrap_or_default(), name: object.name_any() }
}

/// Called with what was and what is; `None` where there was or is nothing.
type Listener<K> = Box<dyn Fn(Option<&K>, Option<&K>) + Send + Sync>;

/// Objects by name, as the watches told.
///
/// Everybody shares one cache a kind. Own writes are put in at once ([`Cache::put`]), so that the
/// next reconcile sees them even where the watch lags behind.
pub struct Cache<K> {
    inner: RwLock<Inner<K>>,
    synced: watch::Sender<bool>,
}

struct Inner<K> {
    objects: BTreeMap<ObjectName, Arc<K>>,
    undecodable: BTreeMap<ObjectName, String>,
    listeners: Vec<Listener<K>>,
    /// Watches that have not listed everything yet.
    unsynced: BTreeSet<usize>,
}

impl<K: Resource> Cache<K> {
    /// An empty cache that `watches` watches will fill.
    pub fn new(watches: usize) -> Self {
        let inner = Inner {
            objects: BTreeMap::new(),
            undecodable: BTreeMap::new(),
            listeners: Vec::new(),
            unsynced: (0..watches).collect(),
        };
        Self { inner: RwLock::new(inner), synced: watch::Sender::new(watches == 0) }
    }

    /// The object of a name.
    pub fn get(&self, name: &ObjectName) -> Option<Arc<K>> {
        self.read(|inner| inner.objects.get(name).cloned())
    }

    /// Every object, by namespace and name.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.read(|inner| inner.objects.values().cloned().collect())
    }

    /// The names of all objects, the undecodable ones included.
    pub fn names(&self) -> BTreeSet<ObjectName> {
        self.read(|inner| inner.objects.keys().chain(inner.undecodable.keys()).cloned().collect())
    }

    /// Why the newest state of an object cannot be understood; [`Cache::get`] keeps answering with
    /// the last state that could.
    pub fn undecodable(&self, name: &ObjectName) -> Option<String> {
        self.read(|inner| inner.undecodable.get(name).cloned())
    }

    /// How many objects there are, and how many of them cannot be understood.
    pub fn counts(&self) -> (usize, usize) {
        self.read(|inner| (inner.objects.len(), inner.undecodable.len()))
    }

    /// Whether everything has been listed once. Absence means nothing before.
    pub fn synced(&self) -> bool {
        *self.synced.borrow()
    }

    /// Turns true when everything has been listed once.
    pub fn sync(&self) -> watch::Receiver<bool> {
        self.synced.subscribe()
    }

    /// Waits until everything has been listed once.
    pub async fn wait_synced(&self) {
        // The sender lives in `self`, so it cannot be gone.
        let _ = self.sync().wait_for(|synced| *synced).await;
    }

    /// Calls `listener` for every object there is and on every change from now on. It runs under
    /// the cache's lock: it must be quick and must not ask the cache.
    pub fn listen(&self, listener: impl Fn(Option<&K>, Option<&K>) + Send + Sync + 'static) {
        self.write(|inner| {
            for object in inner.objects.values() {
                listener(None, Some(object));
            }
            inner.listeners.push(Box::new(listener));
        });
    }

    /// Takes in an object, unless it is older than the known one.
    pub fn put(&self, object: K) {
        let name = name_of(&object);
        self.write(|inner| {
            let known = inner.objects.get(&name);
            if known.is_some_and(|known| older(&object, known.as_ref())) {
                return;
            }
            inner.set(name, Some(Arc::new(object)));
        });
    }

    /// Takes in that an object is gone.
    pub fn remove(&self, name: &ObjectName) {
        self.write(|inner| inner.set(name.clone(), None));
    }

    /// Takes in that an object's newest state cannot be understood.
    pub fn put_undecodable(&self, name: ObjectName, error: String) {
        self.write(|inner| {
            inner.undecodable.insert(name, error);
        });
    }

    /// Takes in a whole listing of one watch, which covers `namespace` (everything where `None`).
    pub fn replace(
        &self,
        watch: usize,
        namespace: Option<&str>,
        listed: Vec<K>,
        undecodable: BTreeMap<ObjectName, String>,
    ) {
        let done = self.write(|inner| {
            let covers = |name: &ObjectName| namespace.is_none_or(|ns| ns == name.namespace);
            let mut gone: BTreeSet<ObjectName> =
                inner.objects.keys().filter(|name| covers(name)).cloned().collect();
            inner.undecodable.retain(|name, _| !covers(name));
            for object in listed {
                let name = name_of(&object);
                gone.remove(&name);
                let known = inner.objects.get(&name);
                if known.is_none_or(|known| known.resource_version() != object.resource_version()) {
                    inner.set(name, Some(Arc::new(object)));
                }
            }
            for name in gone.into_iter().filter(|name| !undecodable.contains_key(name)) {
                inner.set(name, None);
            }
            inner.undecodable.extend(undecodable);
            inner.unsynced.remove(&watch);
            inner.unsynced.is_empty()
        });
        if done {
            self.synced.send_replace(true);
        }
    }

    fn read<T>(&self, act: impl FnOnce(&Inner<K>) -> T) -> T {
        act(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, act: impl FnOnce(&mut Inner<K>) -> T) -> T {
        act(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K> Inner<K> {
    fn set(&mut self, name: ObjectName, object: Option<Arc<K>>) {
        self.undecodable.remove(&name);
        let before = match &object {
            Some(object) => self.objects.insert(name, object.clone()),
            None => self.objects.remove(&name),
        };
        if before.is_none() && object.is_none() {
            return;
        }
        for listener in &self.listeners {
            listener(before.as_deref(), object.as_deref());
        }
    }
}

/// Whether `new` is an older state of the same object than `known`. Versions are numbers in every
/// API server there is; where they are not, the one that came later counts.
fn older<K: Resource>(new: &K, known: &K) -> bool {
    let version = |object: &K| object.resource_version()?.parse::<u128>().ok();
    new.uid() == known.uid()
        && version(new).zip(version(known)).is_some_and(|(new, known)| new < known)
}

#[cfg(test)]
mod tests;
