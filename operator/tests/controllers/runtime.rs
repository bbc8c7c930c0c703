//! The runtime: missing kinds, broken watches, leadership.

use std::time::Duration;

use http::Method;
use operator::runtime::lease::Elector;
use serde_json::json;

use crate::fake_api::{Asked, FakeApi, Fault};
use crate::setting::{Running, make_class, make_store, pass, store_ready, until};

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
