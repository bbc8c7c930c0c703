//! The webhook over real HTTPS, and its reviews without.

use std::net::SocketAddr;
use std::sync::Arc;

use check::patience::Patience;
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::certificates::issuing::{authority, leaf};
use crate::webhook::certificate::server_config;
use crate::webhook::review;
use crate::webhook::server::{BODY_BYTES_MAX, serve};

const NAME: &str = "hearth-operator.hearth-system.svc";

/// An authority's certificate, and a server's configuration from it.
fn certified() -> (String, Arc<ServerConfig>) {
    let now = k8s_openapi::jiff::Timestamp::now();
    let signer = authority("hearth", now).expect("an authority");
    let leaf = leaf(&signer, &[NAME.to_owned()], now).expect("a leaf");
    (signer.certificate, server_config(&leaf).expect("they go together"))
}

struct Webhook {
    address: SocketAddr,
    certificates: watch::Sender<Option<Arc<ServerConfig>>>,
    client: reqwest::Client,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Webhook {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (ca, config) = certified();
        let (certificates, receiver) = watch::channel(Some(config));
        let server = tokio::spawn(serve(listener, receiver));
        Self { address, certificates, client: client(&ca, address), server }
    }

    async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        let url = format!("https://{NAME}:{}/validate", self.address.port());
        let answer = self.client.post(url).body(body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }

