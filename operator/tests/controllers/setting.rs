//! An operator in a small cluster in memory.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use operator::certificates::authority_secret;
use operator::runtime::context::{Clock, Context};
use operator::runtime::controller::{Controller, Reconciler};
use operator::settings::{ObjectName, OperatorSettings};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::fake_api::FakeApi;

/// A calendar that goes with tokio's paused time.
struct PausedClock {
    start: Instant,
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-11-22T13:00:00Z".parse().unwrap();
        start + SignedDuration::try_from(self.start.elapsed()).unwrap()
    }
}

pub fn settings() -> OperatorSettings {
    OperatorSettings {
        install: "hearth".to_owned(),
        namespace: "hearth-system".to_owned(),
        service_account: "hearth-operator".to_owned(),
        image: "localhost/hearth:dev".to_owned(),
        default_store: Some(ObjectName { namespace: "shop".to_owned(), name: "main".to_owned() }),
        wide_discovery_namespaces: ["wide".to_owned()].into(),
        watch_namespaces: [].into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        webhook_listen: None,
        webhook_service: "hearth-operator".to_owned(),
        discovery_cluster_role: "hearth-discovery".to_owned(),
        collector_cluster_role: "hearth-collector".to_owned(),
        review_cluster_role: "hearth-review".to_owned(),
        authority_overlap: SignedDuration::from_hours(24),
    }
}

/// A running operator; it ends when this is dropped, between any two of its calls.
pub struct Running {
    pub context: Arc<Context>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Starts an operator that leads.
    pub fn start(api: &FakeApi) -> Self {
        Self::start_with(api, settings())
    }

    /// The same with settings of its own.
    pub fn start_with(api: &FakeApi, settings: OperatorSettings) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(PausedClock { start: Instant::now() });
        let context = Context::new(api.client(), settings, clock);
        let mut tasks = JoinSet::new();
        tasks.spawn(authority_secret::keep(context.clone()));
        context.lead(true);
        Self { context, tasks }
    }

    pub fn with<R: Reconciler>(mut self, controller: Controller<R>) -> Self {
        self.tasks.spawn(controller.run());
        self
    }

    pub fn store(api: &FakeApi) -> Self {
        Self::start(api).and_stores()
    }

    pub fn and_stores(self) -> Self {
        let controller = operator::store::controller::controller(&self.context);
        self.with(controller)
    }
}

/// Virtual time in which everything must have come to rest.
const REST: Duration = Duration::from_hours(1);

/// Waits, in virtual time, until `done`.
pub async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < REST, "not within {REST:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Lets virtual time go by.
pub async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

pub fn key(collection: &str, namespace: &str, name: &str) -> (String, String, String) {
    (collection.to_owned(), namespace.to_owned(), name.to_owned())
}

pub const STORES: &str = "/apis/hearth.dev/v1alpha1/stores";
pub const SCRAPERS: &str = "/apis/hearth.dev/v1alpha1/scrapers";
pub const WORKSPACES: &str = "/apis/hearth.dev/v1alpha1/workspaces";
const CLAIMS: &str = "/api/v1/persistentvolumeclaims";
const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";

/// Makes a Store `shop/main` as `kubectl apply` would.
pub fn make_store(api: &FakeApi, spec: &Value) {
    let object = json!({
        "apiVersion": "hearth.dev/v1alpha1", "kind": "Store",
        "metadata": {"name": "main", "namespace": "shop"},
        "spec": spec,
    });
    api.with_objects(|objects| objects.set(&key(STORES, "shop", "main"), object));
}

pub fn make_class(api: &FakeApi, grows: bool) {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "disk"}, "provisioner": "x", "allowVolumeExpansion": grows,
    });
    api.with_objects(|objects| objects.set(&key(CLASSES, "", "disk"), class));
}

/// Does what the StatefulSet controller, the volume provisioner and a kubelet do.
pub fn kubelet(api: &FakeApi) {
    api.with_objects(|objects| {
        let sets = objects.all.iter().filter(|(key, _)| key.0.ends_with("/statefulsets"));
        let sets: Vec<_> = sets.map(|(key, set)| (key.clone(), set.clone())).collect();
        for (at, set) in sets {
            let replicas = set["spec"]["replicas"].as_i64().unwrap_or(1);
            for template in set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
                for ordinal in 0..replicas {
                    let name = template["metadata"]["name"].as_str().unwrap();
                    let claim = key(CLAIMS, &at.1, &format!("{name}-{}-{ordinal}", at.2));
                    if objects.get(&claim).is_none() {
                        let mut made = template.clone();
                        made["metadata"]["name"] = json!(claim.2);
                        made["spec"]["storageClassName"] = json!("disk");
                        objects.set(&claim, made);
                    }
                    let asked =
                        objects.get(&claim).unwrap()["spec"]["resources"]["requests"].clone();
                    objects.merge(&claim, &json!({"status": {"capacity": asked}}));
                }
            }
            let status = json!({"status": {
                "observedGeneration": set["metadata"]["generation"],
                "replicas": replicas, "readyReplicas": replicas, "updatedReplicas": replicas,
            }});
            objects.merge(&at, &status);
        }
    });
}

/// The status of a condition of an object; empty where it is not there.
pub fn condition(api: &FakeApi, plural: &str, name: &str, type_: &str) -> (String, String, String) {
    let object = api.find(plural, name).unwrap_or_default();
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = all.into_iter().find(|c| c["type"] == type_).unwrap_or_default();
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"), text("message"))
}

pub fn ready(api: &FakeApi, plural: &str, name: &str) -> bool {
    let object = api.find(plural, name).unwrap_or_default();
    let observed = &object["status"]["observedGeneration"];
    condition(api, plural, name, "Ready").0 == "True"
        && *observed == object["metadata"]["generation"]
}

/// Brings a Store to be ready.
pub async fn store_ready(api: &FakeApi) {
    until("the Store is ready", || {
        kubelet(api);
        ready(api, "stores", "main")
    })
    .await;
}
