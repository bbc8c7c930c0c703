//! The StatefulSet of a Store.                           (pure)

use crds::store::{Store, StoreSpec};
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::{Value, json};

use crate::runtime::cache::name_of;
use crate::runtime::children::{
    Family, container_security, place, pod_security, probe, resources, typed,
};
use crate::store::names;

/// The size of a volume that the spec does not name.
pub const VOLUME_SIZE_DEFAULT: &str = "10Gi";

/// Where the volume is mounted.
const DATA: &str = "/data";
/// Where the certificate is mounted.
const TLS: &str = "/var/run/secrets/hearth/tls";

/// The StatefulSet; `image` is the operator's own.
pub fn stateful_set(store: &Store, image: &str) -> StatefulSet {
    let family = names::family(store);
    typed(json!({
        "metadata": family.metadata(&family.name),
        "spec": {
            "replicas": 1,
            "serviceName": names::headless(&family.owner),
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "RollingUpdate"},
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": "Retain",
                "whenScaled": "Retain",
            },
            "selector": {"matchLabels": family.selector()},
            "template": {
                "metadata": {"labels": family.labels()},
                "spec": pod(store, &family, image),
            },
            "volumeClaimTemplates": [claim(&store.spec, &family)],
        },
    }))
}

fn pod(store: &Store, family: &Family, image: &str) -> Value {
    let StoreSpec {
        image: own_image,
        volume: _,
        resources: wanted,
        placement,
        tls,
        network_policy: _,
        deletion_policy: _,
    } = &store.spec;
    let secret = tls.as_ref().map(|tls| tls.secret_name.clone());
    let secret = secret.unwrap_or_else(|| names::tls_secret(&family.owner));
    let mut pod = json!({
        "serviceAccountName": family.name,
        // The store asks the API server who calls.
        "automountServiceAccountToken": true,
        "terminationGracePeriodSeconds": 60,
        "securityContext": pod_security(),
        "containers": [{
            "name": "store",
            "image": own_image.as_deref().unwrap_or(image),
            "imagePullPolicy": "IfNotPresent",
            "args": arguments(store),
            "ports": [{"name": names::PORT_NAME, "containerPort": names::PORT}],
            "resources": resources(
                wanted.as_ref(),
                json!({"cpu": "100m", "memory": "256Mi"}),
            ),
            "securityContext": container_security(),
            // Reading back a long log takes minutes: half an hour before it counts as stuck.
            "startupProbe": probe("/-/healthy", names::PORT_NAME, 1, 1800),
            "livenessProbe": probe("/-/healthy", names::PORT_NAME, 10, 6),
            "readinessProbe": probe("/-/ready", names::PORT_NAME, 2, 3),
            "volumeMounts": [
                {"name": names::CLAIM, "mountPath": DATA},
                {"name": "tls", "mountPath": TLS, "readOnly": true},
            ],
        }],
        "volumes": [{"name": "tls", "secret": {"secretName": secret}}],
    });
    place(&mut pod, placement.as_ref());
    pod
}

fn arguments(store: &Store) -> Vec<String> {
    let name = name_of(store);
    vec![
        "store".to_owned(),
        format!("--data-dir={DATA}/store"),
        format!("--listen=0.0.0.0:{}", names::PORT),
        "--auth=kubernetes".to_owned(),
        format!("--kubernetes-audience={}", names::audience(&name)),
        format!("--kubernetes-namespace={}", name.namespace),
        format!("--tls-cert={TLS}/tls.crt"),
        format!("--tls-key={TLS}/tls.key"),
        format!("--external-url={}", names::url(&name)),
    ]
}

fn claim(spec: &StoreSpec, family: &Family) -> Value {
    let volume = spec.volume.as_ref();
    let mut claim = json!({
        // Kubernetes fills these in; said here, what is applied equals what comes back.
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": names::CLAIM, "labels": family.labels_abroad()},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size(spec)}},
        },
    });
    if let Some(class) = volume.and_then(|volume| volume.storage_class_name.as_ref()) {
        claim["spec"]["storageClassName"] = json!(class);
    }
    claim
}

/// The size that the spec asks for.
pub fn size(spec: &StoreSpec) -> &str {
    spec.volume.as_ref().map_or(VOLUME_SIZE_DEFAULT, |volume| &volume.size)
}
