//! Discovery against a scripted API server.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it saw")]

#[path = "support/api_server.rs"]
mod api_server;
#[path = "support/exporter_and_inbox.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use api_server::{ApiServer, Mood};
use futures::future::BoxFuture;
use protocol::http_config::HttpClientConfig;
use scraper::clock::TokioClock;
use scraper::collector::{Collector, CollectorOptions};
use scraper::destination::WriteDestination;
use scraper::exposition::Dialect;
use scraper::kubernetes::cluster::Cluster;
use scraper::kubernetes::cluster_access::{ClusterAccess, server_url};
use scraper::kubernetes::clusters::OwnCluster;
use scraper::scrape_client::Fetch;
use scraper::scrape_outcome::Answer;
use scraper::status::TargetStatus;
use support::{Inbox, configuration};
use tokio::time::{Instant, sleep};

struct AllUp;

impl Fetch for AllUp {
    fn fetch<'a>(&'a self, _url: &'a str, _timeout: Duration) -> BoxFuture<'a, Answer> {
        let body = b"a 1\n".to_vec();
        Box::pin(std::future::ready(Answer::Body(body, Dialect::Text)))
    }
}

struct Bench {
    api: ApiServer,
    cluster: Arc<Cluster>,
    collector: Collector,
    inbox: Arc<Inbox>,
}

impl Bench {
    fn start(api: &ApiServer, jobs: &str) -> Self {
        let inbox: Arc<Inbox> = Arc::default();
        Self { inbox: Arc::clone(&inbox), ..Self::over(api, jobs, inbox) }
    }

    fn over(api: &ApiServer, jobs: &str, destination: Arc<dyn WriteDestination>) -> Self {
        let access = ClusterAccess {
            server: server_url("https://api.test").unwrap(),
            http: HttpClientConfig::default(),
            bearer: None,
            own_namespace: Some("own".to_owned()),
        };
        let cluster = Arc::new(Cluster::over(access, api.client()));
        let options = CollectorOptions {
            clock: Arc::new(TokioClock::starting_at(1_700_000_000_000)),
            connect: Arc::new(|_| Ok(Arc::new(AllUp))),
            kubernetes: OwnCluster::Known(Arc::clone(&cluster)),
            ..CollectorOptions::default()
        };
        let inbox = Arc::default();
        let collector =
            Collector::start("t".to_owned(), configuration(&yaml(jobs)), destination, options);
        Self { api: api.clone(), cluster, collector, inbox }
    }

    /// The addresses of a job's targets, in order.
    fn addresses(&self, job: &str) -> Vec<String> {
        let mut all: Vec<String> = self
            .targets(job)
            .iter()
            .map(|target| target.discovered.value("__address__").to_owned())
            .collect();
        all.sort();
        all
    }

    fn targets(&self, job: &str) -> Vec<TargetStatus> {
        self.collector.status().targets.into_iter().filter(|one| one.job == job).collect()
    }

    fn error(&self, job: &str) -> Option<String> {
        let errors = self.collector.status().job_errors;
        errors.into_iter().find(|(name, _)| name == job).map(|(_, error)| error)
    }

    /// Waits until something holds; gives how long that took.
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Duration {
        let start = Instant::now();
        while !holds(self) {
            let status = self.collector.status();
            let errors = &status.job_errors;
            assert!(start.elapsed() < Duration::from_mins(10), "never seen: {what}; {errors:?}");
            sleep(Duration::from_millis(10)).await;
        }
        start.elapsed()
    }

    async fn until_addresses(&self, job: &str, expected: &[&str]) -> Duration {
        self.until(&format!("{job}: {expected:?}"), |bench| bench.addresses(job) == expected).await
    }
}

fn yaml(jobs: &str) -> String {
    format!("{{global: {{scrape_interval: 10s}}, scrape_configs: [{jobs}]}}")
}

fn job(name: &str, fields: &str) -> String {
    format!("{{job_name: {name}, kubernetes_sd_configs: [{{{fields}}}]}}")
}

