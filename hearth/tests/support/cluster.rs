//! Controllers between a real store and an API server.

use std::sync::Arc;
use std::time::Duration;

use crds::store::Store;
use futures::future::BoxFuture;
use operator::control::client::ControlClient;
use operator::control::transport::Transport;
use operator::operator::task;
use operator::runtime::context::{Context, SystemClock};
use operator::runtime::error::ReconcileError;
use operator::settings::{ObjectName, OperatorSettings};
use operator::workspace::stores::{StoreLinks, Stores};
use operator::{alert_manager_config, rule_group, workspace};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::api_server::ApiServer;
use crate::real_store::{Counted, RealStore};

/// All of it.
pub struct Cluster {
    pub api: ApiServer,
    pub store: RealStore,
    _controllers: JoinSet<()>,
}

struct Links(Arc<Counted>);

impl StoreLinks for Links {
    fn link<'a>(
        &'a self,
        _: &'a Store,
    ) -> BoxFuture<'a, Result<Arc<dyn Transport>, ReconcileError>> {
        let transport: Arc<dyn Transport> = self.0.clone();
        Box::pin(async { Ok(transport) })
    }
}

#[allow(dead_code, reason = "each test file uses the words it needs")]
impl Cluster {
    /// A cluster with a Store `hearth-system/hearth` that answers.
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (api, store) = (ApiServer::new(), RealStore::start().await);
        api.apply(store_object(1));
        let context = Context::new(api.client(), settings(), Arc::new(SystemClock));
        let links = Arc::new(Links(store.transport.clone()));
        let stores = Stores::with_links(&context, links);
        let mut controllers = JoinSet::new();
        controllers.spawn(task(workspace::controller::controller(&context, &stores)));
        controllers.spawn(task(rule_group::controller::controller(&context, &stores)));
        controllers.spawn(task(alert_manager_config::controller::controller(&context, &stores)));
        context.lead(true);
        Self { api, store, _controllers: controllers }
    }

    /// Lets every Workspace be looked at again, as a Store that changes does.
    pub fn nudge_store(&self, number: u64) {
        self.api.apply(store_object(number));
    }

    /// A client of the store, for whoever asks.
    pub fn client(&self) -> ControlClient {
        self.store.client("test")
    }

    /// Waits until the object is Ready at its newest generation.
    pub async fn ready(&self, kind: &str, namespace: &str, name: &str) -> Value {
        self.api
            .until((kind, namespace, name), |object| {
                told(object, "Ready").0 == "True"
                    && object["status"]["observedGeneration"] == object["metadata"]["generation"]
            })
            .await
    }

    /// Waits until a condition of the object has this reason.
    pub async fn reason(&self, object: (&str, &str, &str), condition: &str, reason: &str) -> Value {
        self.api.until(object, |object| told(object, condition).1 == reason).await
    }

    /// Leaves time for a write that should not come: absence is only seen over time.
    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    /// Waits until no request changed anything for a while.
    pub async fn calm(&self) {
        loop {
            let before = (self.api.writes().len(), self.store.transport.writes());
            self.settle().await;
            let after = (self.api.writes().len(), self.store.transport.writes());
            if before == (0, 0) && after == (0, 0) {
                return;
            }
        }
    }
}

/// Status, reason and message of a condition.
pub fn told(object: &Value, type_: &str) -> (String, String, String) {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions.into_iter().find(|condition| condition["type"] == type_);
    let found = found.unwrap_or_default();
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"), text("message"))
}

fn store_object(number: u64) -> Value {
    json!({
        "apiVersion": "hearth.dev/v1alpha1", "kind": "Store",
        "metadata": {"namespace": "hearth-system", "name": "hearth",
            "annotations": {"number": number.to_string()}},
        "spec": {},
        "status": {"endpoint": "https://hearth-store.hearth-system.svc:9090"},
    })
}

fn settings() -> OperatorSettings {
    let name = |name: &str| name.to_owned();
    OperatorSettings {
        install: name("hearth"),
        namespace: name("hearth-system"),
        service_account: name("hearth-operator"),
        image: name("localhost/hearth:dev"),
        default_store: Some(ObjectName { namespace: name("hearth-system"), name: name("hearth") }),
        wide_discovery_namespaces: [name("platform")].into(),
        watch_namespaces: [].into(),
        listen: "127.0.0.1:0".parse().expect("an address"),
        webhook_listen: None,
        webhook_service: name("hearth-operator"),
        discovery_cluster_role: name("hearth-discovery"),
        collector_cluster_role: name("hearth-collector"),
        review_cluster_role: name("hearth-review"),
        authority_overlap: jiff::SignedDuration::from_hours(24),
    }
}
