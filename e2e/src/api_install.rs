//! Hearth on an API server alone: its roles as processes.
//!
//! The test is kubelet and controller manager at once: it starts what StatefulSets ask for and says
//! in their status that it runs. Names of Services are in a hosts file that only these processes
//! see, which takes a mount namespace, and so root.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::api_server::{ApiServer, skipped};
use crate::eventually::eventually;
use crate::install::NAMESPACE;
use crate::kubernetes::{Namespace, file, root};
use crate::pod_process::PodProcess;
use crate::role::Role;

/// The operator's account.
pub const OPERATOR: &str = "hearth-system/hearth-operator";
/// What one step needs on a busy machine.
pub const LIMIT: Duration = Duration::from_mins(1);

/// An API server with the chart's objects.
pub struct Installation {
    /// The API server.
    pub server: ApiServer,
    hosts: PathBuf,
    client: reqwest::Client,
}

/// A running operator.
pub struct Operator {
    /// The process.
    pub role: Role,
    url: String,
    client: reqwest::Client,
}

impl Installation {
    /// An API server with the definitions and what `helm install` gives without a word; nothing of
    /// Hearth runs yet. `None`, said loudly, where that cannot be had.
    pub async fn fresh() -> Option<Self> {
        let possible = Command::new("unshare").args(["--mount", "true"]).status().await;
        if !possible.is_ok_and(|status| status.success()) {
            skipped("names of Services need a mount namespace, and so root");
            return None;
        }
        let server = ApiServer::start().await?;
        let hosts = server.folder().join("hosts");
        std::fs::write(&hosts, "127.0.0.1 localhost\n").expect("the folder is ours");
        let definitions = root().join("crds").display().to_string();
        server.kubectl.must(&["apply", "--server-side", "-f", &definitions]).await;
        let established = ["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"];
        server.kubectl.must(&established).await;
        server.kubectl.must(&["create", "namespace", NAMESPACE]).await;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build();
        let installation = Self { server, hosts, client: client.expect("plain options") };
        eventually("the chart is applied", LIMIT, async || {
            let chart = file("charts/tests/default.golden.yaml");
            installation.server.kubectl.run(&["apply", "--server-side", "-f", "-"], &chart).await
        })
        .await;
        Some(installation)
    }

    /// Hearth's own namespace.
    pub fn home(&self) -> Namespace {
        Namespace { name: NAMESPACE.to_owned(), server: self.server.kubectl.clone() }
    }

    /// Starts the operator as the chart's Deployment does, under the chart's account. `identity`
    /// tells it from others; the first one answers for the webhook's Service.
    pub async fn operator(&self, identity: u8) -> Operator {
        let deployment = self.home().get("deployment", "hearth-operator").await;
        let deployment = deployment.expect("the chart is applied");
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let service = self.address_of("hearth-operator").await;
        let (listen, webhook) = match identity {
            0 => (format!("{service}:8080"), format!("{service}:443")),
            other => (self.own_address(other, 8080), self.own_address(other, 9443)),
        };
        let mut command = self.command();
        for argument in container["args"].as_array().expect("it has arguments") {
            let argument = argument.as_str().expect("arguments are texts");
            command.arg(match argument.split_once('=') {
                Some(("--listen", _)) => format!("--listen={listen}"),
                Some(("--webhook-listen", _)) => format!("--webhook-listen={webhook}"),
                _ => argument.to_owned(),
            });
        }
        let kubeconfig = self.server.kubeconfig(NAMESPACE, "hearth-operator").await;
        command.env("KUBECONFIG", kubeconfig).env("HOSTNAME", format!("operator-{identity}"));
        let name = format!("operator-{identity}");
        let role = Role::start(command, self.server.folder(), &name);
        Operator { role, url: format!("http://{listen}"), client: self.client.clone() }
    }

