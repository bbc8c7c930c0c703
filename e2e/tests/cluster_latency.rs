//! How long a change takes to be in force, measured.

use std::time::{Duration, Instant};

use e2e::eventually::eventually;
use e2e::install::{self, home};
use e2e::kubernetes::Namespace;
use e2e::scene::{self, LIMIT};

const CHANGES: usize = 20;
/// At the 95th percentile.
const PROGRAMMED_MAX: Duration = Duration::from_secs(3);
/// The interval of the example's Scraper, and 2 s.
const FIRST_SAMPLE_MAX: Duration = Duration::from_secs(5 + 2);

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_changed_rule_group_is_programmed_soon() {
    install::ensure().await;
    scene::clear("changed", &[]).await;
    scene::workspace("changed").await;
    let good = scene::example("rules", "changed");
    let mut took = Vec::new();
    for number in 0..CHANGES {
        let changed = good.replace("severity: page", &format!("severity: page{number}"));
        let changed = changed.split("\n  tests:").next().expect("a first part").to_owned();
        let applied = Instant::now();
        home().must_apply(&changed).await;
        home().until("rulegroup", "changed", "Programmed", "True", LIMIT).await;
        took.push(applied.elapsed());
    }
    took.sort();
    let p95 = took[CHANGES * 95 / 100 - 1];
    println!("MEASURED RuleGroup to Programmed: median {:?}, 95th {p95:?}", took[CHANGES / 2]);
    scene::clear("changed", &[]).await;
    assert!(p95 < PROGRAMMED_MAX, "{took:?}");
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_annotated_pod_is_stored_soon() {
    install::ensure().await;
    scene::clear("seen", &[]).await;
    let shop = Namespace::fresh("e2e-seen").await;
    let client = scene::workspace("seen").await;
    scene::scraper("seen").await;
    home().until("scraper", "seen", "Ready", "True", LIMIT).await;
    let unannotated = scene::example("app", "demo").replace("scrape: \"true\"", "scrape: \"no\"");
    shop.must_apply(&unannotated).await;
    shop.must(&["rollout", "status", "deployment/app", "--timeout=60s"]).await;
    let annotate = ["annotate", "pod", "-l", "app=app", "prometheus.io/scrape=true", "--overwrite"];
    let start = Instant::now();
    shop.must(&annotate).await;
    let expr = "demo_ticks_total{namespace=\"e2e-seen\"}";
    eventually("the first sample", LIMIT, async || client.some(expr).await).await;
    let took = start.elapsed();
    println!("MEASURED annotation of a pod to its first stored sample: {took:?}");
    scene::clear("seen", &[shop]).await;
    assert!(took < FIRST_SAMPLE_MAX, "{took:?}");
}
