//! Certificates and leaders change, and nobody notices.

use std::time::{Duration, Instant};

use e2e::eventually::eventually;
use e2e::install::{self, home};
use e2e::kubernetes::{Namespace, run};
use e2e::scene::{self, LIMIT};
use e2e::workspace::{self, WorkspaceClient};

/// The overlap that the test asks for, and what pods take to read what is mounted.
const SWITCH_MAX: Duration = Duration::from_mins(6);
/// Of the example's Scraper.
const INTERVAL: f64 = 5.0;

/// A file in a Secret's data.
async fn field(secret: &str, name: &str) -> Result<Vec<u8>, String> {
    let object = home().get("secret", secret).await?;
    let text = object["data"][name].as_str().ok_or_else(|| format!("{secret} has no {name}"))?;
    Ok(e2e::base64::decode(text))
}

/// What the webhook refuses, and nobody else would.
const WRONG: &str = "{apiVersion: hearth.dev/v1alpha1, kind: RuleGroup, metadata: {name: wrong}, \
     spec: {workspaceRef: {name: none}, groups: [{name: a, rules: [{record: r, expr: 'sum('}]}]}}";

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn the_certificate_authority_is_replaced_and_no_sample_is_lost() {
    install::ensure().await;
    install::upgrade(&["--set", "operator.extraArgs={--authority-overlap=2m}"]).await;
    scene::clear("rotated", &[]).await;
    let shop = Namespace::fresh("e2e-rotated").await;
    scene::app(&shop).await;
    let client = scene::workspace("rotated").await;
    scene::scraper("rotated").await;
    let ticks = "demo_ticks_total{namespace=\"e2e-rotated\"}";
    scene::until_some(&client, ticks).await;
    let start = Instant::now();

    // A Secret that is lost comes back with what everybody trusts.
    let old = field("hearth-operator-ca", "tls.crt").await.expect("an authority");
    home().must(&["delete", "secret", "hearth-operator-ca"]).await;
    eventually("the Secret is back", LIMIT, async || {
        let found = field("hearth-operator-ca", "tls.crt").await?;
        if found == old { Ok(()) } else { Err("another authority".to_owned()) }
    })
    .await;

    let now = run("date", &["-u", "+%FT%TZ"], "").await.expect("the time");
    let wish = format!("hearth.dev/rotate={}", now.trim());
    home().must(&["annotate", "secret", "hearth-operator-ca", &wish]).await;
    let new = eventually("another authority signs", SWITCH_MAX, async || {
        let found = field("hearth-operator-ca", "tls.crt").await?;
        if found == old { Err("still the old one".to_owned()) } else { Ok(found) }
    })
    .await;
    println!("MEASURED wish for a new authority to its first signature: {:?}", start.elapsed());
    home().refused(WRONG, "expr").await;
    let id = home().get("workspace", "rotated").await.expect("the workspace");
    let url = id["status"]["prometheusEndpoint"].as_str().expect("an endpoint").to_owned();
    let token = home().token("viewer", install::AUDIENCE).await;
    let strict = WorkspaceClient::trusting(&new, &url, &token);
    eventually("the store shows the new one", SWITCH_MAX, async || strict.query(ticks).await).await;
    println!("MEASURED wish for a new authority to the store's use: {:?}", start.elapsed());
    home().refused(WRONG, "expr").await;

    // By now the collector has long written to the store with its new certificate.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let whole = start.elapsed().as_secs();
    let expr = format!("count_over_time({ticks}[{whole}s])");
    let least = (whole as f64 / INTERVAL).floor() - 2.0;
    eventually("every slot has its sample", LIMIT, async || {
        let seen = strict.value(&expr).await?;
        if seen >= least { Ok(()) } else { Err(format!("{seen} of {least}")) }
    })
    .await;
    home().until("scraper", "rotated", "Ready", "True", LIMIT).await;
    assert_eq!(Ok(workspace::authority().await), field("hearth-operator-ca", "ca.crt").await);
    install::upgrade(&[]).await;
    scene::clear("rotated", &[shop]).await;
}

/// The pod that the Lease names.
async fn leader() -> Result<String, String> {
    let lease = home().get("lease", "hearth-operator").await?;
    let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
    let pod = holder.split('_').next().unwrap_or_default();
    if pod.is_empty() { Err("nobody leads".to_owned()) } else { Ok(pod.to_owned()) }
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_leader_that_goes_is_followed_at_once() {
    install::ensure().await;
    install::upgrade(&["--set", "operator.replicas=2"]).await;
    install::scale_operator(2).await;
    scene::clear("led", &[]).await;
    scene::workspace("led").await;
    for turn in 1..=2 {
        let old = eventually("somebody leads", LIMIT, async || leader().await).await;
        home().must(&["delete", "pod", &old, "--wait=false"]).await;
        let start = Instant::now();
        let rules =
            scene::example("rules", "led").replace("interval: 5s", &format!("interval: {turn}0s"));
        home().must_apply(&rules).await;
        eventually("another one leads", LIMIT, async || {
            let new = leader().await?;
            if new == old { Err(format!("still {new}")) } else { Ok(()) }
        })
        .await;
        home().until("rulegroup", "led", "Programmed", "True", LIMIT).await;
        let took = start.elapsed();
        println!("MEASURED leader deleted to a RuleGroup Programmed by the next: {took:?}");
        assert!(took < Duration::from_secs(30), "{took:?}");
        install::scale_operator(2).await;
    }
    scene::clear("led", &[]).await;
    install::upgrade(&[]).await;
    install::scale_operator(1).await;
}
