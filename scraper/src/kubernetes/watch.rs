//! The objects of one kind, kept up to date for many listeners.
//!
//! What was known stays while the API server cannot be asked; a new list replaces it in one step.
//! Only true changes wake: an object that reads the same after trimming is kept as it was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::task::AbortHandle;

use crate::kubernetes::inbox::{Feed, Inbox};
use crate::kubernetes::object_meta::{ObjectKey, Watchable};

/// The objects of a watch.
pub type Objects<T> = HashMap<ObjectKey, Arc<T>>;

/// A running watch; it ends with the last handle to it.
pub struct Watch<T> {
    store: Arc<Store<T>>,
    task: AbortHandle,
}

impl<T> Watch<T> {
    /// What keeps `store` up to date runs in `task`.
    pub fn new(store: Arc<Store<T>>, task: AbortHandle) -> Self {
        Self { store, task }
    }

    /// What is known.
    pub fn store(&self) -> &Store<T> {
        &self.store
    }
}

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a watch knows.
pub struct Store<T> {
    /// What is watched, in words.
    name: String,
    state: Mutex<State<T>>,
}

struct State<T> {
    objects: Objects<T>,
    synced: bool,
    trouble: Option<String>,
    listeners: Vec<(Feed, Weak<Inbox>)>,
}

impl<T: Watchable> Store<T> {
    /// Nothing known yet. `name` stands in errors.
    pub fn new(name: String) -> Self {
        let state =
            State { objects: Objects::new(), synced: false, trouble: None, listeners: Vec::new() };
        Self { name, state: Mutex::new(state) }
    }

    /// Whether the objects were ever listed completely.
    pub fn is_synced(&self) -> bool {
        self.lock().synced
    }

    /// Why the watch fails at the moment.
    pub fn trouble(&self) -> Option<String> {
        self.lock().trouble.as_ref().map(|reason| format!("{}: {reason}", self.name))
    }

    /// One object.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<T>> {
        self.lock().objects.get(key).cloned()
    }

    /// All objects, in no order.
    pub fn all(&self) -> Vec<Arc<T>> {
        self.lock().objects.values().cloned().collect()
    }

    /// Tells an inbox of all changes from now on.
    pub fn listen(&self, feed: Feed, inbox: &Arc<Inbox>) {
        self.lock().listeners.push((feed, Arc::downgrade(inbox)));
    }

    /// Puts a whole list in force.
    pub fn replace(&self, mut list: Objects<T>) {
        let mut state = self.lock();
        let mut changed = Vec::new();
        for (key, new) in &mut list {
            match state.objects.get(key) {
                // One copy is enough.
                Some(old) if *old == *new => *new = Arc::clone(old),
                _ => changed.push(key.clone()),
            }
        }
        changed.extend(state.objects.keys().filter(|key| !list.contains_key(*key)).cloned());
        state.objects = list;
        let news = !state.synced || state.trouble.is_some() || !changed.is_empty();
        state.synced = true;
        state.trouble = None;
        if news {
            state.tell(&changed);
        }
    }

    /// An object is new or has changed.
    pub fn apply(&self, object: T) {
        let key = object.meta().key();
        let mut state = self.lock();
        if state.objects.get(&key).is_some_and(|old| **old == object) {
            return;
        }
        state.objects.insert(key.clone(), Arc::new(object));
        state.tell(&[key]);
    }

    /// An object is gone.
    pub fn delete(&self, key: ObjectKey) {
        let mut state = self.lock();
        if state.objects.remove(&key).is_some() {
            state.tell(&[key]);
        }
    }

    /// Notes how the watch fares; `None` is well.
    pub fn set_trouble(&self, trouble: Option<String>) {
        let mut state = self.lock();
        if state.trouble != trouble {
            if let Some(reason) = &trouble {
                tracing::warn!(watch = self.name, reason, "watch failed");
            }
            state.trouble = trouble;
            state.tell(&[]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn tell(&mut self, keys: &[ObjectKey]) {
        self.listeners.retain(|(feed, inbox)| {
            let Some(inbox) = inbox.upgrade() else { return false };
            inbox.note(*feed, keys.iter().cloned());
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::object::Namespace;
    use crate::kubernetes::object_meta::Meta;

    fn namespace(name: &str, uid: &str) -> Namespace {
        let metadata = Meta { name: name.into(), uid: uid.into(), ..Meta::default() };
        Namespace { metadata }
    }

    fn list(objects: &[Namespace]) -> Objects<Namespace> {
        objects.iter().map(|one| (one.metadata.key(), Arc::new(one.clone()))).collect()
    }

    fn names(inbox: &Inbox) -> Vec<String> {
        inbox.take().into_iter().map(|(_, key)| key.to_string()).collect()
    }

    #[test]
    fn only_true_changes_are_told() {
        let store = Store::new("namespaces".to_owned());
        let inbox = Arc::new(Inbox::default());
        store.listen(Feed::Main, &inbox);
        store.replace(list(&[namespace("a", "1"), namespace("b", "1"), namespace("c", "1")]));
        assert_eq!(names(&inbox), ["a", "b", "c"]);
        store.apply(namespace("a", "1"));
        assert_eq!(names(&inbox), [""; 0]);
        store.apply(namespace("a", "2"));
        store.delete(ObjectKey::new("", "c"));
        store.delete(ObjectKey::new("", "never"));
        assert_eq!(names(&inbox), ["a", "c"]);
        store.replace(list(&[namespace("a", "2"), namespace("d", "1")]));
        assert_eq!(names(&inbox), ["b", "d"]);
        assert_eq!(store.all().len(), 2);
    }

    #[test]
    fn what_was_known_stays_in_trouble() {
        let store = Store::new("namespaces".to_owned());
        assert!(!store.is_synced());
        store.replace(list(&[namespace("a", "1")]));
        store.set_trouble(Some("gone".to_owned()));
        assert_eq!(store.trouble().as_deref(), Some("namespaces: gone"));
        assert!(store.is_synced() && store.get(&ObjectKey::new("", "a")).is_some());
        store.set_trouble(None);
        assert_eq!(store.trouble(), None);
    }

    #[test]
    fn listeners_that_are_gone_are_forgotten() {
        let store = Store::new("namespaces".to_owned());
        drop(Arc::new(Inbox::default()));
        let inbox = Arc::new(Inbox::default());
        store.listen(Feed::Node, &inbox);
        drop(inbox);
        store.apply(namespace("a", "1"));
        assert!(store.lock().listeners.is_empty());
    }
}
