//! Two operators, one Lease, and the end of its holder.

use std::time::{Duration, Instant};

use e2e::api_install::{Installation, LIMIT};
use e2e::eventually::eventually;

/// The Lease's life, one look of the other, and what a busy machine needs.
const TAKEOVER_LIMIT: Duration = Duration::from_secs(60 + 5 + 15);

#[tokio::test]
#[ignore = "needs an API server: make e2e"]
async fn when_the_leader_is_killed_the_other_takes_over() {
    let Some(on) = Installation::fresh().await else { return };
    let first = on.operator(0).await;
    first.until_leads(LIMIT).await;
    let second = on.operator(1).await;
    eventually("the other is ready", LIMIT, async || second.metrics().await).await;
    on.until_made("statefulset", "hearth-store").await;
    assert_eq!(second.sum("hearth_operator_leader ", &[]).await, Ok(0.0));

    first.role.kill().await;
    let killed = Instant::now();
    // What it would do is done by nobody until the other leads.
    on.home().must(&["delete", "service", "hearth-store"]).await;
    second.until_leads(TAKEOVER_LIMIT).await;
    println!(
        "MEASURED kill -9 of the leading operator to the other one leading: {:.1} s",
        killed.elapsed().as_secs_f64()
    );
    on.until_made("service", "hearth-store").await;
    println!(
        "MEASURED kill -9 of the leading operator to its work done: {:.1} s",
        killed.elapsed().as_secs_f64()
    );

    // One that ends in order gives the Lease back.
    let third = on.operator(0).await;
    eventually("the third is ready", LIMIT, async || third.metrics().await).await;
    let stopped = Instant::now();
    second.role.stop().await;
    third.until_leads(LIMIT).await;
    println!(
        "MEASURED clean end of the leading operator to the other one leading: {:.1} s",
        stopped.elapsed().as_secs_f64()
    );
    assert!(stopped.elapsed() < Duration::from_secs(20), "the Lease was not given back");
    third.role.stop().await;
}
