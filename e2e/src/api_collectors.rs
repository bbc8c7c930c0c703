//! Collectors on an API server alone, without an operator.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::api_server::ApiServer;
use crate::eventually::eventually;
use crate::kubernetes::{Namespace, file, root};
use crate::process::free_port;
use crate::role::Role;

/// What one step needs on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);
/// The namespace, the Scraper and the collectors' account.
pub const NAME: &str = "crowd";

/// What every collector of the Scraper is started with.
pub struct Collectors {
    /// The API server.
    pub server: ApiServer,
    home: PathBuf,
    destination: String,
    client: reqwest::Client,
}

/// One of them.
pub struct Collector {
    /// The process.
    pub role: Role,
    url: String,
    client: reqwest::Client,
}

impl Collectors {
    /// An API server with the definitions, and an account that may discover: by the chart's role.
    pub async fn fresh(destination: &str) -> Option<Self> {
        let server = ApiServer::start().await?;
        let definitions = root().join("crds").display().to_string();
        server.kubectl.must(&["apply", "--server-side", "-f", &definitions]).await;
        let established = ["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"];
        server.kubectl.must(&established).await;
        let namespace = server.namespace(NAME).await;
        let golden = file("charts/tests/default.golden.yaml");
        let role =
            golden.split("\n---\n").find(|text| text.contains("\n  name: hearth-discovery\n"));
        namespace.must_apply(role.expect("the chart has the role")).await;
        namespace.must_apply(&account()).await;
        let home = server.folder().join("home");
        std::fs::create_dir_all(&home).expect("the folder is ours");
        let token = server.token(NAME, NAME, "").await;
        for (name, text) in
            [("token", token), ("ca.crt", server.authority()), ("namespace", NAME.to_owned())]
        {
            std::fs::write(home.join(name), text).expect("the folder is ours");
        }
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build();
        let client = client.expect("plain options");
        Some(Self { server, home, destination: destination.to_owned(), client })
    }

    /// The namespace of it all.
    pub fn namespace(&self) -> Namespace {
        Namespace { name: NAME.to_owned(), server: self.server.kubectl.clone() }
    }

    /// Makes the Scraper, with one shard, as an operator has seen it.
    pub async fn scraper(&self, configuration: &str) {
        let spec = json!({
            "destination": {"remoteWrite": {"url": self.destination}},
            "scrapeConfiguration": configuration,
        });
        let object = json!({
            "apiVersion": "hearth.dev/v1alpha1", "kind": "Scraper",
            "metadata": {"name": NAME}, "spec": spec,
        });
        self.namespace().must_apply(&object.to_string()).await;
        self.running(1).await;
    }

    /// Asks for so many shards.
    pub async fn wanted(&self, shards: u32) {
        self.patch("", &json!({"spec": {"sharding": {"shards": shards}}})).await;
    }

    /// Says, as the operator does, that so many shards run.
    pub async fn running(&self, shards: u32) {
        self.patch("/status", &json!({"status": {"shards": shards}})).await;
    }

    async fn patch(&self, part: &str, patch: &Value) {
        let path = format!("/apis/hearth.dev/v1alpha1/namespaces/{NAME}/scrapers/{NAME}{part}");
        let said = self.server.request("PATCH", &path, &patch.to_string()).await;
        said.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts one and waits until the Scraper is in force.
    pub async fn start(&self, shard: u32) -> Collector {
        let name = format!("collector-{shard}");
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(crate::binary::hearth());
        command
            .args(["scraper", "--namespace", NAME, "--name", NAME, "--listen", &listen])
            .args(["--shard", &shard.to_string(), "--remote-write-url", &self.destination])
            .arg("--home")
            .arg(&self.home)
            .arg("--data-dir")
            .arg(self.server.folder().join(&name))
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", self.server.port.to_string());
        let role = Role::start(command, self.server.folder(), &name);
        let url = format!("http://{listen}");
        let collector = Collector { role, url, client: self.client.clone() };
        eventually("the collector is ready", LIMIT, async || collector.page("/-/ready").await)
            .await;
        collector
    }
}

impl Collector {
    /// One of its metrics: `targets` is `hearth_collector_targets`.
    pub async fn metric(&self, name: &str) -> Result<f64, String> {
        let page = self.page("/metrics").await?;
        let wanted = format!("hearth_collector_{name} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&wanted)).map(str::to_owned);
        line.and_then(|value| value.parse().ok()).ok_or_else(|| format!("no {name} in {page}"))
    }

    /// Waits until a metric has a value.
    pub async fn until(&self, name: &str, value: f64) {
        eventually(&format!("{name} is {value}"), LIMIT, async || {
            let now = self.metric(name).await?;
            if now == value { Ok(()) } else { Err(format!("{now}: {}", self.role.log())) }
        })
        .await;
    }

    async fn page(&self, path: &str) -> Result<String, String> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        let answer = answer.map_err(|error| format!("{error}: {}", self.role.log()))?;
        answer.text().await.map_err(|error| error.to_string())
    }
}

fn account() -> String {
    format!(
        "{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: {NAME}}}}}
---
{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: {NAME}}},
 roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: hearth-discovery}},
 subjects: [{{kind: ServiceAccount, name: {NAME}, namespace: {NAME}}}]}}
---
{{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {{name: {NAME}}},
 rules: [{{apiGroups: [hearth.dev], resources: [scrapers], verbs: [get, list, watch]}}]}}
---
{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: {NAME}}},
 roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {NAME}}},
 subjects: [{{kind: ServiceAccount, name: {NAME}}}]}}
"
    )
}
