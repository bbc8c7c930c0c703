//! Scrapers: collectors, rights, what is told of them.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use operator::scraper::gather::Answer;
use operator::scraper::poll::Collectors;
use operator::settings::ObjectName;
use protocol::collector_report::CollectorReport;
use serde_json::{Value, json};

use crate::fake_api::FakeApi;
use crate::setting::{Running, SCRAPERS, WORKSPACES, condition, key, kubelet, pass, ready, until};

/// Collectors that run whatever generation the API server has, unless told otherwise.
struct FakeCollectors {
    api: FakeApi,
    refused: Arc<Mutex<Option<String>>>,
}

impl Collectors for FakeCollectors {
    fn ask<'a>(&'a self, scraper: &'a ObjectName, shards: u32) -> BoxFuture<'a, Vec<Answer>> {
        let object = self.api.find("scrapers", &scraper.name).unwrap_or_default();
        let generation = object["metadata"]["generation"].as_i64().unwrap_or_default();
        let refused = self.refused.lock().unwrap().clone();
        let report = |shard| CollectorReport {
            shard,
            shards,
            generation: generation - i64::from(refused.is_some()),
            refused: refused.clone(),
            active: 3,
            ..CollectorReport::default()
        };
        let all = (0..shards).map(|shard| Ok(report(shard))).collect();
        Box::pin(std::future::ready(all))
    }
}

fn start(api: &FakeApi) -> (Running, Arc<Mutex<Option<String>>>) {
    let refused = Arc::new(Mutex::new(None));
    let running = Running::start(api);
    let collectors = FakeCollectors { api: api.clone(), refused: refused.clone() };
    let controller =
        operator::scraper::controller::controller(&running.context, Arc::new(collectors));
    (running.with(controller), refused)
}

fn make_scraper(api: &FakeApi, namespace: &str, destination: &Value) {
    let object = json!({
        "apiVersion": "hearth.dev/v1alpha1", "kind": "Scraper",
        "metadata": {"name": "pods", "namespace": namespace},
        "spec": {"destination": destination, "scrapeConfiguration": "x",
            "sharding": {"shards": 2}},
    });
    api.with_objects(|objects| objects.set(&key(SCRAPERS, namespace, "pods"), object));
}

fn make_workspace(api: &FakeApi, access: &[&str]) {
    let object = json!({
        "apiVersion": "hearth.dev/v1alpha1", "kind": "Workspace",
        "metadata": {"name": "main", "namespace": "data"},
        "spec": {"access": {"namespaces": access}},
        "status": {"endpoints": {
            "remoteWrite": "https://main-store.shop.svc:9090/workspaces/ws-1/api/v1/remote_write",
            "query": "", "alertmanager": ""}},
    });
    api.with_objects(|objects| objects.set(&key(WORKSPACES, "data", "main"), object));
}

fn there() -> Value {
    json!({"workspaceRef": {"name": "main", "namespace": "data"}})
}

