//! Objects of an API server in memory: versions, apply, watch.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

/// Where an object lies: its collection's path without a namespace, its namespace, its name.
pub type Key = (String, String, String);

/// What happened to an object.
#[derive(Clone, Debug)]
pub struct Change {
    pub collection: String,
    pub namespace: String,
    pub kind: &'static str,
    pub object: Value,
}

/// Objects and who watches them.
#[derive(Default)]
pub struct Objects {
    pub all: BTreeMap<Key, Value>,
    applied: BTreeMap<(Key, String, bool), Value>,
    version: u64,
    uids: u64,
    pub watchers: Vec<mpsc::UnboundedSender<Change>>,
    pub history: VecDeque<Change>,
}

impl Objects {
    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn get(&self, key: &Key) -> Option<&Value> {
        self.all.get(key)
    }

    /// Server-side apply, near enough: fields that the manager no longer names go, the others are
    /// merged. Nothing changes where nothing differs.
    pub fn apply(&mut self, key: &Key, manager: &str, status: bool, patch: &Value) -> Value {
        let before = self.all.get(key).cloned().unwrap_or_else(|| json!({}));
        let mut after = before.clone();
        let mark = (key.clone(), manager.to_owned(), status);
        let part = if status { json!({"status": patch["status"]}) } else { patch.clone() };
        if let Some(last) = self.applied.get(&mark) {
            remove_dropped(&mut after, last, &part);
        }
        merge(&mut after, &part);
        self.applied.insert(mark, part);
        self.put(key, before, after)
    }

    /// A JSON merge patch.
    pub fn merge(&mut self, key: &Key, patch: &Value) -> Value {
        let before = self.all.get(key).cloned().unwrap_or_else(|| json!({}));
        let mut after = before.clone();
        merge_patch(&mut after, patch);
        after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
        self.put(key, before, after)
    }

    /// Puts a whole object in place.
    pub fn set(&mut self, key: &Key, object: Value) -> Value {
        let before = self.all.get(key).cloned().unwrap_or_else(|| json!({}));
        let mut after = object;
        for field in ["uid", "creationTimestamp", "generation", "resourceVersion"] {
            if !before["metadata"][field].is_null() {
                after["metadata"][field] = before["metadata"][field].clone();
            }
        }
        self.put(key, before, after)
    }

    fn put(&mut self, key: &Key, before: Value, mut after: Value) -> Value {
        let fresh = before["metadata"]["uid"].is_null();
        after["metadata"]["name"] = json!(key.2);
        if !key.1.is_empty() {
            after["metadata"]["namespace"] = json!(key.1);
        }
        if fresh {
            self.uids += 1;
            after["metadata"]["uid"] = json!(format!("uid-{}", self.uids));
            after["metadata"]["creationTimestamp"] = json!("2026-11-22T00:00:00Z");
            after["metadata"]["generation"] = json!(1);
        } else if before["spec"] != after["spec"] {
            let generation = before["metadata"]["generation"].as_i64().unwrap_or(1);
            after["metadata"]["generation"] = json!(generation + 1);
        }
        default(key, &mut after);
        if after == before {
            return after;
        }
        self.version += 1;
        after["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let deleting = !after["metadata"]["deletionTimestamp"].is_null();
        let held = after["metadata"]["finalizers"].as_array().is_some_and(|f| !f.is_empty());
        if deleting && !held {
            self.all.remove(key);
            self.tell(key, "DELETED", after.clone());
            self.collect(&after);
            return after;
        }
        self.all.insert(key.clone(), after.clone());
        self.tell(key, if fresh { "ADDED" } else { "MODIFIED" }, after.clone());
        after
    }

    /// Deletes, or marks as deleted where a finalizer holds it. Without `orphan`, children go too.
    pub fn delete(&mut self, key: &Key, orphan: bool) -> Option<Value> {
        let object = self.all.get(key)?.clone();
        if object["metadata"]["finalizers"].as_array().is_some_and(|f| !f.is_empty()) {
            let mut marked = object.clone();
            marked["metadata"]["deletionTimestamp"] = json!("2026-11-22T01:00:00Z");
            return Some(self.put(key, object, marked));
        }
        self.all.remove(key);
        self.applied.retain(|(applied, _, _), _| applied != key);
        self.version += 1;
        let mut gone = object;
        gone["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.tell(key, "DELETED", gone.clone());
        if !orphan {
            self.collect(&gone);
        }
        Some(gone)
    }

    /// The garbage collector: what belongs to a deleted object goes.
    fn collect(&mut self, owner: &Value) {
        let uid = &owner["metadata"]["uid"];
        let owned = |object: &Value| {
            let owners = object["metadata"]["ownerReferences"].as_array();
            owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == *uid))
        };
        let keys: Vec<Key> =
            self.all.iter().filter(|(_, o)| owned(o)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.delete(&key, false);
        }
    }

    fn tell(&mut self, key: &Key, kind: &'static str, object: Value) {
        let change = Change { collection: key.0.clone(), namespace: key.1.clone(), kind, object };
        self.history.push_back(change.clone());
        self.watchers.retain(|watcher| watcher.send(change.clone()).is_ok());
    }
}

/// What the real one fills in, so that drift and defaults must be told apart.
fn default(key: &Key, object: &mut Value) {
    if key.0.ends_with("/services") && object["spec"]["clusterIP"].is_null() {
        object["spec"]["clusterIP"] = json!("10.96.0.7");
        object["spec"]["sessionAffinity"] = json!("None");
    }
    if key.0.ends_with("/statefulsets") {
        object["spec"]["revisionHistoryLimit"] = json!(10);
        object["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
    }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (field, value) in from {
                merge(into.entry(field.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn merge_patch(into: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    for (field, value) in fields {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(field);
        } else {
            merge_patch(&mut into[field], value);
        }
    }
}

fn remove_dropped(from: &mut Value, last: &Value, now: &Value) {
    let (Value::Object(from), Value::Object(last)) = (from, last) else { return };
    for (field, was) in last {
        match now.get(field) {
            None => {
                from.remove(field);
            }
            Some(now) => {
                if let Some(from) = from.get_mut(field) {
                    remove_dropped(from, was, now);
                }
            }
        }
    }
}
