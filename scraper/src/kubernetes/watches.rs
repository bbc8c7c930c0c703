//! The watches of a cluster, each run once for all.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::kubernetes::object_meta::Watchable;
use crate::kubernetes::watch::{Store, Watch};
use crate::kubernetes::watch_loop::{self, Selection};

type Key = (&'static str, Selection);

/// Those that run at the moment; one that nobody holds ends.
#[derive(Default)]
pub struct Watches {
    running: Mutex<HashMap<Key, Weak<dyn Any + Send + Sync>>>,
}

impl Watches {
    /// The watch of these objects: the running one, or a new one.
    pub fn get<T: Watchable>(&self, client: &kube::Client, selection: Selection) -> Arc<Watch<T>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (T::PLURAL, selection);
        let known = running.get(&key).and_then(Weak::upgrade);
        if let Some(known) = known.and_then(|known| known.downcast::<Watch<T>>().ok()) {
            return known;
        }
        running.retain(|_, watch| watch.strong_count() > 0);
        let selection = key.1.clone();
        let store = Arc::new(Store::<T>::new(name_of::<T>(&selection)));
        let task = tokio::spawn(watch_loop::run(client.clone(), selection, Arc::clone(&store)));
        let watch = Arc::new(Watch::new(store, task.abort_handle()));
        let weak: Weak<Watch<T>> = Arc::downgrade(&watch);
        running.insert(key, weak);
        watch
    }

    /// How many run.
    pub fn count(&self) -> usize {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.values().filter(|watch| watch.strong_count() > 0).count()
    }
}

/// `pods in namespace "a" with labels "b=c"`
fn name_of<T: Watchable>(selection: &Selection) -> String {
    let mut name = T::PLURAL.to_owned();
    match &selection.namespace {
        Some(namespace) => name.push_str(&format!(" in namespace {namespace:?}")),
        None if T::NAMESPACED => name.push_str(" in all namespaces"),
        None => {}
    }
    if let Some(label) = &selection.label {
        name.push_str(&format!(" with labels {label:?}"));
    }
    if let Some(field) = &selection.field {
        name.push_str(&format!(" with fields {field:?}"));
    }
    name
}