async fn scraper_ready(api: &FakeApi) {
    until("the Scraper is ready", || {
        kubelet(api);
        ready(api, "scrapers", "pods")
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn collectors_come_up_with_no_more_rights_than_they_need() {
    let api = FakeApi::default();
    make_workspace(&api, &["shop"]);
    make_scraper(&api, "shop", &there());
    let (_running, _) = start(&api);
    scraper_ready(&api).await;
    let scraper = api.find("scrapers", "pods").unwrap();
    assert_eq!(scraper["status"]["statusCode"], "ACTIVE");
    assert_eq!(scraper["status"]["targets"]["active"], 6);
    let writer = api.find("roles", "hearth:shop:pods:writer").unwrap();
    assert_eq!(writer["metadata"]["namespace"], "data");
    assert_eq!(
        writer["rules"],
        json!([{
            "apiGroups": ["hearth.dev"], "resources": ["workspaces/remotewrite"],
            "resourceNames": ["main"], "verbs": ["create"],
        }])
    );
    assert!(api.find("rolebindings", "pods-scraper-discovery").is_some());
    assert!(api.find("clusterrolebindings", "hearth:shop:pods:discovery").is_none());
    let pod = api.find("statefulsets", "pods-scraper").unwrap()["spec"]["template"]["spec"].clone();
    assert_eq!(pod["automountServiceAccountToken"], false);
    pass(5).await;
    api.take_writes();
    pass(3600).await;
    let writes = api.take_writes();
    assert!(writes.is_empty(), "{writes:?}");
}

#[tokio::test(start_paused = true)]
async fn only_listed_namespaces_discover_the_whole_cluster() {
    let api = FakeApi::default();
    make_workspace(&api, &["*"]);
    make_scraper(&api, "wide", &there());
    let (_running, _) = start(&api);
    scraper_ready(&api).await;
    assert!(api.find("clusterrolebindings", "hearth:wide:pods:discovery").is_some());
    assert!(api.find("rolebindings", "pods-scraper-discovery").is_none());
}

#[tokio::test(start_paused = true)]
async fn consent_taken_back_takes_the_right_and_leaves_the_collectors() {
    let api = FakeApi::default();
    make_workspace(&api, &["shop"]);
    make_scraper(&api, "shop", &there());
    let (_running, _) = start(&api);
    scraper_ready(&api).await;
    api.edit("workspaces", "main", json!({"spec": {"access": {"namespaces": []}}}));
    until("the right is gone", || api.find("roles", "hearth:shop:pods:writer").is_none()).await;
    until("it is told", || condition(&api, "scrapers", "pods", "ResolvedRefs").1 == "NotPermitted")
        .await;
    assert!(api.find("rolebindings", "hearth:shop:pods:writer").is_none());
    assert!(api.find("statefulsets", "pods-scraper").is_some());
    make_workspace(&api, &["shop"]);
    scraper_ready(&api).await;
    assert!(api.find("roles", "hearth:shop:pods:writer").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_scraper_waits_for_its_workspace_and_runs_on_without_it() {
    let api = FakeApi::default();
    make_scraper(&api, "shop", &there());
    let (_running, _) = start(&api);
    until("it is told", || condition(&api, "scrapers", "pods", "Stalled").1 == "WorkspaceNotFound")
        .await;
    assert!(api.find("statefulsets", "pods-scraper").is_none());
    make_workspace(&api, &["shop"]);
    scraper_ready(&api).await;
    api.delete("workspaces", "main");
    until("it is told", || condition(&api, "scrapers", "pods", "Stalled").0 == "True").await;
    assert!(api.find("statefulsets", "pods-scraper").is_some());
    assert!(api.find("roles", "hearth:shop:pods:writer").is_some(), "it may come back");
}

#[tokio::test(start_paused = true)]
async fn a_refused_configuration_is_told_with_the_collectors_words() {
    let api = FakeApi::default();
    make_workspace(&api, &["shop"]);
    make_scraper(&api, "shop", &there());
    let (_running, refused) = start(&api);
    scraper_ready(&api).await;
    *refused.lock().unwrap() = Some("scrape_configs[0]: no job_name".to_owned());
    api.edit("scrapers", "pods", json!({"spec": {"scrapeConfiguration": "y"}}));
    until("it is told", || {
        kubelet(&api);
        condition(&api, "scrapers", "pods", "Stalled").2.contains("no job_name")
    })
    .await;
    *refused.lock().unwrap() = None;
    scraper_ready(&api).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_deleted_scraper_was_given_abroad_goes() {
    let api = FakeApi::default();
    make_workspace(&api, &["shop"]);
    make_scraper(&api, "shop", &there());
    let (_running, _) = start(&api);
    scraper_ready(&api).await;
    api.delete("scrapers", "pods");
    until("all is gone", || {
        ["roles", "rolebindings"].iter().all(|p| api.find(p, "hearth:shop:pods:writer").is_none())
            && api.find("clusterrolebindings", "hearth:shop:pods:collector").is_none()
    })
    .await;
}
