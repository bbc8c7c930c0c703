//! The runtime: missing kinds, broken watches, leadership.

use std::time::Duration;

use http::Method;
use operator::runtime::lease::Elector;
use operator::settings::OperatorSettings;
use operator::webhook::certificate;
use operator::workspace::stores::Stores;
use serde_json::json;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::fake_api::{Asked, FakeApi, Fault};
use crate::setting::{
    Running, condition, key, make_class, make_store, pass, settings, store_ready, until,
};

#[tokio::test(start_paused = true)]
async fn a_missing_kind_is_waited_for_and_told() {
    let api = FakeApi::default();
    make_class(&api, true);
    api.missing(&["stores"]);
    let running = Running::store(&api);
    pass(120).await;
    let pending = running.context.metrics.pending();
    assert!(
        pending.iter().any(|line| line.starts_with("Store:") && line.contains("hearth-crds")),
        "{pending:?}"
    );
    assert!(running.context.metrics.text().contains("crd_missing{watch=\"Store\"} 1"));
    api.missing(&[]);
    make_store(&api, &json!({}));
    let begin = tokio::time::Instant::now();
    store_ready(&api).await;
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    assert_eq!(running.context.metrics.pending(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_never_works_does_not_keep_a_kind_from_working() {
    let api = FakeApi::default();
    make_class(&api, true);
    make_store(&api, &json!({}));
    api.fail(|asked: &Asked| {
        let hit = asked.method == Method::GET && asked.path.ends_with("/pods");
        hit.then_some(Fault::Code(403))
    });
    let _running = Running::store(&api);
    store_ready(&api).await;
}

/// A new process must not tell people that what it has not listed yet is not there.
#[tokio::test(start_paused = true)]
async fn rules_wait_at_the_start_for_stores_to_be_listed() {
    let api = FakeApi::default();
    make_store(&api, &json!({}));
    let group = json!({"name": "a", "rules": [{"record": "x", "expr": "up"}]});
    for (kind, plural, spec, status) in [
        ("Workspace", "workspaces", json!({}), json!({"workspaceId": WORKSPACE_ID})),
        (
            "RuleGroup",
            "rulegroups",
            json!({"workspaceRef": {"name": "demo"}, "groups": [group]}),
            json!({}),
        ),
    ] {
        let object = json!({
            "apiVersion": "hearth.dev/v1alpha1", "kind": kind,
            "metadata": {"name": "demo", "namespace": "shop"}, "spec": spec, "status": status,
        });
        let key = key(&format!("/apis/hearth.dev/v1alpha1/{plural}"), "shop", "demo");
        api.with_objects(|objects| objects.set(&key, object));
    }
    let mut failures = 2;
    api.fail(move |asked: &Asked| {
        let hit = failures > 0 && asked.method == Method::GET && asked.path.ends_with("/stores");
        failures -= u32::from(hit);
        hit.then_some(Fault::Code(500))
    });
    let running = Running::start(&api);
    let stores = Stores::new(&running.context);
    let controller = operator::rule_group::controller::controller(&running.context, &stores);
    let _running = running.with(controller);
    let told = || condition(&api, "rulegroups", "demo", "ResolvedRefs").1;
    until("it is told what the references come to", || !told().is_empty()).await;
    assert_eq!(told(), "StoreNotReady", "not that there is none");
}

/// A new process must not tell people that its authority is missing while it reads it.
#[tokio::test(start_paused = true)]
async fn stores_wait_at_the_start_for_the_authority_to_be_read() {
    let api = FakeApi::default();
    make_store(&api, &json!({}));
    let running = Running::store(&api);
    store_ready(&api).await;
    drop(running);
    api.take_writes();
    let mut failures = 1;
    api.fail(move |asked: &Asked| {
        let is_authority =
            asked.method == Method::GET && asked.path.ends_with("/hearth-system/secrets");
        let hit = failures > 0 && is_authority;
        failures -= u32::from(hit);
        hit.then_some(Fault::Code(500))
    });
    let _running = Running::store(&api);
    pass(60).await;
    let writes = api.take_writes();
    assert!(writes.is_empty(), "{writes:?}");
}

const WORKSPACE_ID: &str = "ws-c8b3b39c-b011-44c3-bd42-69641c240f96";

#[tokio::test(start_paused = true)]
async fn a_broken_watch_costs_few_requests() {
    let api = FakeApi::default();
    api.missing(&["stores"]);
    let _running = Running::store(&api);
    pass(3600).await;
    let lists = api.log().iter().filter(|asked| asked.path.ends_with("/stores")).count();
    assert!((300..700).contains(&lists), "{lists} in an hour");
}

#[tokio::test(start_paused = true)]
async fn an_idle_operator_is_quiet() {
    let api = FakeApi::default();
    make_class(&api, true);
    make_store(&api, &json!({}));
    let running = Running::store(&api);
    store_ready(&api).await;
    let _elector =
        tokio::spawn(Elector::new(running.context.clone(), api.client(), "a".into()).run());
    pass(10).await;
    let before = api.log().len();
    pass(3600).await;
    let asked = api.log().len() - before;
    assert!(asked < 500, "{asked} requests in an hour");
}

#[tokio::test(start_paused = true)]
async fn one_leads_and_the_other_takes_over_when_it_falls_silent() {
    let api = FakeApi::default();
    let (one, two) = (Running::start(&api), Running::start(&api));
    one.context.lead(false);
    two.context.lead(false);
    let leads = |running: &Running| *running.context.leadership().borrow();
    let first = tokio::spawn(Elector::new(one.context.clone(), api.client(), "one".into()).run());
    until("one leads", || leads(&one)).await;
    let _second = tokio::spawn(Elector::new(two.context.clone(), api.client(), "two".into()).run());
    for _ in 0..600 {
        pass(1).await;
        assert!(leads(&one) && !leads(&two));
    }
    first.abort();
    let begin = tokio::time::Instant::now();
    until("two leads", || leads(&two)).await;
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(35) && took < Duration::from_secs(75), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_before_another_may_begin() {
    let api = FakeApi::default();
    let one = Running::start(&api);
    one.context.lead(false);
    let leads = || *one.context.leadership().borrow();
    let _elector =
        tokio::spawn(Elector::new(one.context.clone(), api.client(), "one".into()).run());
    until("it leads", leads).await;
    for fault in [Fault::Hang, Fault::Code(500)] {
        api.fail(move |asked: &Asked| asked.path.contains("/leases").then_some(fault));
        let begin = tokio::time::Instant::now();
        until("it stops", || !leads()).await;
        assert!(begin.elapsed() < Duration::from_mins(1), "{fault:?} {:?}", begin.elapsed());
        api.heal();
        until("it leads again", leads).await;
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_operators_the_first_one_keeps_an_object_until_it_is_gone() {
    let api = FakeApi::default();
    make_class(&api, true);
    make_store(&api, &json!({}));
    let first = Running::store(&api);
    let elector =
        tokio::spawn(Elector::new(first.context.clone(), api.client(), "one".into()).run());
    store_ready(&api).await;
    let operator = || api.find("stores", "main").unwrap_or_default()["status"]["operator"].clone();
    assert_eq!(operator(), "hearth-system/hearth");

    let other = OperatorSettings { namespace: "other".to_owned(), ..settings() };
    let second = Running::start_with(&api, other).and_stores();
    pass(5).await;
    let before = api.log().len();
    pass(600).await;
    let log = api.log();
    // Its own authority lies in its own namespace.
    let here = |asked: &&Asked| asked.writes() && !asked.path.contains("/namespaces/other/");
    let writes: Vec<&Asked> = log[before..].iter().filter(here).collect();
    assert!(writes.is_empty(), "nobody fights: {writes:?}");
    let told = log
        .iter()
        .any(|asked| asked.method != Method::GET && asked.path.contains("/namespaces/shop/events"));
    assert!(told, "whoever describes the object sees why");
    assert_eq!(operator(), "hearth-system/hearth");

    drop(first);
    elector.abort();
    until("the second one takes over", || operator() == "other/hearth").await;
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn readiness_waits_for_the_webhooks_certificate() {
    let api = FakeApi::default();
    let running = Running::start(&api);
    let (sender, certificates) = watch::channel(None);
    let waits = vec![certificate::waits(certificates)];
    let router = operator::runtime::http::router(running.context.clone(), waits);
    let ask = async || {
        let request = http::Request::get("/-/ready").body(axum::body::Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 4096).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    until("there is an authority", || running.context.authority.current().is_some()).await;
    let (status, said) = ask().await;
    assert_eq!((status, said.as_str()), (503, "the webhook has no certificate yet\n"));
    let _keeper = tokio::spawn(certificate::keep(running.context.clone(), sender));
    pass(1).await;
    assert_eq!(ask().await.0, 200);
}
