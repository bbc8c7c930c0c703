//! From `helm install` to a page in an inbox.

use std::time::{Duration, Instant};

use e2e::eventually::eventually;
use e2e::install::{self, home};
use e2e::kubernetes::{Namespace, run};
use e2e::scene;

/// From `helm install` to the first answer about scraped pods.
const FIRST_QUERY_MAX: Duration = Duration::from_mins(1);
/// From `kubectl apply` of a RuleGroup to Programmed.
const PROGRAMMED_MAX: Duration = Duration::from_secs(3);

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn from_install_to_a_page() {
    let mut shops = Vec::new();
    for name in ["e2e-shop-a", "e2e-shop-b", "e2e-shop-c"] {
        let shop = Namespace::fresh(name).await;
        scene::app(&shop).await;
        shops.push(shop);
    }
    let start = install::fresh().await;
    println!("MEASURED helm install to store ready: {:.1} s", start.elapsed().as_secs_f64());
    let client = scene::workspace("first").await;
    println!("MEASURED helm install to workspace ready: {:.1} s", start.elapsed().as_secs_f64());
    scene::scraper("first").await;
    let expr = "count(count by (namespace) (demo_ticks_total{cluster=\"demo\"}))";
    eventually("three namespaces are scraped", scene::LIMIT, async || {
        let seen = client.value(expr).await?;
        if seen >= 3.0 { Ok(()) } else { Err(format!("{seen} namespaces")) }
    })
    .await;
    let took = start.elapsed();
    println!("MEASURED helm install to first query of pods of three namespaces: {took:?}");
    home().until("scraper", "first", "Ready", "True", scene::LIMIT).await;
    let scraper = home().get("scraper", "first").await.expect("it was ready");
    assert!(scraper["status"]["targets"]["active"].as_i64() >= Some(3), "{}", scraper["status"]);

    let inbox = scene::alerts("first").await;
    let applied = Instant::now();
    home().must_apply(&scene::example("rules", "first")).await;
    home().until("rulegroup", "first", "Programmed", "True", scene::LIMIT).await;
    let programmed = applied.elapsed();
    println!("MEASURED kubectl apply of a RuleGroup to Programmed: {programmed:?}");
    scene::until_some(&client, "namespace:up:sum{namespace=\"e2e-shop-b\"} == 1").await;

    // The app goes, its pod stays: the target is down.
    shops[1].must(&["exec", "deployment/app", "--", "rm", "-f", "/www/metrics.txt"]).await;
    shops[1].must(&["patch", "deployment", "app", "--type=json", "-p", DEAF]).await;
    eventually("the page", scene::LIMIT, async || {
        let messages = inbox.messages();
        let about = |message: &serde_json::Value| {
            message["status"] == "firing"
                && message["alerts"][0]["labels"]["alertname"] == "TargetDown"
                && message["alerts"][0]["labels"]["namespace"] == "e2e-shop-b"
        };
        if messages.iter().any(about) { Ok(()) } else { Err(messages) }
    })
    .await;
    quiet(&["workspace", "scraper", "rules"], "first").await;
    scene::clear("first", &shops).await;
    assert!(took < FIRST_QUERY_MAX, "{took:?} from helm install to the first query");
    assert!(programmed < PROGRAMMED_MAX, "{programmed:?} to Programmed");
}

/// The app's port, where nothing listens.
const DEAF: &str = r#"[
  {"op": "replace", "path": "/spec/template/spec/containers/0/command", "value": ["sleep", "3600"]},
  {"op": "remove", "path": "/spec/template/spec/containers/0/readinessProbe"}]"#;

/// Applying the same manifests again changes nothing, and `kubectl diff` sees nothing to do.
async fn quiet(examples: &[&str], name: &str) {
    let all: Vec<String> = examples.iter().map(|one| scene::example(one, name)).collect();
    let all = all.join("---\n");
    let diff = ["-n", install::NAMESPACE, "diff", "-f", "-"];
    assert_eq!(run("kubectl", &diff, &all).await, Ok(String::new()));
    let said = home().must_apply(&all).await;
    assert!(said.lines().all(|line| line.ends_with("unchanged")), "{said}");
}
