//! Values that monitors take from Secrets and ConfigMaps.
//!
//! Only ever of the monitor's own namespace.

use serde::Deserialize;

/// Where a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueSource {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

impl ValueSource {
    /// As manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }
}

/// One object that holds values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueObject {
    /// Which kind.
    pub source: ValueSource,
    /// Where it lies.
    pub namespace: String,
    /// What it is called.
    pub name: String,
}

/// Gives values.
pub trait Values {
    /// The text under a key; `Err`: why there is none, and what cures it.
    fn value(&self, object: &ValueObject, key: &str) -> Result<String, String>;
}

/// A key of an object, as other operators write it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct KeyRef {
    /// The object's name.
    pub name: String,
    /// The key in it.
    pub key: String,
    /// Whether it may be missing.
    pub optional: Option<bool>,
}

/// A Secret's key or a ConfigMap's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AnyKeyRef {
    /// Of a Secret.
    pub secret: Option<KeyRef>,
    /// Of a ConfigMap.
    pub config_map: Option<KeyRef>,
}

/// Reads what a field refers to; the reason of a failure names the field.
pub struct Reader<'a> {
    /// The monitor's own.
    pub namespace: &'a str,
    /// Gives the values.
    pub values: &'a dyn Values,
}

impl Reader<'_> {
    /// A Secret's key.
    pub fn secret(&self, field: &str, at: &KeyRef) -> Result<String, String> {
        self.read(field, ValueSource::Secret, at)
    }

    /// Either one; `None` where neither is named.
    pub fn any(&self, field: &str, at: &AnyKeyRef) -> Result<Option<String>, String> {
        match (&at.secret, &at.config_map) {
            (Some(_), Some(_)) => Err(format!("{field}: names both a secret and a configMap")),
            (Some(at), None) => self.read(field, ValueSource::Secret, at).map(Some),
            (None, Some(at)) => self.read(field, ValueSource::ConfigMap, at).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn read(&self, field: &str, source: ValueSource, at: &KeyRef) -> Result<String, String> {
        if at.name.is_empty() || at.key.is_empty() {
            return Err(format!("{field}: needs a name and a key"));
        }
        let (namespace, name) = (self.namespace.to_owned(), at.name.clone());
        let object = ValueObject { source, namespace, name };
        match self.values.value(&object, &at.key) {
            Err(_) if at.optional == Some(true) => Ok(String::new()),
            found => found.map_err(|reason| format!("{field}: {reason}")),
        }
    }
}
