//! A real API server with its etcd, and nothing else.
//!
//! No controllers, no scheduler, no kubelets, no namespaces of any network: objects are taken,
//! validated, kept, watched and refused as in any cluster, and nobody acts on them but the test.
//! Addresses of Services are loopback addresses, so that a process can listen at them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::eventually::eventually;
use crate::kubernetes::{Kubectl, Namespace, root};
use crate::process::{free_port, install_crypto};

/// Longest time to the first answer; two seconds on a quiet machine.
const START_LIMIT: Duration = Duration::from_secs(90);
/// What the administrator shows.
const ADMIN_TOKEN: &str = "administrator";
/// The programs that are needed, of those that `e2e/cluster/cluster build` makes.
const PROGRAMS: [&str; 4] = ["etcd", "kube-apiserver", "kubectl", "kubeadm"];

/// Both servers, until standard input ends: then the test's process has ended, however it did.
const SERVERS: &str = r#"
trap '' HUP INT TERM # meant for the test, whose end is the end of all
cd "$DIR"
"$BIN/etcd" --data-dir=etcd --unsafe-no-fsync --log-level=warn \
  --listen-client-urls="http://127.0.0.1:$ETCD" --advertise-client-urls="http://127.0.0.1:$ETCD" \
  --listen-peer-urls="http://127.0.0.1:$PEER" --initial-advertise-peer-urls="http://127.0.0.1:$PEER" \
  --initial-cluster="default=http://127.0.0.1:$PEER" >etcd.log 2>&1 &
etcd=$!
"$BIN/kube-apiserver" --etcd-servers="http://127.0.0.1:$ETCD" --cert-dir=pki \
  --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$PORT" \
  --endpoint-reconciler-type=none --service-cluster-ip-range="$SERVICES" \
  --authorization-mode=RBAC --token-auth-file=tokens.csv --allow-privileged=true \
  --disable-admission-plugins=ServiceAccount \
  --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file=pki/sa.pub --service-account-signing-key-file=pki/sa.key \
  --audit-policy-file=audit.json --audit-log-path=audit.log >apiserver.log 2>&1 &
apiserver=$!
cat >/dev/null
kill -KILL "$apiserver" "$etcd"
wait
rm -rf "$DIR"
"#;

/// A running API server; it ends with this value, and at the latest with the process.
pub struct ApiServer {
    /// `https://127.0.0.1:PORT`
    pub url: String,
    /// The port.
    pub port: u16,
    /// Services have addresses in 127.BLOCK.0.0/16.
    pub block: u16,
    /// `kubectl` as administrator.
    pub kubectl: Kubectl,
    /// Asks as administrator: see [`ApiServer::request`].
    client: reqwest::Client,
    folder: TempDir,
    keeper: Child,
}

impl ApiServer {
    /// Starts one and waits until it answers. `None`, said loudly, where its programs are not
    /// built; with `HEARTH_E2E=required` that is a failure.
    pub async fn start() -> Option<Self> {
        let programs = programs()?;
        install_crypto();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (port, etcd, peer) = (free_port(), free_port(), free_port());
        // Two servers share no address, as far as chance allows.
        let block = 16 + port % 200;
        prepare(&programs, folder.path(), port);
        let keeper = Command::new("bash")
            .args(["-c", SERVERS])
            .envs([("BIN", programs.as_path()), ("DIR", folder.path())])
            .envs([("ETCD", etcd), ("PEER", peer), ("PORT", port)].map(|(k, v)| (k, v.to_string())))
            .env("SERVICES", format!("127.{block}.0.0/16"))
            .stdin(Stdio::piped())
            .stderr(Stdio::null()) // only says whom it killed
            .spawn()
            .expect("bash starts");
        let kubeconfig = folder.path().join("admin.kubeconfig");
        let server = Self {
            url: format!("https://127.0.0.1:{port}"),
            port,
            block,
            kubectl: Kubectl::new(programs.join("kubectl"), kubeconfig),
            client: client(folder.path()).await,
            folder,
            keeper,
        };
        eventually("the API server is ready", START_LIMIT, async || {
            let answer = server.request("GET", "/readyz", "").await;
            answer.map_err(|error| format!("{error}\n{}", server.log_tail()))
        })
        .await;
        Some(server)
    }

    /// Where the test may put files; gone with the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A namespace, made now.
    pub async fn namespace(&self, name: &str) -> Namespace {
        self.kubectl.must(&["create", "namespace", name]).await;
        Namespace { name: name.to_owned(), server: self.kubectl.clone() }
    }

