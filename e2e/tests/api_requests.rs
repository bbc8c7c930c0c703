//! How often an idle operator asks the API server.

use std::time::Duration;

use e2e::api_install::{Installation, LIMIT, OPERATOR};
use e2e::audit::table;
use e2e::eventually::eventually;
use e2e::scene::example;

/// Every watch is begun anew once in 290 s, so that each is counted once.
const WINDOW: Duration = Duration::from_secs(290);
/// Requests an hour, the Lease included.
const HOURLY_MAX: f64 = 1000.0;

#[tokio::test]
#[ignore = "needs an API server: make e2e"]
async fn an_idle_operator_asks_less_than_a_thousand_times_an_hour() {
    let Some(on) = Installation::fresh().await else { return };
    let operator = on.operator(0).await;
    let _store = on.store("hearth").await;
    for name in ["workspace", "scraper", "rules", "alerts"] {
        let manifest = example(name, "demo");
        eventually(name, LIMIT, async || on.home().apply(&manifest).await).await;
    }
    let _collector = on.collector("demo", 0).await;
    on.ready("demo-scraper", 1).await;
    for kind in ["workspace", "rulegroup", "alertmanagerconfig", "scraper"] {
        on.home().until(kind, "demo", "Ready", "True", LIMIT).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;

    let mark = on.server.mark();
    tokio::time::sleep(WINDOW).await;
    let asked = on.server.asked_since(mark, OPERATOR);
    let hourly = asked.len() as f64 * 3600.0 / WINDOW.as_secs_f64();
    println!("MEASURED requests of an idle operator to the API server: {hourly:.0} an hour");
    for (count, what) in table(&asked) {
        println!("  {count} in {} s: {what}", WINDOW.as_secs());
    }
    let memory = operator.role.memory();
    println!(
        "MEASURED memory of an idle operator: {:.1} MiB, at most {:.1} MiB, {:.1} MiB of it its own",
        memory.now, memory.peak, memory.own
    );
    assert!(hourly < HOURLY_MAX, "{hourly} an hour");
    operator.role.stop().await;
}
