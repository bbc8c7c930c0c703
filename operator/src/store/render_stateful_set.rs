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

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(spec: Value) -> Value {
        let store = json!({
            "apiVersion": "hearth.dev/v1alpha1",
            "kind": "Store",
            "metadata": {"name": "main", "namespace": "shop", "uid": "u"},
            "spec": spec,
        });
        let store: Store = serde_json::from_value(store).unwrap();
        serde_json::to_value(stateful_set(&store, "hearth:1")).unwrap()
    }

    #[test]
    fn the_store_is_told_where_its_data_certificate_and_callers_are() {
        let set = rendered(json!({}));
        let container = &set["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], "hearth:1");
        let expected = json!([
            "store",
            "--data-dir=/data/store",
            "--listen=0.0.0.0:9090",
            "--auth=kubernetes",
            "--kubernetes-audience=hearth.dev/shop/main",
            "--kubernetes-namespace=shop",
            "--tls-cert=/var/run/secrets/hearth/tls/tls.crt",
            "--tls-key=/var/run/secrets/hearth/tls/tls.key",
            "--external-url=https://main-store.shop.svc:9090",
        ]);
        assert_eq!(container["args"], expected);
        assert_eq!(container["readinessProbe"]["httpGet"]["scheme"], "HTTPS");
        let claim = &set["spec"]["volumeClaimTemplates"][0]["spec"];
        assert_eq!(claim["resources"]["requests"]["storage"], "10Gi");
        assert_eq!(set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"], "Retain");
    }

    #[test]
    fn what_the_user_says_of_pods_reaches_the_pod() {
        let set = rendered(json!({
            "image": "mine:2",
            "volume": {"size": "5Gi", "storageClassName": "fast"},
            "resources": {"limits": {"memory": "2Gi"}},
            "placement": {
                "nodeSelector": {"disk": "ssd"},
                "tolerations": [{"key": "a", "operator": "Exists"}],
                "priorityClassName": "high",
            },
            "tls": {"secretName": "own"},
        }));
        let pod = &set["spec"]["template"]["spec"];
        assert_eq!(pod["containers"][0]["image"], "mine:2");
        assert_eq!(pod["containers"][0]["resources"]["limits"]["memory"], "2Gi");
        assert_eq!(pod["nodeSelector"]["disk"], "ssd");
        assert_eq!(pod["tolerations"][0]["key"], "a");
        assert_eq!(pod["priorityClassName"], "high");
        assert_eq!(pod["volumes"][0]["secret"]["secretName"], "own");
        let claim = &set["spec"]["volumeClaimTemplates"][0]["spec"];
        assert_eq!(claim["storageClassName"], "fast");
    }

    #[test]
    fn the_pod_passes_the_restricted_level_and_its_selector_never_changes() {
        let set = rendered(json!({}));
        let pod = &set["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        let container = &pod["containers"][0]["securityContext"];
        assert_eq!(container["allowPrivilegeEscalation"], false);
        assert_eq!(container["readOnlyRootFilesystem"], true);
        assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
        let selector = json!({
            "app.kubernetes.io/name": "hearth-store",
            "app.kubernetes.io/instance": "main",
        });
        assert_eq!(set["spec"]["selector"]["matchLabels"], selector);
    }
}
