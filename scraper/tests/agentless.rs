//! Clusters elsewhere, scraped with nothing installed there.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/remote_cluster.rs"]
mod remote_cluster;
#[path = "support/running_role.rs"]
mod running_role;
#[path = "support/exporter_and_inbox.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::collector_report::CollectorReport;
use remote_cluster::{Admits, Aws, CLUSTER, MovedClock, REGION, RemoteCluster};
use running_role::{Object, Running, Start, api_server, scraper, spec, store};
use scraper::clock::WallClock;
use scraper::kubernetes::aws_credentials::AwsSource;
use scraper::kubernetes::eks::EksSettings;
use scraper::role_settings::RoleSettings;
use serde_json::json;
use support::{Exporter, Inbox, Reply};

/// A collector of all pods of another cluster, and a store for what it finds.
struct Bench {
    clock: Arc<MovedClock>,
    aws: Aws,
    remote: RemoteCluster,
    exporter: Exporter,
    inbox: Arc<Inbox>,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(MovedClock::default());
        let aws = Aws::start(Arc::clone(&clock)).await;
        let remote = RemoteCluster::start(folder.path(), aws.judge()).await;
        let exporter = Exporter::start(Reply::text("a 1\n")).await;
        remote.add_pod("first", exporter.address);
        Self { clock, aws, remote, exporter, inbox: Arc::default(), folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn start(&self, change: impl FnOnce(&mut RoleSettings)) -> Running {
        let pods = "{job_name: pods, kubernetes_sd_configs: [{role: pod}], relabel_configs: \
                    [{source_labels: [__meta_kubernetes_pod_name], target_label: pod}]}";
        let local = format!(
            "{{job_name: local, static_configs: [{{targets: ['{}']}}]}}",
            self.exporter.address
        );
        let jobs = spec(&format!("{pods}, {local}"));
        let api = api_server(Arc::new(Object::new(scraper(1, jobs)))).await;
        let store = store(Arc::clone(&self.inbox)).await;
        let clock: Arc<dyn WallClock> = self.clock.clone();
        Start { clock, ..Start::new(&api, store, &self.file("data")) }.run(change)
    }

    fn eks(&self, source: AwsSource) -> EksSettings {
        EksSettings {
            cluster_arn: format!("arn:aws:eks:{REGION}:1:cluster/{CLUSTER}"),
            role_arn: None,
            eks_endpoint: Some(self.aws.url()),
            sts_endpoint: None,
            trusted_sts: Some(self.aws.url()),
            source,
        }
    }

    /// Waits for a sample of a pod.
    async fn has(&self, pod: &str) {
        let is_of = |labels: &protocol::labels::Labels| {
            labels.metric_name() == "a" && labels.value("pod") == pod
        };
        self.inbox.until(pod, |inbox| inbox.samples().keys().any(is_of)).await;
    }
}

fn tells(report: &CollectorReport, words: &str) -> bool {
    report.troubles.iter().any(|trouble| trouble.contains(words))
}

#[tokio::test]
async fn pods_of_an_eks_cluster_are_scraped_and_tokens_renewed_in_time() {
    let bench = Bench::new().await;
    bench.aws.has(&bench.remote);
    let source = AwsSource::Keys(bench.aws.add_keys("AKID"));
    let eks = bench.eks(source);
    bench.remote.hold(true);
    let running = bench.start(|settings| settings.eks = Some(eks)).await;
    // Nobody may take the next collector down before this one knows its targets.
    let waits = |code, text: &str| code == 503 && text.contains("of jobs pods");
    running.answers("it waits for the list", "/-/ready", waits).await;
    bench.remote.hold(false);
    running.is_ready().await;
    bench.has("first").await;
    // Watches that begin a quarter of an hour later bear another token.
    for (minutes, pod) in [(9, "second"), (6, "third"), (20, "fourth")] {
        bench.clock.forward(minutes);
        bench.remote.end_watches();
        bench.remote.add_pod(pod, bench.exporter.address);
        bench.has(pod).await;
    }
    assert_eq!(bench.remote.refused(), Vec::<String>::new());
    assert_eq!(bench.remote.tokens().len(), 3, "one served the first nine minutes");
    running.until("nothing is amiss", |report| report.troubles.is_empty()).await;
    assert_eq!(bench.aws.calls(), [format!("/clusters/{CLUSTER}")], "tokens cost no request");
    running.end().await;
}

#[tokio::test]
async fn the_identity_of_a_pod_becomes_a_role_again_before_its_keys_end() {
    let bench = Bench::new().await;
    bench.aws.has(&bench.remote);
    let (role, file) = ("arn:aws:iam::1:role/reader", bench.file("identity"));
    std::fs::write(&file, "projected-1\n").unwrap();
    bench.aws.trust("projected-1", role);
    let token_file = file.display().to_string();
    let source = AwsSource::WebIdentity { role_arn: role.to_owned(), token_file };
    let further = Some("arn:aws:iam::2:role/far".to_owned());
    let eks = EksSettings { role_arn: further, ..bench.eks(source) };
    let running = bench.start(|settings| settings.eks = Some(eks)).await;
    bench.has("first").await;
    // The kubelet renews the token; only the new one is trusted.
    std::fs::write(&file, "projected-2\n").unwrap();
    bench.aws.trust("projected-2", role);
    bench.clock.forward(46);
    bench.remote.end_watches();
    bench.remote.add_pod("second", bench.exporter.address);
    bench.has("second").await;
    assert_eq!(bench.remote.refused(), Vec::<String>::new());
    let calls = bench.aws.calls();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert_eq!((count("AssumeRoleWithWebIdentity"), count("AssumeRole")), (2, 2), "{calls:?}");
    running.end().await;
}

#[tokio::test]
async fn what_is_wrong_with_eks_is_told_and_cured_without_a_restart() {
    let bench = Bench::new().await;
    let keys = bench.file("keys");
    let eks = bench.eks(AwsSource::KeyFiles(keys.clone()));
    let running = bench.start(|settings| settings.eks = Some(eks)).await;
    running.until("no keys", |report| tells(report, "AWS_ACCESS_KEY_ID: No such file")).await;
    // It is ready, since waiting would cure nothing, and what needs no cluster is scraped.
    running.is_ready().await;
    running.until("the local target", |report| report.active == 1).await;
    let job = |report: &CollectorReport| {
        let job = report.jobs.iter().find(|job| job.name == "pods").unwrap();
        job.errors.first().is_some_and(|(error, _)| error.contains("AWS_ACCESS_KEY_ID"))
    };
    running.until("the job says why it has no targets", job).await;

    std::fs::create_dir(&keys).unwrap();
    std::fs::write(keys.join("AWS_ACCESS_KEY_ID"), "AKID\n").unwrap();
    std::fs::write(keys.join("AWS_SECRET_ACCESS_KEY"), "secret/of+AKID\n").unwrap();
    running.until("keys that AWS does not know", |r| tells(r, "allow eks:DescribeCluster")).await;
    bench.aws.add_keys("AKID");
    running.until("no such cluster", |r| tells(r, "look at the name and the region")).await;
    let creating = json!({"cluster": {"name": CLUSTER, "status": "CREATING"}});
    bench.aws.describe(200, creating);
    running.until("not yet", |report| tells(report, "waiting until it is ACTIVE")).await;
    bench.aws.has(&bench.remote);
    bench.has("first").await;
    running.until("all is well", |report| report.troubles.is_empty() && report.active == 2).await;
    running.end().await;
}

#[tokio::test]
async fn a_collector_without_aws_credentials_or_without_aws_stays_and_says_so() {
    let bench = Bench::new().await;
    let running = bench.start(|s| s.eks = Some(bench.eks(AwsSource::Missing))).await;
    running.until("no credentials", |r| tells(r, "source.eks.credentialsSecretName")).await;
    running.end().await;
    let keys = AwsSource::Keys(bench.aws.add_keys("AKID"));
    let nobody = Some("http://127.0.0.1:9".to_owned());
    let eks = EksSettings { eks_endpoint: nobody, ..bench.eks(keys) };
    let running = bench.start(|settings| settings.eks = Some(eks)).await;
    running.until("nobody answers", |report| tells(report, "let the collector reach it")).await;
    running.is_ready().await;
    running.end().await;
}

fn kubeconfig(remote: &RemoteCluster, token: &str) -> String {
    format!(
        "current-context: c\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: '{}', certificate-authority-data: {}}}}}]\n\
         users: [{{name: u, user: {{token: {token}}}}}]\n",
        remote.url(),
        STANDARD.encode(&remote.ca)
    )
}

/// As a mounted Secret changes: a whole new file takes the place of the old one.
fn put(file: &Path, text: &str) {
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, text).unwrap();
    std::fs::rename(&fresh, file).unwrap();
}

