//! A real cluster, through kubectl as any user has it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::eventually::eventually;

/// Runs a program of `PATH`; its output, or all that it said.
pub async fn run(program: &str, args: &[&str], input: &str) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(args);
    output(command, input).await
}

/// Runs a command; its output, or all that it said.
pub async fn output(mut command: Command, input: &str) -> Result<String, String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; run these tests by `make e2e`"));
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).await.map_err(|error| error.to_string())?;
    drop(stdin);
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let args: Vec<_> = command.as_std().get_args().map(|arg| arg.to_string_lossy()).collect();
    Err(format!("{program} {}: {complaint}{said}", args.join(" ")))
}

/// Which API server is asked: the environment's, or another by a kubectl and a file of its own.
#[derive(Clone, Debug, Default)]
pub struct Kubectl {
    own: Option<(PathBuf, PathBuf)>,
}

impl Kubectl {
    /// By this program with this kubeconfig.
    pub fn new(program: PathBuf, kubeconfig: PathBuf) -> Self {
        Self { own: Some((program, kubeconfig)) }
    }

    /// `kubectl ARGS`, with something to read.
    pub async fn run(&self, args: &[&str], input: &str) -> Result<String, String> {
        let Some((program, kubeconfig)) = &self.own else {
            return run("kubectl", args, input).await;
        };
        let mut command = Command::new(program);
        // What it remembers of an API server must not outlive it: ports come back.
        let cache = kubeconfig.with_extension("cache");
        command.args(args).env("KUBECONFIG", kubeconfig).env("KUBECACHEDIR", cache);
        output(command, input).await
    }

    /// `kubectl ARGS`, which has to work.
    pub async fn must(&self, args: &[&str]) -> String {
        self.run(args, "").await.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// `kubectl ARGS`
pub async fn kubectl(args: &[&str]) -> Result<String, String> {
    run("kubectl", args, "").await
}

/// `kubectl ARGS`, which has to work.
pub async fn must(args: &[&str]) -> String {
    kubectl(args).await.unwrap_or_else(|error| panic!("{error}"))
}

/// A namespace of one test's own, made afresh.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub server: Kubectl,
}

impl Namespace {
    /// One that is there, or will be.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), server: Kubectl::default() }
    }

    /// Makes it; what an earlier run left of it goes first.
    pub async fn fresh(name: &str) -> Self {
        Self::remove(name).await;
        must(&["create", "namespace", name]).await;
        // Pods need their account, which comes a moment after the namespace.
        eventually("the namespace has an account", Duration::from_secs(20), async || {
            kubectl(&["-n", name, "get", "serviceaccount", "default"]).await
        })
        .await;
        Self::named(name)
    }

    /// Deletes it and waits until it is gone.
    pub async fn remove(name: &str) {
        must(&["delete", "namespace", name, "--ignore-not-found", "--timeout=90s"]).await;
    }

    /// `kubectl -n NAMESPACE ARGS`
    pub async fn kubectl(&self, args: &[&str]) -> Result<String, String> {
        self.server.run(&[&["-n", self.name.as_str()], args].concat(), "").await
    }

    /// `kubectl -n NAMESPACE ARGS`, which has to work.
    pub async fn must(&self, args: &[&str]) -> String {
        self.kubectl(args).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// `kubectl apply` of these manifests.
    pub async fn apply(&self, manifests: &str) -> Result<String, String> {
        self.server.run(&["-n", &self.name, "apply", "-f", "-"], manifests).await
    }

    /// `kubectl apply`, which has to work.
    pub async fn must_apply(&self, manifests: &str) -> String {
        self.apply(manifests).await.unwrap_or_else(|error| panic!("{error}\n{manifests}"))
    }

    /// `kubectl apply`, which has to be refused, with these words among the reasons.
    pub async fn refused(&self, manifests: &str, words: &str) {
        match self.apply(manifests).await {
            Ok(said) => panic!("it was taken: {said}\n{manifests}"),
            Err(reason) => {
                assert!(reason.contains(words), "refused without {words:?}: {reason}");
            }
        }
    }

    /// One object.
    pub async fn get(&self, kind: &str, name: &str) -> Result<Value, String> {
        let text = self.kubectl(&["get", kind, name, "-o", "json"]).await?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Waits until the object's condition has this status for the generation it now is of; how
    /// long that took.
    pub async fn until(
        &self,
        kind: &str,
        name: &str,
        condition: &str,
        status: &str,
        limit: Duration,
    ) -> Duration {
        let start = Instant::now();
        let what = format!("{kind}/{name} is {condition}={status}");
        eventually(&what, limit, async || {
            let object = self.get(kind, name).await?;
            let current =
                object["metadata"]["generation"] == object["status"]["observedGeneration"];
            let found = self::condition(&object, condition);
            let holds = found["status"] == status && current;
            if holds { Ok(()) } else { Err(format!("{}", object["status"])) }
        })
        .await;
        start.elapsed()
    }

    /// A token of one of its service accounts for an audience.
    pub async fn token(&self, account: &str, audience: &str) -> String {
        let audience = format!("--audience={audience}");
        let args = ["create", "token", account, &audience, "--duration=1h"];
        self.must(&args).await.trim().to_owned()
    }
}

/// The condition of this type; null where there is none.
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let all = object["status"]["conditions"].as_array();
    all.and_then(|all| all.iter().find(|one| one["type"] == kind)).unwrap_or(&Value::Null)
}

/// The address of this process as pods see it.
pub async fn own_address() -> String {
    let server =
        must(&["config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"]);
    let server = server.await;
    let host = server.trim_start_matches("https://").trim_end_matches('/');
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").expect("a free port");
    socket.connect(host).unwrap_or_else(|error| panic!("{host}: {error}"));
    socket.local_addr().expect("it is bound").ip().to_string()
}

/// Where the checkout is.
pub fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the checkout, as text.
pub fn file(path: &str) -> String {
    let whole = root().join(path);
    std::fs::read_to_string(&whole).unwrap_or_else(|error| panic!("{}: {error}", whole.display()))
}