    /// A request of the administrator; the body of a good answer.
    pub async fn request(&self, method: &str, path: &str, body: &str) -> Result<String, String> {
        let method = method.parse::<reqwest::Method>().expect("a method");
        let kind = match method {
            reqwest::Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = self.client.request(method, format!("{}{path}", self.url));
        let request = request.bearer_auth(ADMIN_TOKEN).header("content-type", kind);
        let answer = request.body(body.to_owned()).send().await;
        let answer = answer.map_err(|error| format!("{error:?}"))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(text) } else { Err(format!("{path}: {status}: {text}")) }
    }

    /// A token of a service account, for an audience; for this API server where that is empty.
    pub async fn token(&self, namespace: &str, account: &str, audience: &str) -> String {
        let audience = format!("--audience={audience}");
        let mut args = vec!["-n", namespace, "create", "token", account, "--duration=2h"];
        args.extend((audience != "--audience=").then_some(audience.as_str()));
        self.kubectl.must(&args).await.trim().to_owned()
    }

    /// A kubeconfig of a service account.
    pub async fn kubeconfig(&self, namespace: &str, account: &str) -> PathBuf {
        let token = self.token(namespace, account, "").await;
        let file = self.folder().join(format!("{namespace}.{account}.kubeconfig"));
        write(&file, &kubeconfig(self.folder(), self.port, &token));
        file
    }

    /// The certificates to trust, PEM.
    pub fn authority(&self) -> String {
        std::fs::read_to_string(authority(self.folder())).expect("it has begun to serve")
    }

    /// What the API server has said last, for messages.
    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.folder().join("apiserver.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Where the programs are.
fn programs() -> Option<PathBuf> {
    let told = Command::new(root().join("e2e/cluster/cluster")).arg("path").output();
    let told = told.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let folder = PathBuf::from(told.unwrap_or_default());
    let missing: Vec<_> = PROGRAMS.iter().filter(|name| !folder.join(name).exists()).collect();
    if missing.is_empty() {
        return Some(folder);
    }
    let reason = format!("{missing:?} not built: e2e/cluster/cluster build {}", PROGRAMS.join(" "));
    skipped(&reason);
    None
}

/// Says loudly, past what captures a test's words, that a test does not run; with
/// `HEARTH_E2E=required` that is a failure.
pub fn skipped(reason: &str) {
    let required = std::env::var_os("HEARTH_E2E").is_some_and(|value| value == "required");
    assert!(!required, "{reason}");
    let _ = writeln!(
        std::io::stderr(),
        "==== SKIPPED: the tests on an API server alone did not run: {reason}"
    );
}

fn prepare(programs: &Path, folder: &Path, port: u16) {
    let kubeadm = |args: &[&str]| {
        let made = Command::new(programs.join("kubeadm")).args(args).output();
        let made = made.expect("kubeadm starts");
        assert!(made.status.success(), "kubeadm: {}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8_lossy(&made.stdout).trim().to_owned()
    };
    // Told its own version, it does not look for one in the network.
    let version = kubeadm(&["version", "-o", "short"]);
    let config = folder.join("kubeadm.yaml");
    let settings = json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration",
        "kubernetesVersion": version, "certificatesDir": folder.join("pki"),
    });
    write(&config, &settings.to_string());
    kubeadm(&["init", "phase", "certs", "sa", "--config", &config.display().to_string()]);
    // Every request of service accounts is written down, without what it holds.
    let audit = json!({
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}],
    });
    write(&folder.join("audit.json"), &audit.to_string());
    write(&folder.join("tokens.csv"), &format!("{ADMIN_TOKEN},admin,admin,system:masters\n"));
    write(&folder.join("admin.kubeconfig"), &kubeconfig(folder, port, ADMIN_TOKEN));
}

fn kubeconfig(folder: &Path, port: u16, token: &str) -> String {
    let cluster = json!({
        "server": format!("https://127.0.0.1:{port}"), "certificate-authority": authority(folder),
    });
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": cluster}],
        "users": [{"name": "a", "user": {"token": token}}],
    });
    config.to_string()
}

/// The server's certificate with the authority that it made for itself.
fn authority(folder: &Path) -> PathBuf {
    folder.join("pki/apiserver.crt")
}

async fn client(folder: &Path) -> reqwest::Client {
    let certificates = eventually("the certificate is made", START_LIMIT, async || {
        let pem = std::fs::read(authority(folder)).map_err(|error| error.to_string())?;
        let all = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| error.to_string())?;
        if all.is_empty() { Err("no certificate yet".to_owned()) } else { Ok(all) }
    })
    .await;
    reqwest::Client::builder()
        .tls_certs_only(certificates)
        .timeout(Duration::from_secs(30))
        .build()
        .expect("plain options")
}

fn write(file: &Path, text: &str) {
    let mut out = std::fs::File::create(file).expect("the folder is ours");
    out.write_all(text.as_bytes()).expect("the folder is ours");
}
