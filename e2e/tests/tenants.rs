//! Two workspaces under load never see each other.

use std::time::Duration;

use e2e::eventually::eventually;
use e2e::process::{Hearth, free_port};
use e2e::remote_write::body;
use serde_json::{Value, json};

fn rules(tenant: &str) -> String {
    // Base64 is what AMP's clients send; this encoder knows just what the test needs.
    let text = format!(
        "groups:\n- name: g\n  interval: 1s\n  rules:\n  - {{record: 'seen:{tenant}', expr: 'count(load)'}}\n  - {{alert: 'Alert{tenant}', expr: 'load > 0'}}\n"
    );
    base64(text.as_bytes())
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |three: u32, at: u32| DIGITS[(three >> (18 - 6 * at) & 63) as usize] as char;
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let three = byte(0) << 16 | byte(1) << 8 | byte(2);
        (0..4).for_each(|at| {
            text.push(if at as usize <= chunk.len() { digit(three, at) } else { '=' });
        });
    }
    text
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_millis() as i64
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_are_strictly_apart() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hearth = Hearth::start(&["store"], &dir.path().join("data"), free_port()).await;
    let mut bases = Vec::new();
    for tenant in ["red", "blue"] {
        let made = hearth.send("POST", "/workspaces", json!({"alias": tenant})).await;
        let made = made.expect("a workspace");
        let base = format!("/workspaces/{}", made["workspaceId"].as_str().expect("an id"));
        let request = json!({"name": "rules", "data": rules(tenant)});
        let path = format!("{base}/rulegroupsnamespaces");
        hearth.send("POST", &path, request).await.expect("rules");
        bases.push((tenant, base));
    }
    let began = now_ms();
    for step in 0..50 {
        for (tenant, base) in &bases {
            let labels = [("__name__", "load"), ("tenant", *tenant)];
            // Two values at one time would contradict each other: every write has its own.
            let samples = [(began + i64::from(step), f64::from(step) + 1.0)];
            let status = hearth.write(base, body(&[(&labels, &samples)])).await;
            assert!(matches!(status, Ok(200 | 204)), "{status:?}");
        }
    }
    for (tenant, base) in &bases {
        let other = bases.iter().find(|(name, _)| name != tenant).expect("two tenants").0;
        eventually("the tenant's own rule and alert", Duration::from_secs(20), async || {
            let recorded = hearth.query(base, &format!("seen:{tenant}")).await?;
            let alerts = hearth.get(&format!("{base}/api/v1/alerts")).await?;
            let own = alerts.to_string().contains(&format!("Alert{tenant}"));
            if !recorded.is_empty() && own { Ok(()) } else { Err(format!("{recorded:?} {alerts}")) }
        })
        .await;
        for path in [
            "/api/v1/labels",
            "/api/v1/label/tenant/values",
            "/api/v1/rules",
            "/api/v1/alerts",
            "/alertmanager/api/v2/alerts",
        ] {
            let answer: Value = hearth.get(&format!("{base}{path}")).await.expect(path);
            assert!(
                !answer.to_string().contains(other),
                "{tenant} sees {other} in {path}: {answer}"
            );
        }
        let everything = hearth.query(base, r#"{__name__=~".+"}"#).await.expect("a query");
        assert!(!everything.is_empty());
        assert!(!json!(everything).to_string().contains(other), "{everything:?}");
    }
}
