//! Modes, addresses, and who needs no token.
//!
//! What a token opens stands in `tests/kubernetes_access.rs`.

use futures::FutureExt;
use futures::future::BoxFuture;
use world::real_clock::RealClock;

use super::*;
use crate::http::access::reviews::{Attributes, Identity, Verdict};
use crate::http::access::right::Verb;
use crate::settings::{KubernetesSettings, TlsFiles};

struct Nobody;

impl Reviews for Nobody {
    fn token<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Verdict<Identity>> {
        futures::future::ready(Verdict::No(String::new())).boxed()
    }

    fn access<'a>(&'a self, _: &'a Identity, _: &'a Attributes) -> BoxFuture<'a, Verdict<()>> {
        futures::future::ready(Verdict::No(String::new())).boxed()
    }
}

fn with(change: impl FnOnce(&mut StoreSettings)) -> Result<Access, AccessRefusal> {
    let mut settings = StoreSettings {
        kubernetes: Some(KubernetesSettings { audience: "store".into(), namespace: "ns".into() }),
        ..StoreSettings::default()
    };
    change(&mut settings);
    let clock: Arc<dyn Clock> = Arc::new(RealClock::default());
    Access::new(&settings, Some(Arc::new(Nobody)), &clock)
}

fn refusal(change: impl FnOnce(&mut StoreSettings)) -> AccessRefusal {
    with(change).err().expect("refused")
}

fn parts(headers: &[(&str, &str)], principal: Option<Principal>) -> Parts {
    let mut request = http::Request::builder();
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(principal) = principal {
        request = request.extension(principal);
    }
    request.body(()).expect("a request").into_parts().0
}

const RIGHT: Right = Right::Workspaces(Verb::Create);

async fn admitted(access: &Access, parts: &Parts, right: Right) -> Result<Principal, Refusal> {
    access.admit(parts, right, Place::default).await
}

#[test]
fn an_open_store_stays_on_the_loopback_interface() {
    let everywhere = "0.0.0.0:9090".parse().expect("an address");
    let open = with(|_| {}).expect("there");
    assert!(open.check_listen("127.0.0.1:9090".parse().expect("an address")).is_ok());
    assert!(open.check_listen("[::1]:9090".parse().expect("an address")).is_ok());
    assert_eq!(open.check_listen(everywhere), Err(AccessRefusal::NotLoopback(everywhere)));
    let insecure = with(|settings| settings.insecure = true).expect("there");
    assert!(insecure.check_listen(everywhere).is_ok());
    // One open door is enough.
    let both = [AccessMode::Kubernetes, AccessMode::None];
    let both = with(|settings| settings.access = both.to_vec()).expect("there");
    assert_eq!(both.check_listen(everywhere), Err(AccessRefusal::NotLoopback(everywhere)));
}

#[test]
fn tokens_do_not_travel_in_the_clear() {
    let everywhere = "0.0.0.0:9090".parse().expect("an address");
    let plain = with(|settings| settings.access = vec![AccessMode::Kubernetes]).expect("there");
    assert_eq!(plain.check_listen(everywhere), Err(AccessRefusal::TokensInTheClear(everywhere)));
    let files = TlsFiles { certificate: "tls.crt".into(), key: "tls.key".into() };
    let encrypted = with(|settings| {
        settings.access = vec![AccessMode::Kubernetes];
        settings.tls = Some(files);
    });
    assert!(encrypted.expect("there").check_listen(everywhere).is_ok());
}

#[test]
fn a_mode_that_is_not_there_or_not_whole_is_refused_at_start() {
    let sigv4 = refusal(|settings| settings.access = vec![AccessMode::None, AccessMode::SigV4]);
    assert_eq!(sigv4, AccessRefusal::NotBuilt(AccessMode::SigV4));
    assert_eq!(refusal(|settings| settings.access.clear()), AccessRefusal::NoMode);
    let kubernetes = |change: fn(&mut StoreSettings)| {
        refusal(|settings| {
            settings.access = vec![AccessMode::Kubernetes];
            change(settings);
        })
        .to_string()
    };
    let missing = kubernetes(|settings| settings.kubernetes = None);
    assert!(missing.contains("--kubernetes-audience"), "{missing}");
    let audience = kubernetes(|settings| {
        settings.kubernetes =
            Some(KubernetesSettings { audience: String::new(), namespace: "ns".into() });
    });
    assert!(audience.contains("--kubernetes-audience is empty"), "{audience}");
}

#[tokio::test]
async fn strangers_cannot_act_for_an_owner() {
    let access = with(|_| {}).expect("there");
    let stranger = parts(&[(OWNER_HEADER, "up/x")], None);
    assert_eq!(admitted(&access, &stranger, RIGHT).await, Ok(Principal::outside()));
}

#[tokio::test]
async fn callers_inside_the_process_are_not_reviewed() {
    let access = with(|settings| settings.access = vec![AccessMode::Kubernetes]).expect("there");
    let inside = parts(&[(OWNER_HEADER, "up/x")], Some(Principal::internal("up")));
    assert_eq!(admitted(&access, &inside, RIGHT).await, Ok(Principal::internal("up/x")));
}

#[tokio::test]
async fn without_a_token_only_an_open_store_answers_more_than_health() {
    let nothing = parts(&[], None);
    let closed = with(|settings| settings.access = vec![AccessMode::Kubernetes]).expect("there");
    assert_eq!(admitted(&closed, &nothing, Right::Open).await, Ok(Principal::outside()));
    for right in [RIGHT, Right::Metrics] {
        match admitted(&closed, &nothing, right).await {
            Err(Refusal::Unauthenticated(why)) => {
                assert!(why.contains("kubectl create token SERVICEACCOUNT --audience store"));
            }
            other => panic!("{other:?}"),
        }
    }
    let both = vec![AccessMode::None, AccessMode::Kubernetes];
    let both = with(|settings| settings.access = both).expect("there");
    assert_eq!(admitted(&both, &nothing, RIGHT).await, Ok(Principal::outside()));
    let signed = parts(&[("authorization", "AWS4-HMAC-SHA256 Credential=x")], None);
    assert_eq!(admitted(&both, &signed, RIGHT).await, Ok(Principal::outside()));
    let bad = parts(&[("authorization", "bearer x")], None);
    assert!(matches!(admitted(&both, &bad, RIGHT).await, Err(Refusal::Unauthenticated(_))));
}
