//! What is taken in, what is remembered.

use serde_json::{Value, json};

use super::*;

fn object(generation: i64, spec: Value, status: Value) -> DynamicObject {
    let whole = json!({
        "apiVersion": "hearth.dev/v1alpha1",
        "kind": "Scraper",
        "metadata": {"name": "demo", "namespace": "here", "generation": generation},
        "spec": spec,
        "status": status,
    });
    serde_json::from_value(whole).expect("an object")
}

fn spec(shards: u32) -> Value {
    json!({
        "destination": {"workspaceRef": {"name": "demo"}},
        "scrapeConfiguration": "scrape_configs: []",
        "sharding": {"shards": shards},
    })
}

#[test]
fn an_unreadable_generation_leaves_the_last_one() {
    let mut seen = Seen::default();
    seen.take(Some(&object(1, spec(2), json!({"shards": 2}))));
    let first = seen.scraper.clone().expect("it reads");
    assert_eq!((first.generation, first.running, first.spec.sharding.shards), (1, Some(2), 2));
    seen.take(Some(&object(2, json!({"destination": {}, "newField": 1}), json!({}))));
    assert_eq!(seen.scraper, Some(first));
    let (generation, reason) = seen.unreadable.clone().expect("it does not read");
    assert_eq!(generation, 2);
    assert!(reason.contains("newField"), "{reason}");
    seen.take(Some(&object(3, spec(1), Value::Null)));
    assert_eq!(seen.unreadable, None);
    assert_eq!(seen.scraper.as_ref().map(|s| (s.generation, s.running)), Some((3, None)));
    seen.take(None);
    assert!(seen.scraper.is_some(), "what runs goes on");
    assert!(seen.trouble.is_some());
}

#[tokio::test]
async fn what_is_remembered_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(remembered(folder.path()).await, Ok(None));
    let mut seen = Seen::default();
    seen.take(Some(&object(7, spec(3), json!({"shards": 3}))));
    let scraper = seen.scraper.expect("it reads");
    remember(folder.path(), &scraper).await.expect("it is written");
    assert_eq!(remembered(folder.path()).await, Ok(Some(scraper)));
    std::fs::write(folder.path().join(FILE), "{").expect("it is spoilt");
    let error = remembered(folder.path()).await.expect_err("it does not read");
    assert!(error.contains(FILE), "{error}");
}
