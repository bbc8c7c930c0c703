//! The StatefulSet of a Scraper's collectors.            (pure)

use crds::scraper::{EksSource, Scraper, ScraperSpec, Source};
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::{Value, json};

use crate::runtime::cache::name_of;
use crate::runtime::children::{
    Family, container_security, place, pod_security, probe, resources, typed,
};
use crate::scraper::destination::{Proof, Resolved};
use crate::scraper::names;
use crds::quantity;

/// The buffer's size where the spec names none.
pub const BUFFER_SIZE_DEFAULT: &str = "1Gi";
/// Where a pod's own credentials lie by Kubernetes' convention.
const STANDARD_HOME: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Where they lie when targets are in another cluster: nothing there may take them for its own.
const AGENTLESS_HOME: &str = "/var/run/secrets/hearth/home";
const BUFFER: &str = "/buffer";
const TLS: &str = "/var/run/secrets/hearth/tls";
const CA: &str = "/var/run/secrets/hearth/ca";
const STORE: &str = "/var/run/secrets/hearth/store";
const KUBECONFIG: &str = "/var/run/secrets/hearth/kubeconfig";
const AWS: &str = "/var/run/secrets/hearth/aws";
/// Kubernetes' own life of a mounted token.
const TOKEN_SECONDS: u32 = 3607;
/// Of the buffer's volume, what samples may fill: the rest is for what else is remembered there.
const BUFFER_PERCENT: i128 = 90;

/// What the collectors are told by the operator's own settings.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The operator's own image.
    pub image: &'a str,
    /// Who alone may read `/status`.
    pub status_reader: &'a str,
}

/// The StatefulSet: one pod a shard.
pub fn stateful_set(
    scraper: &Scraper,
    resolved: &Resolved,
    surroundings: Surroundings<'_>,
) -> StatefulSet {
    let family = names::family(scraper);
    let mut spec = json!({
        "replicas": scraper.spec.sharding.shards,
        "serviceName": family.name,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
        "selector": {"matchLabels": family.selector()},
        "template": {
            "metadata": {"labels": family.labels()},
            "spec": pod(scraper, &family, resolved, surroundings),
        },
    });
    if let Some(claim) = claim(&scraper.spec, &family) {
        spec["volumeClaimTemplates"] = json!([claim]);
    }
    typed(json!({"metadata": family.metadata(&family.name), "spec": spec}))
}

fn pod(
    scraper: &Scraper,
    family: &Family,
    resolved: &Resolved,
    surroundings: Surroundings<'_>,
) -> Value {
    let ScraperSpec { image, resources: wanted, placement, .. } = &scraper.spec;
    let mounts = volumes(scraper, family, resolved);
    let shown = mounts.iter().map(|mount| {
        let read_only = mount.name != names::BUFFER;
        json!({"name": mount.name, "mountPath": mount.path, "readOnly": read_only})
    });
    let made = mounts.iter().filter_map(|mount| {
        let mut volume = mount.volume.clone()?;
        volume["name"] = json!(mount.name);
        Some(volume)
    });
    let mut pod = json!({
        "serviceAccountName": family.name,
        "automountServiceAccountToken": false,
        "terminationGracePeriodSeconds": 30,
        "securityContext": pod_security(),
        "containers": [{
            "name": "collector",
            "image": image.as_deref().unwrap_or(surroundings.image),
            "imagePullPolicy": "IfNotPresent",
            "args": arguments(scraper, resolved, surroundings),
            "env": environment(),
            "ports": [{"name": names::PORT_NAME, "containerPort": names::PORT}],
            "resources": resources(
                wanted.as_ref(),
                json!({"cpu": "20m", "memory": "64Mi"}),
            ),
            "securityContext": container_security(),
            "startupProbe": probe("/-/healthy", names::PORT_NAME, 1, 120),
            "livenessProbe": probe("/-/healthy", names::PORT_NAME, 10, 6),
            "readinessProbe": probe("/-/ready", names::PORT_NAME, 2, 3),
            "volumeMounts": shown.collect::<Vec<_>>(),
        }],
        "volumes": made.collect::<Vec<_>>(),
    });
    place(&mut pod, placement.as_ref());
    pod
}

/// Something mounted; the volume claim of the template has no volume of its own here.
struct Mount {
    name: &'static str,
    path: &'static str,
    volume: Option<Value>,
}

fn volumes(scraper: &Scraper, family: &Family, resolved: &Resolved) -> Vec<Mount> {
    let ScraperSpec { buffer, source, .. } = &scraper.spec;
    let on_volume = buffer.as_ref().is_some_and(|buffer| buffer.volume.is_some());
    let empty = json!({"emptyDir": {"sizeLimit": buffer_size(&scraper.spec)}});
    let home = if source.is_some() { AGENTLESS_HOME } else { STANDARD_HOME };
    let secret = |name: &str| json!({"secret": {"secretName": name}});
    let mount = |name, path, volume| Mount { name, path, volume: Some(volume) };
    let mut mounts = vec![
        Mount { name: names::BUFFER, path: BUFFER, volume: (!on_volume).then_some(empty) },
        mount("tls", TLS, secret(&names::tls_secret(&family.owner))),
        mount("home", home, credentials()),
    ];
    match &resolved.proof {
        Proof::Audience(audience) => mounts.push(mount("store", STORE, token(audience))),
        Proof::Secret { name, key } => {
            let items = json!([{"key": key, "path": "token"}]);
            let volume = json!({"secret": {"secretName": name, "items": items}});
            mounts.push(mount("store", STORE, volume));
        }
        Proof::Nothing => {}
    }
    if resolved.store.is_some() {
        let map = json!({"configMap": {"name": names::ca_map(&family.owner)}});
        mounts.push(mount("ca", CA, map));
    }
    if let Some(key) = source.as_ref().and_then(|source| source.kubeconfig.as_ref()) {
        let items = json!([{"key": key.key, "path": "kubeconfig"}]);
        let volume = json!({"secret": {"secretName": key.name, "items": items}});
        mounts.push(mount("kubeconfig", KUBECONFIG, volume));
    }
    let eks = source.as_ref().and_then(|source| source.eks.as_ref());
    if let Some(name) = eks.and_then(|eks| eks.credentials_secret_name.as_ref()) {
        // Files and not variables: changed keys are used without a restart.
        mounts.push(mount("aws", AWS, secret(name)));
    }
    mounts
}