fn only(token: &'static str) -> Arc<Admits> {
    Arc::new(move |shown| if shown == token { Ok(()) } else { Err(shown.to_owned()) })
}

#[tokio::test]
async fn a_changed_kubeconfig_is_used_without_a_restart_and_a_broken_one_is_told() {
    let bench = Bench::new().await;
    let file = bench.file("kubeconfig");
    bench.remote.admit(only("one"));
    let running = bench.start(|settings| settings.kubeconfig = Some(file.clone())).await;
    running.until("no file yet", |report| tells(report, "no restart is needed")).await;
    put(&file, &kubeconfig(&bench.remote, "one"));
    bench.has("first").await;

    put(&file, "current-context: [\n");
    running.until("a broken file", |report| tells(report, "known before stays in force")).await;
    running.until("what was found stays", |report| report.active == 2).await;
    bench.remote.add_pod("second", bench.exporter.address);
    bench.has("second").await;

    // The old token is taken back; the new file comes a moment later.
    bench.remote.admit(only("two"));
    bench.remote.end_watches();
    let refused = |report: &CollectorReport| {
        let mut jobs = report.jobs.iter().flat_map(|job| &job.errors);
        jobs.any(|(error, _)| error.contains("the credentials are not accepted"))
    };
    running.until("the refusal", |report| refused(report) && report.active == 3).await;
    put(&file, &kubeconfig(&bench.remote, "two"));
    bench.remote.add_pod("third", bench.exporter.address);
    bench.has("third").await;
    running
        .until("all is well", |report| {
            report.troubles.is_empty() && !refused(report) && report.active == 4
        })
        .await;
    assert_eq!(bench.remote.tokens(), ["one", "two"]);
    running.end().await;
}