    async fn review(&self, kind: &str, spec: Value) -> Value {
        let (status, text) = self.post(asked("CREATE", kind, spec).to_string()).await;
        assert_eq!(status, 200, "{text}");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(answer["kind"], "AdmissionReview");
        assert_eq!(answer["response"]["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
        answer["response"].clone()
    }
}

fn client(ca: &str, address: SocketAddr) -> reqwest::Client {
    let ca = reqwest::Certificate::from_pem(ca.as_bytes()).expect("PEM");
    reqwest::Client::builder()
        .tls_certs_only([ca])
        .no_proxy()
        .resolve(NAME, address)
        .build()
        .expect("a client")
}

/// A review as an API server sends it.
fn asked(operation: &str, kind: &str, spec: Value) -> Value {
    let object = json!({
        "apiVersion": "hearth.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "demo", "namespace": "team", "uid": "1"},
        "spec": spec,
    });
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "hearth.dev", "version": "v1alpha1", "kind": kind},
            "resource": {"group": "hearth.dev", "version": "v1alpha1", "resource": "things"},
            "requestKind": {"group": "hearth.dev", "version": "v1alpha1", "kind": kind},
            "requestResource": {"group": "hearth.dev", "version": "v1alpha1", "resource": "things"},
            "name": "demo",
            "namespace": "team",
            "operation": operation,
            "userInfo": {"username": "admin", "groups": ["system:authenticated"]},
            "object": object,
            "oldObject": null,
            "dryRun": true,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
}

fn rules(expr: &str) -> Value {
    json!({
        "workspaceRef": {"name": "demo"},
        "groups": [{"name": "g", "rules": [{"record": "a", "expr": expr}]}],
    })
}

fn scraper(configuration: &str) -> Value {
    json!({
        "destination": {"workspaceRef": {"name": "demo"}},
        "scrapeConfiguration": configuration,
    })
}

fn definition(text: &str) -> Value {
    json!({"workspaceRef": {"name": "demo"}, "definition": text})
}

#[tokio::test]
async fn every_kind_is_judged() {
    let webhook = Webhook::start().await;
    let good = "alertmanager_config: |\n  route: {receiver: a}\n  receivers: [{name: a}]\n";
    for (kind, good, bad, field) in [
        ("Store", json!({}), json!({"volume": {"size": "big"}}), "spec.volume.size"),
        ("Workspace", json!({}), json!({"limits": {"x": 1}}), "spec.limits.x"),
        (
            "Scraper",
            scraper("scrape_configs: []"),
            scraper("scrape_configs: [{job_name: ''}]"),
            "spec.scrapeConfiguration.scrape_configs[0].job_name",
        ),
        ("RuleGroup", rules("up"), rules("sum(up"), "spec.groups[0].rules[0].expr"),
        (
            "AlertManagerConfig",
            definition(good),
            definition(&good.replace("receiver: a", "receiver: b")),
            "spec.definition.alertmanager_config.route.receiver",
        ),
    ] {
        let answer = webhook.review(kind, good).await;
        assert_eq!(answer["allowed"], true, "{kind}: {answer}");
        let answer = webhook.review(kind, bad).await;
        assert_eq!(answer["allowed"], false, "{kind}: {answer}");
        assert_eq!(answer["status"]["code"], 422, "{answer}");
        assert_eq!(answer["status"]["details"]["causes"][0]["field"], field, "{answer}");
        let message = answer["status"]["message"].as_str().expect("a message");
        let start = format!("{kind} \"demo\" has 1 fault:\n- {field}: ");
        assert!(message.starts_with(&start), "{message}");
    }
}

#[tokio::test]
async fn every_fault_is_told_and_what_has_no_effect_is_warned_of() {
    let webhook = Webhook::start().await;
    let spec = json!({"limits": {"x": 1, "y": 2}, "features": ["z"]});
    let answer = webhook.review("Workspace", spec).await;
    let message = answer["status"]["message"].as_str().expect("a message");
    assert!(message.starts_with("Workspace \"demo\" has 3 faults:"), "{message}");
    for field in ["spec.limits.x", "spec.limits.y", "spec.features[0]"] {
        assert!(message.contains(&format!("\n- {field}: ")), "{message}");
    }
    let answer = webhook.review("Scraper", scraper("global: {evaluation_interval: 1m}")).await;
    assert_eq!(answer["allowed"], true);
    let warning = answer["warnings"][0].as_str().expect("a warning");
    assert!(warning.starts_with("spec.scrapeConfiguration.global.evaluation_interval: "));
}

#[tokio::test]
async fn hostile_bodies_get_an_answer() {
    let webhook = Webhook::start().await;
    let valid = asked("CREATE", "Workspace", json!({})).to_string();
    for (body, status, word) in [
        (String::new(), 400, "no AdmissionReview"),
        ("null".to_owned(), 400, "no AdmissionReview"),
        ("{\"request\":".repeat(100_000), 400, "no AdmissionReview"),
        (valid.replace("admission.k8s.io/v1", "admission.k8s.io/v1beta1"), 400, "v1beta1"),
        (valid.replace("\"request\"", "\"requests\""), 400, "holds no request"),
        (valid.replace("\"CREATE\"", "\"EXPLODE\""), 400, "no AdmissionReview"),
        ("x".repeat(BODY_BYTES_MAX + 1), 413, "exceeds the limit"),
    ] {
        let (got, text) = webhook.post(body).await;
        assert_eq!(got, status, "{text}");
        assert!(text.contains(word), "{text}");
    }
    // Nonsense in place of TLS ends that connection and no other.
    let mut plain = TcpStream::connect(webhook.address).await.expect("it listens");
    plain.write_all(b"POST /validate HTTP/1.1\r\n\r\n").await.expect("it is open");
    let mut rest = Vec::new();
    let _ = plain.read_to_end(&mut rest).await;
    let answer = webhook.review("Workspace", json!({})).await;
    assert_eq!(answer["allowed"], true);
}

#[tokio::test]
async fn hostile_specifications_are_refused() {
    let webhook = Webhook::start().await;
    let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    let bombs = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nscrape_configs: [*b,*b]\n";
    for (kind, spec) in [
        ("RuleGroup", rules(&deep)),
        ("RuleGroup", rules("a{b=~\"(((a*)*)*)*\"")),
        ("Scraper", scraper(bombs)),
        ("Scraper", scraper(&"[".repeat(50_000))),
        ("AlertManagerConfig", definition(&"{a: ".repeat(50_000))),
        ("Workspace", json!([1, 2])),
        ("Workspace", Value::Null),
    ] {
        let answer = webhook.review(kind, spec).await;
        assert_eq!(answer["allowed"], false, "{kind}: {answer}");
        let message = answer["status"]["message"].as_str().expect("a message");
        assert!(message.len() < 20_000, "{}", message.len());
    }
}

#[tokio::test]
async fn a_new_certificate_is_taken_by_the_next_connection() {
    let webhook = Webhook::start().await;
    let (ca, config) = certified();
    webhook.certificates.send_replace(Some(config));
    let url = format!("https://{NAME}:{}/validate", webhook.address.port());
    let send = |client: reqwest::Client| client.post(&url).body("").send();
    assert!(send(webhook.client.clone()).await.is_err(), "the old authority is trusted no more");
    let answer = send(client(&ca, webhook.address)).await.expect("the new one is");
    assert_eq!(answer.status(), 400);
}

fn read(review: &Value) -> review::Request {
    review::read(review.to_string().as_bytes()).expect("a review")
}

#[test]
fn only_new_specifications_of_our_kinds_are_judged() {
    let bad = json!({"limits": {"x": 1}});
    let review = |change: &dyn Fn(&mut Value)| {
        let mut review = asked("UPDATE", "Workspace", bad.clone());
        change(&mut review["request"]);
        review::answer(&read(&review), &Patience::endless()).allowed
    };
    assert!(!review(&|_| {}));
    assert!(review(&|request| request["operation"] = json!("DELETE")));
    assert!(review(&|request| request["operation"] = json!("CONNECT")));
    assert!(review(&|request| request["subResource"] = json!("status")));
    assert!(review(&|request| request["kind"]["group"] = json!("example.com")));
    assert!(review(&|request| request["kind"]["kind"] = json!("Gadget")));
    assert!(review(&|request| request["object"] = Value::Null));
    assert!(review(&|request| request["oldObject"] = request["object"].clone()));
    assert!(review(&|request| {
        request["object"]["metadata"]["deletionTimestamp"] = json!("2026-11-22T00:00:00Z");
    }));
}

#[test]
fn unit_tests_that_take_too_long_are_left_to_the_operator() {
    let mut spec = rules("up");
    spec["tests"] = json!([{"promql_expr_test": [{"expr": "1", "eval_time": "1h"}]}]);
    let request = read(&asked("CREATE", "RuleGroup", spec));
    let answer = review::answer(&request, &Patience::until(|| true));
    assert!(answer.allowed);
    assert!(answer.warnings.expect("a warning")[0].starts_with("not judged in time"));
}

#[test]
fn long_messages_are_bounded() {
    let limits: serde_json::Map<String, Value> =
        (0..2000).map(|number| (format!("limit{number}"), json!(1))).collect();
    let request = read(&asked("CREATE", "Workspace", json!({ "limits": limits })));
    let answer = review::answer(&request, &Patience::endless());
    assert!(answer.result.message.len() < 17 * 1024);
    assert!(answer.result.message.contains("more: `hearth check FILE` tells them all"));
    assert_eq!(answer.result.details.expect("details").causes.len(), 50);
}

mod configuration {
    use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
    use serde_json::json;

