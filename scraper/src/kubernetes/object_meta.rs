//! What all Kubernetes objects have: a key and metadata.

use std::collections::BTreeMap;
use std::fmt;

use compact_str::CompactString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::kubernetes::text::Text;

/// Namespace and name; the namespace is empty for objects of the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Where.
    pub namespace: Text,
    /// Which.
    pub name: CompactString,
}

impl ObjectKey {
    /// From texts.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: Text::new(namespace), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            return f.write_str(&self.name);
        }
        write!(f, "{}/{}", self.namespace.as_str(), self.name)
    }
}

/// A kind of object that can be watched.
pub trait Watchable:
    DeserializeOwned + Clone + fmt::Debug + PartialEq + Send + Sync + 'static
{
    /// `Pod`
    const KIND: &'static str;
    /// Empty for the core group.
    const GROUP: &'static str;
    /// `v1`
    const VERSION: &'static str;
    /// `pods`
    const PLURAL: &'static str;
    /// Whether it lies in a namespace.
    const NAMESPACED: bool;
    /// Its metadata.
    fn meta(&self) -> &Meta;
    /// The same, to change.
    fn meta_mut(&mut self) -> &mut Meta;
    /// Drops what is not needed although it was read.
    fn trim(&mut self) {}
}

/// Names to values, in order of the names.
pub type Pairs = BTreeMap<Text, Text>;

/// The part of the metadata that is of use.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Meta {
    /// Empty for objects of the whole cluster.
    pub namespace: Text,
    /// Unique in the namespace.
    pub name: CompactString,
    /// Unique for all time.
    pub uid: CompactString,
    /// Taken out by the watch: otherwise every update would look like a change.
    pub resource_version: CompactString,
    /// As set on the object.
    #[serde(deserialize_with = "or_default")]
    pub labels: Pairs,
    /// As set on the object.
    #[serde(deserialize_with = "or_default")]
    pub annotations: Pairs,
    /// Who made it.
    #[serde(rename = "ownerReferences", deserialize_with = "controller_of")]
    pub controller: Option<Owner>,
}

impl Meta {
    /// Its key.
    pub fn key(&self) -> ObjectKey {
        ObjectKey { namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// Drops labels and annotations.
    pub fn forget_words(&mut self) {
        self.labels.clear();
        self.annotations.clear();
    }
}

/// The owner that controls an object.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Owner {
    /// `ReplicaSet`
    pub kind: Text,
    /// In the same namespace.
    pub name: CompactString,
}

/// Reads null as nothing: Go writes empty lists so.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn controller_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Owner>, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Reference {
        kind: Text,
        name: CompactString,
        controller: Option<bool>,
    }
    let owners: Vec<Reference> = or_default(deserializer)?;
    let controller = owners.into_iter().find(|owner| owner.controller == Some(true));
    Ok(controller.map(|owner| Owner { kind: owner.kind, name: owner.name }))
}