fn pod(namespace: &str, name: &str, ip: &str) -> String {
    format!(
        "{{metadata: {{namespace: {namespace}, name: {name}, labels: {{app: {name}}}}}, \
         spec: {{nodeName: node-a, containers: [{{name: c, ports: [{{containerPort: 80}}]}}]}}, \
         status: {{podIP: {ip}, phase: Running}}}}"
    )
}

#[tokio::test(start_paused = true)]
async fn pods_come_change_and_go_within_half_a_second() {
    let api = ApiServer::default();
    api.set("pods", &pod("a", "one", "10.0.0.1"));
    let bench = Bench::start(&api, &job("pods", "role: pod"));
    bench.until_addresses("pods", &["10.0.0.1:80"]).await;
    sleep(Duration::from_secs(5)).await;
    let limit = Duration::from_millis(500);
    api.set("pods", &pod("b", "two", "10.0.0.2"));
    let took = bench.until_addresses("pods", &["10.0.0.1:80", "10.0.0.2:80"]).await;
    assert!(took <= limit, "a new pod took {took:?}");
    api.set("pods", &pod("a", "one", "10.0.0.3"));
    let took = bench.until_addresses("pods", &["10.0.0.2:80", "10.0.0.3:80"]).await;
    assert!(took <= limit, "a changed pod took {took:?}");
    api.delete("pods", "b", "two");
    let took = bench.until_addresses("pods", &["10.0.0.3:80"]).await;
    assert!(took <= limit, "a deleted pod took {took:?}");
    let target = &bench.targets("pods")[0];
    assert_eq!(target.discovered.value("__meta_kubernetes_pod_label_app"), "one");
    bench.inbox.until("samples", |inbox| !inbox.samples().is_empty()).await;
    assert_eq!(bench.api.count("pods", false), 1, "listed once");
}

#[tokio::test(start_paused = true)]
async fn jobs_share_one_watch_and_keep_it_over_a_reload() {
    let api = ApiServer::default();
    api.set("pods", &pod("a", "one", "10.0.0.1"));
    let jobs: Vec<String> = (0..20).map(|at| job(&format!("j{at}"), "role: pod")).collect();
    let bench = Bench::start(&api, &jobs.join(", "));
    for at in 0..20 {
        bench.until_addresses(&format!("j{at}"), &["10.0.0.1:80"]).await;
    }
    assert_eq!((api.count("pods", false), bench.cluster.watch_count()), (1, 1));
    // Another interval: every job is set up anew.
    let reload = yaml(&jobs.join(", ")).replace("10s", "20s");
    bench.collector.apply(configuration(&reload)).await;
    for at in 0..20 {
        bench.until_addresses(&format!("j{at}"), &["10.0.0.1:80"]).await;
    }
    assert_eq!(api.count("pods", false), 1, "nothing is listed again");
    bench.collector.apply(configuration(&yaml(""))).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.cluster.watch_count(), 0, "nobody asks any more");
}