    use crate::settings::OperatorSettings;
    use crate::webhook::configuration::patch;

    fn settings() -> OperatorSettings {
        OperatorSettings {
            install: "hearth".into(),
            namespace: "hearth-system".into(),
            service_account: "hearth-operator".into(),
            image: "hearth".into(),
            default_store: None,
            wide_discovery_namespaces: [].into(),
            watch_namespaces: [].into(),
            listen: "127.0.0.1:0".parse().expect("an address"),
            webhook_listen: None,
            webhook_service: "hearth-operator".into(),
            discovery_cluster_role: "d".into(),
            collector_cluster_role: "c".into(),
            review_cluster_role: "r".into(),
            authority_overlap: k8s_openapi::jiff::SignedDuration::from_hours(24),
        }
    }

    fn live(bundle: Option<&str>) -> ValidatingWebhookConfiguration {
        let webhook = |name: &str, namespace: &str| {
            json!({
                "name": name,
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "clientConfig": {"service": {"name": "hearth-operator", "namespace": namespace}},
            })
        };
        let mut whole = json!({
            "metadata": {"name": "hearth-operator"},
            "webhooks": [
                webhook("validate.hearth.dev", "hearth-system"),
                webhook("other.example.com", "elsewhere"),
            ],
        });
        if let Some(bundle) = bundle {
            whole["webhooks"][0]["clientConfig"]["caBundle"] = json!(bundle);
        }
        serde_json::from_value(whole).expect("a configuration")
    }

    #[test]
    fn only_the_bundle_of_our_own_webhook_is_written_and_only_when_it_differs() {
        // base64 of "ca"
        assert_eq!(patch(&live(Some("Y2E=")), &settings(), "ca"), None);
        for stale in [None, Some("b2xk")] {
            let due = patch(&live(stale), &settings(), "ca").expect("it differs");
            assert_eq!(
                due["webhooks"],
                json!([{"name": "validate.hearth.dev", "clientConfig": {"caBundle": "Y2E="}}])
            );
            assert_eq!(due["metadata"], json!({"name": "hearth-operator"}));
        }
    }
}