    /// Runs the one pod of a Store in Hearth's namespace, and says so.
    pub async fn store(&self, store: &str) -> Role {
        let set = format!("{store}-store");
        self.until_made("statefulset", &set).await;
        self.until_made("secret", &format!("{store}-store-tls")).await;
        let address = self.address_of(&set).await;
        self.call(&format!("{set}.{NAMESPACE}.svc"), &address);
        let role = self.pod(&set, 0, &address).await;
        self.ready(&set, 1).await;
        role
    }

    /// Runs a shard of a Scraper in Hearth's namespace; [`Installation::ready`] says so.
    pub async fn collector(&self, scraper: &str, shard: u8) -> Role {
        let set = format!("{scraper}-scraper");
        self.until_made("statefulset", &set).await;
        let address = self.own_address(100 + shard, 0);
        let address = address.trim_end_matches(":0");
        self.call(&format!("{set}-{shard}.{set}.{NAMESPACE}.svc"), address);
        self.pod(&set, u32::from(shard), address).await
    }

    /// Says in the status of a StatefulSet of Hearth's namespace that its pods run and are ready.
    pub async fn ready(&self, set: &str, pods: usize) {
        let object = self.home().get("statefulset", set).await.expect("it is made");
        let status = json!({"status": {
            "observedGeneration": object["metadata"]["generation"],
            "replicas": pods, "readyReplicas": pods, "updatedReplicas": pods,
            "availableReplicas": pods, "currentReplicas": pods,
        }});
        let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/{set}/status");
        let said = self.server.request("PATCH", &path, &status.to_string()).await;
        said.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Waits until an object of Hearth's namespace is there.
    pub async fn until_made(&self, kind: &str, name: &str) -> Value {
        let what = format!("{kind}/{name} is made");
        eventually(&what, LIMIT, async || self.home().get(kind, name).await).await
    }

    async fn pod(&self, set: &str, index: u32, address: &str) -> Role {
        let pod = PodProcess { namespace: NAMESPACE, set, index, address };
        pod.start(&self.server, self.command()).await
    }

    /// The binary, with our hosts file in the place of the machine's.
    fn command(&self) -> Command {
        let mut command = Command::new("unshare");
        let script = r#"mount --bind "$0" /etc/hosts && exec "$@""#;
        command.args(["--mount", "sh", "-c", script]).arg(&self.hosts);
        command.arg(crate::binary::hearth());
        command
    }

    /// Gives an address a name; processes that run see it, too.
    fn call(&self, name: &str, address: &str) {
        let hosts = std::fs::File::options().append(true).open(&self.hosts);
        let line = format!("{address} {name}\n");
        hosts.and_then(|mut hosts| hosts.write_all(line.as_bytes())).expect("the folder is ours");
    }

    /// The address of a Service of Hearth's namespace.
    async fn address_of(&self, service: &str) -> String {
        let object = self.until_made("service", service).await;
        object["spec"]["clusterIP"].as_str().expect("it has an address").to_owned()
    }

    /// An address at the end of those of Services, where hardly one of them is.
    fn own_address(&self, number: u8, port: u16) -> String {
        format!("127.{}.255.{number}:{port}", self.server.block)
    }
}

impl Operator {
    /// What it counts of itself.
    pub async fn metrics(&self) -> Result<String, String> {
        let answer = self.client.get(format!("{}/metrics", self.url)).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        answer.text().await.map_err(|error| error.to_string())
    }

    /// The sum of a metric's series whose labels hold all of these words.
    pub async fn sum(&self, metric: &str, words: &[&str]) -> Result<f64, String> {
        let page = self.metrics().await?;
        let ours =
            |line: &&str| line.starts_with(metric) && words.iter().all(|word| line.contains(word));
        let values = page.lines().filter(ours).filter_map(|line| line.rsplit(' ').next());
        Ok(values.filter_map(|value| value.parse::<f64>().ok()).sum())
    }

    /// Waits until it leads.
    pub async fn until_leads(&self, limit: Duration) {
        eventually("the operator leads", limit, async || {
            match self.sum("hearth_operator_leader ", &[]).await {
                Ok(1.0) => Ok(()),
                other => Err(format!("{other:?}: {}", self.role.log())),
            }
        })
        .await;
    }
}
