//! The certificate authority: lost, and replaced on demand.

use serde_json::json;

use crate::fake_api::FakeApi;
use crate::setting::{Running, make_class, make_store, pass, store_ready, until};

const CA: &str = "hearth-operator-ca";

/// A field of a Secret's data, as it lies in the API server.
fn field(api: &FakeApi, secret: &str, name: &str) -> String {
    let secret = api.find("secrets", secret).unwrap_or_default();
    secret["data"][name].as_str().unwrap_or_default().to_owned()
}

async fn ready() -> (FakeApi, Running) {
    let api = FakeApi::default();
    make_class(&api, true);
    make_store(&api, &json!({}));
    let running = Running::store(&api);
    store_ready(&api).await;
    (api, running)
}

#[tokio::test(start_paused = true)]
async fn a_lost_or_broken_secret_is_written_again_and_nobody_trusts_anything_new() {
    let (api, _running) = ready().await;
    let held = field(&api, CA, "tls.crt");
    let leaf = field(&api, "main-store-tls", "tls.crt");
    api.delete("secrets", CA);
    until("it is back", || field(&api, CA, "tls.crt") == held).await;
    api.edit("secrets", CA, json!({"data": {"authorities.json": "bm9uc2Vuc2U="}}));
    pass(60).await;
    assert_ne!(field(&api, CA, "authorities.json"), "bm9uc2Vuc2U=");
    assert_eq!(field(&api, CA, "tls.crt"), held);
    assert_eq!(field(&api, "main-store-tls", "tls.crt"), leaf);
}

#[tokio::test(start_paused = true)]
async fn an_authority_is_replaced_with_overlap_when_somebody_asks() {
    let (api, running) = ready().await;
    let old = field(&api, CA, "tls.crt");
    let leaf = field(&api, "main-store-tls", "tls.crt");
    let trusted = field(&api, "main-store-tls", "ca.crt");
    pass(5).await;
    let now = running.context.clock.now().to_string();
    api.edit("secrets", CA, json!({"metadata": {"annotations": {"hearth.dev/rotate": now}}}));
    until("the next one is trusted", || field(&api, "main-store-tls", "ca.crt") != trusted).await;
    assert_eq!(field(&api, CA, "tls.crt"), old, "it does not sign yet");
    pass(23 * 3600).await;
    assert_eq!(field(&api, "main-store-tls", "tls.crt"), leaf);
    until("the next one signs", || field(&api, "main-store-tls", "tls.crt") != leaf).await;
    let new = field(&api, CA, "tls.crt");
    assert_ne!(new, old);
    // The annotation still lies there, and is done with.
    pass(48 * 3600).await;
    assert_eq!(field(&api, CA, "tls.crt"), new);
}
