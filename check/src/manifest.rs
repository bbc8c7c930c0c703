//! A manifest that was read: which kind, whose name, what spec.

use std::collections::BTreeMap;

use crds::alert_manager_config::AlertManagerConfigSpec;
use crds::rule_group::RuleGroupSpec;
use crds::scraper::ScraperSpec;
use crds::store::StoreSpec;
use crds::workspace::WorkspaceSpec;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The namespace of a manifest that names none, as `kubectl` has it.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Kind, namespace and name: one object of the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Which kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.kind.as_str(), self.namespace, self.name)
    }
}

/// The kinds that a source may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// v1 Secret.
    Secret,
    /// hearth.dev Store.
    Store,
    /// hearth.dev Workspace.
    Workspace,
    /// hearth.dev Scraper.
    Scraper,
    /// hearth.dev RuleGroup.
    RuleGroup,
    /// hearth.dev AlertManagerConfig.
    AlertManagerConfig,
}

impl Kind {
    /// The custom resources.
    pub const RESOURCES: [Self; 5] =
        [Self::Store, Self::Workspace, Self::Scraper, Self::RuleGroup, Self::AlertManagerConfig];

    /// A custom resource, by the name of its kind.
    pub fn resource(kind: &str) -> Option<Self> {
        Self::RESOURCES.into_iter().find(|known| known.as_str() == kind)
    }

    /// As manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::Store => "Store",
            Self::Workspace => "Workspace",
            Self::Scraper => "Scraper",
            Self::RuleGroup => "RuleGroup",
            Self::AlertManagerConfig => "AlertManagerConfig",
        }
    }

    /// From `apiVersion` and `kind`; the error says what is expected.
    pub fn from_names(api_version: &str, kind: &str) -> Result<Self, String> {
        let resources = Self::RESOURCES.map(|kind| (crds::references::API_VERSION, kind));
        let known: Vec<(&str, Self)> =
            resources.into_iter().chain([("v1", Self::Secret)]).collect();
        let Some((expected, found)) = known.iter().find(|(_, known)| known.as_str() == kind) else {
            let kinds: Vec<&str> = known.iter().map(|(_, known)| known.as_str()).collect();
            return Err(format!("unknown kind {kind:?}, expected one of {}", kinds.join(", ")));
        };
        if api_version != *expected {
            return Err(format!("{kind} has apiVersion {api_version:?}, expected {expected:?}"));
        }
        Ok(*found)
    }
}

/// What a manifest asks for.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "some dozens of manifests are read, each once")]
pub enum Body {
    /// Values by key.
    Secret(SecretValues),
    /// A data plane; in a cluster only.
    Store(StoreSpec),
    /// A workspace.
    Workspace(WorkspaceSpec),
    /// A collector.
    Scraper(ScraperSpec),
    /// Rules.
    RuleGroup(RuleGroupSpec),
    /// Routes and receivers.
    AlertManagerConfig(AlertManagerConfigSpec),
}

/// The values of a Secret; they are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValues(pub BTreeMap<String, Vec<u8>>);

impl std::fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One object of the source.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Which object.
    pub key: ObjectKey,
    /// What it asks for.
    pub body: Body,
    /// The line of its text where the document begins, from 1.
    pub line: u32,
}

/// The first look at a document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    #[serde(default)]
    pub api_version: String,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub metadata: LooseMeta,
}

/// As much of the metadata as names the object.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct LooseMeta {
    #[serde(default)]
    pub name: String,
    pub namespace: Option<String>,
}

/// A whole document of one of our kinds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Resource<S> {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(rename = "metadata")]
    _metadata: StrictMeta,
    pub spec: S,
    #[serde(rename = "status", default)]
    _status: Option<IgnoredAny>,
}

/// The metadata's fields, so that a mistyped one is found. What the API server fills in may stand
/// there too: people apply what they once exported.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StrictMeta {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "namespace", default)]
    _namespace: Option<String>,
    #[serde(rename = "labels", default)]
    _labels: BTreeMap<String, String>,
    #[serde(rename = "annotations", default)]
    _annotations: BTreeMap<String, String>,
    #[serde(rename = "generation", default)]
    _generation: Option<IgnoredAny>,
    #[serde(rename = "uid", default)]
    _uid: Option<IgnoredAny>,
    #[serde(rename = "resourceVersion", default)]
    _resource_version: Option<IgnoredAny>,
    #[serde(rename = "creationTimestamp", default)]
    _creation_timestamp: Option<IgnoredAny>,
    #[serde(rename = "managedFields", default)]
    _managed_fields: Option<IgnoredAny>,
    #[serde(rename = "ownerReferences", default)]
    _owner_references: Option<IgnoredAny>,
    #[serde(rename = "finalizers", default)]
    _finalizers: Option<IgnoredAny>,
}