#[tokio::test(start_paused = true)]
async fn namespaces_and_selectors_narrow_what_is_asked() {
    let api = ApiServer::default();
    for (at, namespace) in ["a", "b", "own"].iter().enumerate() {
        api.set("pods", &pod(namespace, "p", &format!("10.0.0.{at}")));
    }
    let narrow = "role: pod, namespaces: {own_namespace: true, names: [a]}, \
                  selectors: [{role: pod, label: x=y, field: spec.nodeName=n}]";
    let bench = Bench::start(&api, &job("narrow", narrow));
    bench.until("both", |bench| bench.targets("narrow").len() == 2).await;
    let mut namespaces: Vec<String> =
        api.asked().into_iter().filter(|one| !one.watch).filter_map(|one| one.namespace).collect();
    namespaces.sort();
    assert_eq!(namespaces, ["a", "own"]);
    for asked in api.asked() {
        assert_eq!(asked.query["labelSelector"], "x=y");
        assert_eq!(asked.query["fieldSelector"], "spec.nodeName=n");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_thread_is_taken_up_by_a_new_list() {
    let api = ApiServer::default();
    api.set("pods", &pod("a", "one", "10.0.0.1"));
    api.set("pods", &pod("a", "two", "10.0.0.2"));
    let bench = Bench::start(&api, &job("pods", "role: pod"));
    bench.until_addresses("pods", &["10.0.0.1:80", "10.0.0.2:80"]).await;
    bench.until("a watch", |bench| bench.api.count("pods", true) == 1).await;
    api.lose_history(|api| {
        api.delete("pods", "a", "one");
        api.set("pods", &pod("a", "three", "10.0.0.3"));
    });
    bench.until_addresses("pods", &["10.0.0.2:80", "10.0.0.3:80"]).await;
    assert_eq!(api.count("pods", false), 2);
    assert_eq!(bench.error("pods"), None);
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_from_the_bookmark() {
    let api = ApiServer::default();
    api.set("pods", &pod("a", "one", "10.0.0.1"));
    let bench = Bench::start(&api, &job("pods", "role: pod"));
    bench.until("a watch", |bench| bench.api.count("pods", true) == 1).await;
    sleep(Duration::from_mins(2)).await;
    api.end_watches();
    bench.until("another watch", |bench| bench.api.count("pods", true) == 2).await;
    let versions: Vec<String> = api
        .asked()
        .iter()
        .filter(|asked| asked.watch)
        .map(|asked| asked.query["resourceVersion"].clone())
        .collect();
    assert_eq!(versions, ["1", "101"]);
    assert_eq!(api.count("pods", false), 1, "no second list");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_allowed_is_named_and_stops_no_other_job() {
    let api = ApiServer::default();
    api.set("pods", &pod("a", "one", "10.0.0.1"));
    api.set(
        "nodes",
        "{metadata: {name: node-a}, status: {addresses: [{type: InternalIP, address: \
                      1.1.1.1}], daemonEndpoints: {kubeletEndpoint: {Port: 10250}}}}",
    );
    api.mood("nodes", Some(Mood::Refuse(403)));
    let jobs = format!("{}, {}", job("nodes", "role: node"), job("pods", "role: pod"));
    let bench = Bench::start(&api, &jobs);
    bench.until_addresses("pods", &["10.0.0.1:80"]).await;
    bench.until("an error", |bench| bench.error("nodes").is_some()).await;
    let error = bench.error("nodes").unwrap();
    assert!(error.contains("nodes: 403: not allowed; get, list and watch on nodes"), "{error}");
    assert_eq!(bench.error("pods"), None);
    // It asks again and again, not in a tight loop.
    sleep(Duration::from_mins(10)).await;
    let asked = api.count("nodes", false);
    assert!((10..60).contains(&asked), "{asked} requests in ten minutes");
    api.mood("nodes", None);
    bench.until_addresses("nodes", &["1.1.1.1:10250"]).await;
    bench.until("no error", |bench| bench.error("nodes").is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_known_stays_while_the_server_fails() {
    let api = ApiServer::default();
    api.set("pods", &pod("a", "one", "10.0.0.1"));
    let bench = Bench::start(&api, &job("pods", "role: pod"));
    bench.until_addresses("pods", &["10.0.0.1:80"]).await;
    for mood in [Mood::Refuse(500), Mood::Refuse(429), Mood::Refuse(403), Mood::Hang] {
        api.mood("pods", Some(mood));
        bench.until("an error", |bench| bench.error("pods").is_some()).await;
        let error = bench.error("pods").unwrap();
        let expected = match mood {
            Mood::Refuse(code) => format!("pods in all namespaces: {code}"),
            Mood::Hang => "pods in all namespaces: no answer within 30 s".to_owned(),
        };
        assert!(error.contains(&expected), "{error}");
        assert_eq!(bench.addresses("pods"), ["10.0.0.1:80"], "{mood:?}");
        api.mood("pods", None);
        bench.until("no error", |bench| bench.error("pods").is_none()).await;
    }
    api.set("pods", &pod("a", "two", "10.0.0.2"));
    bench.until_addresses("pods", &["10.0.0.1:80", "10.0.0.2:80"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_from_the_start_is_named() {
    let api = ApiServer::default();
    api.mood("pods", Some(Mood::Hang));
    let bench = Bench::start(&api, &job("pods", "role: pod"));
    let took = bench.until("an error", |bench| bench.error("pods").is_some()).await;
    assert!(took <= Duration::from_secs(31), "{took:?}");
    api.set("pods", &pod("a", "one", "10.0.0.1"));
    api.mood("pods", None);
    bench.until_addresses("pods", &["10.0.0.1:80"]).await;
}

#[tokio::test(start_paused = true)]
async fn long_lists_come_in_pages_or_in_one_piece_when_pages_expire() {
    let api = ApiServer::default();
    for at in 0..1201 {
        api.set("pods", &pod("a", &format!("p{at}"), &format!("10.0.{}.{}", at / 250, at % 250)));
    }
    api.expire_pages(1);
    let bench = Bench::start(&api, &job("pods", "role: pod"));
    bench.until("all", |bench| bench.targets("pods").len() == 1201).await;
    let limits: Vec<Option<String>> = api
        .asked()
        .iter()
        .filter(|asked| !asked.watch)
        .map(|asked| asked.query.get("limit").cloned())
        .collect();
    assert_eq!(limits, [Some("500".to_owned()), Some("500".to_owned()), None]);
    assert_eq!(bench.error("pods"), None);
}

#[tokio::test(start_paused = true)]
async fn services_pods_and_nodes_lend_to_endpoints() {
    let api = ApiServer::default();
    api.set("pods", &pod("a", "one", "10.0.0.1"));
    api.set("services", "{metadata: {namespace: a, name: s, labels: {team: x}}}");
    api.set("nodes", "{metadata: {name: node-a, labels: {zone: z}}}");
    let reference = "targetRef: {kind: Pod, namespace: a, name: one}, nodeName: node-a";
    api.set(
        "endpointslices",
        &format!(
            "{{metadata: {{namespace: a, name: s-1, labels: {{kubernetes.io/service-name: s}}}}, \
         addressType: IPv4, ports: [{{port: 80}}], \
         endpoints: [{{addresses: [10.0.0.1], {reference}}}]}}"
        ),
    );
    api.set(
        "endpoints",
        &format!(
            "{{metadata: {{namespace: a, name: s}}, subsets: [{{ports: [{{port: 80}}], \
         addresses: [{{ip: 10.0.0.1, {reference}}}]}}]}}"
        ),
    );
    let attach = "attach_metadata: {node: true}";
    let jobs = format!(
        "{}, {}",
        job("slices", &format!("role: endpointslice, {attach}")),
        job("endpoints", &format!("role: endpoints, {attach}")),
    );
    let bench = Bench::start(&api, &jobs);
    let sees = |bench: &Bench, job: &str, name: &str, value: &str| {
        let name = format!("__meta_kubernetes_{name}");
        bench.targets(job).iter().any(|target| target.discovered.value(&name) == value)
    };
    for job in ["slices", "endpoints"] {
        for (name, value) in
            [("service_label_team", "x"), ("pod_label_app", "one"), ("node_label_zone", "z")]
        {
            bench.until(&format!("{job}: {name}"), |bench| sees(bench, job, name, value)).await;
        }
    }
    // Each lender's change reaches the targets.
    api.set("services", "{metadata: {namespace: a, name: s, labels: {team: z}}}");
    api.set("nodes", "{metadata: {name: node-a, labels: {zone: w}}}");
    api.set("pods", &pod("a", "one", "10.0.0.1").replace("Running", "Failed"));
    for job in ["slices", "endpoints"] {
        for (name, value) in
            [("service_label_team", "z"), ("pod_phase", "Failed"), ("node_label_zone", "w")]
        {
            let what = format!("{job}: {name}={value}");
            let took = bench.until(&what, |bench| sees(bench, job, name, value)).await;
            assert!(took <= Duration::from_millis(500), "{what} took {took:?}");
        }
    }
    assert_eq!(bench.cluster.watch_count(), 5, "pods, services, nodes, slices, endpoints");
}

#[tokio::test(start_paused = true)]
async fn without_a_cluster_the_job_says_so() {
    let inbox: Arc<Inbox> = Arc::default();
    let config = configuration(&yaml(&job("pods", "role: pod")));
    let options = CollectorOptions::default();
    let collector = Collector::start("t".to_owned(), config, inbox, options);
    let start = Instant::now();
    while collector.status().job_errors.is_empty() {
        assert!(start.elapsed() < Duration::from_mins(1));
        sleep(Duration::from_millis(10)).await;
    }
    let (_, error) = collector.status().job_errors.remove(0);
    assert!(error.contains("kubernetes_sd_configs: not supported in `hearth up`"), "{error}");
}

/// Counts the whole test process, the scripted server's copies of all objects included.
#[tokio::test(start_paused = true)]
#[ignore = "a measurement: run it alone, with --ignored"]
async fn ten_thousand_pods_fit_into_memory() {
    let api = ApiServer::default();
    let words: Vec<String> =
        (0..12).map(|at| format!("example.com/label-{at}: value-of-label-{at}")).collect();
    for at in 0..10_000 {
        let yaml = pod("a", &format!("web-{at}"), &format!("10.{}.{}.1", at / 250, at % 250));
        let name = format!("labels: {{app: web-{at}}}");
        api.set("pods", &yaml.replace(&name, &format!("labels: {{{}}}", words.join(", "))));
    }
    let drop_all = "relabel_configs: [{action: drop, regex: '', source_labels: [x]}], ";
    let before = resident_mib();
    for relabel in [drop_all, ""] {
        let job = job("pods", "role: pod").replacen('{', &format!("{{{relabel}"), 1);
        let bench = Bench::over(&api, &job, Arc::new(Discard));
        let count = if relabel.is_empty() { 10_000 } else { 0 };
        bench.until("a watch", |bench| bench.api.count("pods", true) > 0).await;
        sleep(Duration::from_mins(1)).await;
        assert_eq!(bench.targets("pods").len(), count);
        let after = resident_mib();
        println!("10,000 pods, {count} scraped: {before} MiB before, {after} MiB after");
        bench.collector.shutdown().await;
        assert!(after - before < 200, "{before} MiB before, {after} MiB after");
    }
}

/// Takes everything and keeps nothing.
struct Discard;

impl WriteDestination for Discard {
    fn write(
        &self,
        _: http::Request<bytes::Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<bytes::Bytes>, String>> {
        let mut response = http::Response::new(bytes::Bytes::new());
        *response.status_mut() = http::StatusCode::NO_CONTENT;
        Box::pin(std::future::ready(Ok(response)))
    }
}

fn resident_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096 / (1 << 20)
}

/// Run it where a cluster answers: `KUBECONFIG` names the file.
#[tokio::test]
#[ignore = "needs a real cluster"]
async fn a_real_cluster_is_read_by_every_role() {
    let roles = ["node", "pod", "service", "endpoints", "endpointslice", "ingress"];
    let file = std::env::var("KUBECONFIG").unwrap();
    let jobs: Vec<String> = roles
        .iter()
        .map(|role| job(role, &format!("role: {role}, kubeconfig_file: {file:?}")))
        .collect();
    let inbox: Arc<Inbox> = Arc::default();
    let config = configuration(&yaml(&jobs.join(", ")));
    let options = CollectorOptions {
        connect: Arc::new(|_| Ok(Arc::new(AllUp))),
        ..CollectorOptions::default()
    };
    let collector = Collector::start("t".to_owned(), config, inbox, options);
    for _ in 0..100 {
        sleep(Duration::from_millis(100)).await;
        let status = collector.status();
        assert!(status.job_errors.is_empty(), "{:?}", status.job_errors);
        let has = |role: &&str| status.targets.iter().any(|target| target.job == **role);
        // A fresh cluster has no ingress.
        if roles[..5].iter().all(has) {
            for target in &status.targets {
                println!("{} {:?}", target.job, target.discovered);
            }
            return;
        }
    }
    panic!("not all roles have targets: {:?}", collector.status().targets.len());
}
