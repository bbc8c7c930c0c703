//! What all children of our objects have in common.      (pure)

use std::collections::BTreeMap;

use crds::pods::{Placement, Resources};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::runtime::compare;
use crate::runtime::controller::{OWNER_KIND, OWNER_NAME, OWNER_NAMESPACE};

/// The user and group that containers run as; images of Hearth are made for any.
const USER: i64 = 65532;

/// The children of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The owner's namespace.
    pub namespace: String,
    /// The owner's name.
    pub owner: String,
    /// The owner's kind.
    pub kind: String,
    /// The name that the children bear.
    pub name: String,
    /// `hearth-store`, `hearth-scraper`.
    pub app: &'static str,
    uid: String,
    api_version: String,
}

impl Family {
    /// The family of `owner`, whose children are called `name`.
    pub fn new<K: Resource<DynamicType = ()>>(owner: &K, name: String, app: &'static str) -> Self {
        Self {
            namespace: owner.namespace().unwrap_or_default(),
            owner: owner.name_any(),
            kind: K::kind(&()).into_owned(),
            name,
            app,
            uid: owner.uid().unwrap_or_default(),
            api_version: K::api_version(&()).into_owned(),
        }
    }

    /// Labels by which pods are selected: they never change.
    pub fn selector(&self) -> BTreeMap<String, String> {
        texts(&[("app.kubernetes.io/name", self.app), ("app.kubernetes.io/instance", &self.owner)])
    }

    /// Labels on every child.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.selector();
        labels.extend(texts(&[
            ("app.kubernetes.io/managed-by", "hearth-operator"),
            ("app.kubernetes.io/part-of", "hearth"),
        ]));
        labels
    }

    /// Labels on children that cannot have an owner reference.
    pub fn labels_abroad(&self) -> BTreeMap<String, String> {
        let mut labels = self.labels();
        labels.extend(texts(&[
            (OWNER_KIND, &self.kind),
            (OWNER_NAMESPACE, &self.namespace),
            (OWNER_NAME, &self.owner),
        ]));
        labels
    }

    /// Metadata of a child beside its owner.
    pub fn metadata(&self, name: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(self.namespace.clone()),
            labels: Some(self.labels()),
            owner_references: Some(vec![OwnerReference {
                api_version: self.api_version.clone(),
                kind: self.kind.clone(),
                name: self.owner.clone(),
                uid: self.uid.clone(),
                controller: Some(true),
                block_owner_deletion: None,
            }]),
            ..ObjectMeta::default()
        }
    }

    /// Metadata of a child in another namespace, or in none.
    pub fn metadata_abroad(&self, name: &str, namespace: Option<&str>) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: namespace.map(str::to_owned),
            labels: Some(self.labels_abroad()),
            ..ObjectMeta::default()
        }
    }
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A typed object from its JSON. In debug builds, a field that the type does not know is a panic,
/// so that a misspelt one cannot get lost.
pub fn typed<K: Serialize + DeserializeOwned>(json: Value) -> K {
    let shown = cfg!(debug_assertions).then(|| json.clone());
    let object: K = serde_json::from_value(json).expect("the renderers write what the type takes");
    if let Some(json) = shown {
        let back = serde_json::to_value(&object).expect("what was read can be written");
        assert!(compare::holds(&back, &json), "a field got lost: {json} became {back}");
    }
    object
}

/// The security context of every pod: what Pod Security's level `restricted` asks for.
pub fn pod_security() -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

/// The security context of every container.
pub fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]},
    })
}

/// An HTTPS probe of a container's port.
pub fn probe(path: &str, port: &str, period_seconds: u32, failures: u32) -> Value {
    json!({
        "httpGet": {"path": path, "port": port, "scheme": "HTTPS"},
        "periodSeconds": period_seconds,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    })
}

/// Resources as Kubernetes writes them; `default_requests` where the user says nothing at all.
pub fn resources(resources: Option<&Resources>, default_requests: Value) -> Value {
    match resources {
        None => json!({"requests": default_requests}),
        Some(Resources { requests, limits }) => json!({"requests": requests, "limits": limits}),
    }
}

/// Puts a placement into a pod's spec.
pub fn place(pod: &mut Value, placement: Option<&Placement>) {
    let Some(Placement { node_selector, tolerations, priority_class_name }) = placement else {
        return;
    };
    if !node_selector.is_empty() {
        pod["nodeSelector"] = json!(node_selector);
    }
    if !tolerations.is_empty() {
        pod["tolerations"] = json!(tolerations);
    }
    if let Some(class) = priority_class_name {
        pod["priorityClassName"] = json!(class);
    }
}
