//! Memory of a collector in a big cluster, measured.

use std::time::{Duration, Instant};

use e2e::api_collectors::{Collectors, NAME};
use e2e::api_server::ApiServer;
use e2e::exporter::Exporter;
use e2e::inbox::Inbox;
use e2e::scene::example;
use serde_json::{Value, json};

const PODS: usize = 10_000;
const PODS_OF_A_NODE: usize = 500;
/// Pods that are annotated, and so scraped.
const ANNOTATED: usize = 100;
/// Makers at the same time: what an API server on two cores takes.
const AT_ONCE: usize = 8;
const MIB_MAX: f64 = 200.0;

/// As large as pods are: containers with environment and volumes, labels of several tools.
fn pod(number: usize, port: &str) -> Value {
    let app = format!("app-{}", number % 300);
    let variables = (0..15).map(
        |at| json!({"name": format!("SETTING_{at}"), "value": format!("value {at} of {app}")}),
    );
    let variables: Vec<Value> = variables.collect();
    let mut annotations = json!({
        "kubernetes.io/config.seen": "2026-11-22T10:00:00Z", "team": "shop",
        "checksum/config": format!("{:064x}", number % 300),
    });
    if number < ANNOTATED {
        annotations["prometheus.io/scrape"] = json!("true");
        annotations["prometheus.io/port"] = json!(port);
        annotations["prometheus.io/path"] = json!(format!("/{number}"));
    }
    let container = |name: &str, port: u16| {
        json!({
            "name": name, "image": format!("registry.example/{app}/{name}:1.{}", number % 300), "env": variables,
            "ports": [{"name": format!("http-{name}"), "containerPort": port}],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": port}},
        })
    };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{app}-7c9f8d6b5-{number:05}"), "annotations": annotations,
            "labels": {
                "app.kubernetes.io/name": app, "app.kubernetes.io/instance": app, "app.kubernetes.io/part-of": "shop",
                "app.kubernetes.io/version": format!("1.{}", number % 300), "pod-template-hash": "7c9f8d6b5",
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{app}-7c9f8d6b5"), "controller": true,
                "uid": format!("00000000-0000-4000-8000-{:012}", number % 300),
            }],
        },
        "spec": {
            "nodeName": format!("node-{}", number / PODS_OF_A_NODE), "tolerations": [{"operator": "Exists"}],
            "containers": [container("main", 8080), container("sidecar", 9090)],
            "volumes": [{"name": "data", "emptyDir": {}}],
        },
    })
}

fn status(number: usize) -> Value {
    let address = match number {
        ..ANNOTATED => "127.0.0.1".to_owned(),
        _ => format!("10.200.{}.{}", number / 250, number % 250 + 1),
    };
    let since = "2026-11-22T10:00:00Z";
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"];
    let conditions =
        conditions.map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": since}));
    let containers = ["main", "sidecar"].map(|name| {
        json!({
            "name": name, "ready": true, "started": true, "restartCount": 0, "image": "x", "imageID": "x",
            "containerID": format!("containerd://{number:064x}"), "state": {"running": {"startedAt": since}},
        })
    });
    json!({"status": {
        "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "hostIP": "10.0.0.1",
        "conditions": conditions, "containerStatuses": containers,
    }})
}

async fn make(server: &ApiServer, from: usize, port: &str) {
    let all = format!("/api/v1/namespaces/{NAME}/pods");
    for number in (from..PODS).step_by(AT_ONCE) {
        let pod = pod(number, port);
        let name = pod["metadata"]["name"].as_str().expect("it has a name").to_owned();
        let made = server.request("POST", &all, &pod.to_string()).await;
        made.unwrap_or_else(|error| panic!("{error}"));
        let path = format!("{all}/{name}/status");
        let told = server.request("PATCH", &path, &status(number).to_string()).await;
        told.unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Pods on nodes that are only names: nothing runs, everything is listed and watched.
async fn crowd(server: &ApiServer, port: &str) {
    for node in 0..PODS / PODS_OF_A_NODE {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("node-{node}")}});
        let made = server.request("POST", "/api/v1/nodes", &node.to_string()).await;
        made.unwrap_or_else(|error| panic!("{error}"));
    }
    let some = |from| make(server, from, port);
    tokio::join!(some(0), some(1), some(2), some(3), some(4), some(5), some(6), some(7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an API server: make e2e"]
async fn a_collector_that_watches_ten_thousand_pods_is_small() {
    if std::env::var_os("HEARTH_E2E_SCALE").is_none() {
        println!("SKIPPED: memory with many objects: HEARTH_E2E_SCALE is not set");
        return;
    }
    let (exporter, sink) = (Exporter::counting().await, Inbox::start().await);
    let Some(on) = Collectors::fresh(&sink.url).await else { return };
    let port = exporter.address.rsplit(':').next().expect("it has a port");
    let start = Instant::now();
    crowd(&on.server, port).await;
    println!("{PODS} pods made in {:.0} s", start.elapsed().as_secs_f64());
    on.scraper(&configuration()).await;

    let start = Instant::now();
    let collector = on.start(0).await;
    collector.until("targets", ANNOTATED as f64).await;
    println!(
        "MEASURED start of a collector to all targets of {PODS} pods: {:.1} s",
        start.elapsed().as_secs_f64()
    );
    tokio::time::sleep(Duration::from_secs(30)).await;
    collector.until("targets_down", 0.0).await;
    // Two ports a pod: all others were dropped.
    println!("targets dropped: {:?}", collector.metric("targets_dropped").await);
    let memory = collector.role.memory();
    println!(
        "MEASURED memory of a collector that watches {PODS} pods: {:.1} MiB, at most {:.1} MiB, {:.1} MiB of it its own",
        memory.now, memory.peak, memory.own
    );
    collector.role.stop().await;
    assert!(memory.peak < MIB_MAX, "{memory:?}");
}

fn configuration() -> String {
    let manifest = example("scraper", "crowd");
    let (_, text) = manifest.split_once("scrapeConfiguration: |\n").expect("it has one");
    text.lines().flat_map(|line| [line.get(4..).unwrap_or_default(), "\n"]).collect()
}