/// What Kubernetes would mount by itself: the account's token, the API server's authority, the
/// namespace.
fn credentials() -> Value {
    json!({"projected": {"sources": [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}},
        {"configMap": {
            "name": "kube-root-ca.crt",
            "items": [{"key": "ca.crt", "path": "ca.crt"}],
        }},
        {"downwardAPI": {"items": [{
            "path": "namespace",
            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
        }]}},
    ]}})
}

fn token(audience: &str) -> Value {
    json!({"projected": {"sources": [{"serviceAccountToken": {
        "path": "token",
        "audience": audience,
        "expirationSeconds": TOKEN_SECONDS,
    }}]}})
}

fn arguments(
    scraper: &Scraper,
    resolved: &Resolved,
    surroundings: Surroundings<'_>,
) -> Vec<String> {
    let name = name_of(scraper);
    let source = scraper.spec.source.as_ref();
    let mut arguments = vec![
        "scraper".to_owned(),
        format!("--namespace={}", name.namespace),
        format!("--name={}", name.name),
        "--shard=$(SHARD)".to_owned(),
        format!("--listen=0.0.0.0:{}", names::PORT),
        format!("--data-dir={BUFFER}/collector"),
        format!("--buffer-bytes={}", buffer_bytes(&scraper.spec)),
        format!("--remote-write-url={}", resolved.url),
        format!("--tls-cert={TLS}/tls.crt"),
        format!("--tls-key={TLS}/tls.key"),
        format!("--status-reader={}", surroundings.status_reader),
        format!("--status-audience={}", names::STATUS_AUDIENCE),
    ];
    if resolved.proof != Proof::Nothing {
        arguments.push(format!("--token-file={STORE}/token"));
    }
    if resolved.store.is_some() {
        arguments.push(format!("--ca-file={CA}/ca.crt"));
    }
    arguments.extend(source.map(source_arguments).unwrap_or_default());
    arguments
}

/// Which other cluster the targets are in, and how they are reached.
fn source_arguments(source: &Source) -> Vec<String> {
    let Source { kubeconfig, eks, proxy } = source;
    let mut arguments = vec![format!("--home={AGENTLESS_HOME}")];
    if kubeconfig.is_some() {
        arguments.push(format!("--kubeconfig={KUBECONFIG}/kubeconfig"));
    }
    if let Some(eks) = eks {
        let EksSource {
            cluster_arn,
            role_arn,
            credentials_secret_name,
            eks_endpoint,
            sts_endpoint,
        } = eks;
        arguments.push(format!("--eks-cluster-arn={cluster_arn}"));
        if credentials_secret_name.is_some() {
            arguments.push(format!("--eks-credentials-dir={AWS}"));
        }
        let optional =
            [("role-arn", role_arn), ("endpoint", eks_endpoint), ("sts-endpoint", sts_endpoint)];
        let given = optional.into_iter().filter_map(|(flag, value)| Some((flag, value.as_ref()?)));
        arguments.extend(given.map(|(flag, value)| format!("--eks-{flag}={value}")));
    }
    if *proxy {
        arguments.push("--proxy".to_owned());
    }
    arguments
}

/// The pod's number in its set says which shard it is.
fn environment() -> Value {
    let path = "metadata.labels['apps.kubernetes.io/pod-index']";
    json!([{
        "name": "SHARD",
        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}},
    }])
}

/// The size of the buffer as the spec says.
pub fn buffer_size(spec: &ScraperSpec) -> &str {
    let buffer = spec.buffer.as_ref();
    let volume = buffer.and_then(|buffer| buffer.volume.as_ref()).map(|volume| &volume.size);
    let size = volume.or(buffer.and_then(|buffer| buffer.size.as_ref()));
    size.map_or(BUFFER_SIZE_DEFAULT, String::as_str)
}

/// What samples may fill of it; a size that is no quantity is refused before.
fn buffer_bytes(spec: &ScraperSpec) -> i128 {
    let all = quantity::units(buffer_size(spec)).unwrap_or(1 << 30);
    (all * BUFFER_PERCENT / 100).max(1)
}

fn claim(spec: &ScraperSpec, family: &Family) -> Option<Value> {
    let volume = spec.buffer.as_ref()?.volume.as_ref()?;
    let mut claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": names::BUFFER, "labels": family.labels_abroad()},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": volume.size}},
        },
    });
    if let Some(class) = &volume.storage_class_name {
        claim["spec"]["storageClassName"] = json!(class);
    }
    Some(claim)
}

#[cfg(test)]
mod tests;
