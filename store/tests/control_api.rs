//! The control API, walked as its clients walk it.

#[path = "support/in_process.rs"]
mod in_process;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use in_process::{InProcess, encoded};
use serde_json::{Value, json};

const RULES: &str = "groups:\n- name: g\n  rules:\n  - {record: a, expr: up}\n";
const DEFINITION: &str = "alertmanager_config: |\n  route: {receiver: inbox}\n  \
                          receivers: [{name: inbox, webhook_configs: [{url: \"http://h/\"}]}]\n";

fn blob(text: &str) -> Value {
    Value::String(STANDARD.encode(text))
}

fn code(reply: &in_process::reply::Reply) -> String {
    let header = reply.headers["x-amzn-errortype"].to_str().expect("text").to_owned();
    assert_eq!(reply.json()["__type"], header.as_str());
    header
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_are_made_listed_described_renamed_and_deleted() {
    let hearth = InProcess::start().await;
    let made = hearth
        .call("POST", "/workspaces", json!({"alias": " demo ", "tags": {"team": "a"}}))
        .await
        .expect(202)
        .json();
    let id = made["workspaceId"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("ws-") && id.len() == 39, "{id}");
    let arn = format!("arn:aws:aps:us-east-1:000000000000:workspace/{id}");
    assert_eq!(made["arn"], arn.as_str());
    assert_eq!(made["tags"], json!({"team": "a"}));

    let found = hearth.get(&format!("/workspaces/{id}")).await.expect(200).json();
    let found = &found["workspace"];
    assert_eq!(
        (&found["alias"], &found["status"]["statusCode"]),
        (&json!("demo"), &json!("ACTIVE"))
    );
    assert!(found["createdAt"].is_f64(), "{found}");
    let endpoint = format!("http://127.0.0.1:9090/workspaces/{id}/");
    assert_eq!(found["prometheusEndpoint"], endpoint.as_str());
    assert_eq!(found["hearth"]["owner"], "api");
    assert_eq!(found["hearth"]["contentHash"], found["hearth"]["programmedHash"]);

    let path = format!("/workspaces/{id}/alias");
    hearth.call("POST", &path, json!({"alias": "other"})).await.expect(204);
    let listed = hearth.get("/workspaces?alias=oth").await.expect(200).json();
    assert_eq!(listed["workspaces"][0]["alias"], "other");
    assert_eq!(hearth.get("/workspaces?alias=demo").await.json()["workspaces"], json!([]));

    hearth.call("DELETE", &format!("/workspaces/{id}"), Value::Null).await.expect(202);
    let gone = hearth.get(&format!("/workspaces/{id}")).await.expect(404);
    assert_eq!(code(&gone), "ResourceNotFoundException");
    assert_eq!(gone.json()["resourceId"], id.as_str());
    hearth.get(&format!("/workspaces/{id}/api/v1/labels")).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_come_in_pages() {
    let hearth = InProcess::start().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(hearth.workspace("w").await);
    }
    made.sort();
    let (mut seen, mut path) = (Vec::new(), "/workspaces?maxResults=2".to_owned());
    loop {
        let page = hearth.get(&path).await.expect(200).json();
        let ids = page["workspaces"].as_array().expect("a list").clone();
        assert!(ids.len() <= 2);
        seen.extend(ids.iter().map(|w| w["workspaceId"].as_str().expect("an id").to_owned()));
        match page["nextToken"].as_str() {
            Some(token) => path = format!("/workspaces?maxResults=2&nextToken={token}"),
            None => break,
        }
    }
    assert_eq!(seen, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_is_patched_and_faults_name_their_field() {
    let hearth = InProcess::start().await;
    let made = hearth.call("POST", "/workspaces", json!({})).await.expect(202).json();
    let path = format!("/workspaces/{}/configuration", made["workspaceId"].as_str().expect("id"));
    let before = hearth.get(&path).await.expect(200).json()["workspaceConfiguration"].clone();
    assert_eq!(before["retentionPeriodInDays"], 150);
    assert_eq!(before["outOfOrderTimeWindowInSeconds"], 60);
    assert_eq!(before["status"]["statusCode"], "ACTIVE");

    let patch = json!({
        "retentionPeriodInDays": 30,
        "limitsPerLabelSet": [{"limits": {"maxSeries": 10}, "labelSet": {}}],
        "hearth": {"outOfOrder": "unlimited", "features": ["promql-delayed-name-removal"],
                   "limits": {"querySamples": 7}},
    });
    hearth.call("PATCH", &path, patch).await.expect(202);
    hearth.call("PATCH", &path, json!({"ruleQueryOffsetInSeconds": 5})).await.expect(202);
    let after = hearth.get(&path).await.expect(200).json()["workspaceConfiguration"].clone();
    assert_eq!(after["retentionPeriodInDays"], 30);
    assert_eq!(after["ruleQueryOffsetInSeconds"], 5);
    assert!(after.get("outOfOrderTimeWindowInSeconds").is_none(), "{after}");
    assert_eq!(after["hearth"]["outOfOrder"], "unlimited");
    assert_eq!(after["hearth"]["features"], json!(["promql-delayed-name-removal"]));
    assert_eq!(after["hearth"]["limits"], json!({"querySamples": 7}));
    assert_eq!(after["hearth"]["contentHash"], after["hearth"]["programmedHash"]);

    for (patch, field) in [
        (json!({"retentionPeriodInDays": 0}), "retentionPeriodInDays"),
        (json!({"ruleQueryOffsetInSeconds": 86401}), "ruleQueryOffsetInSeconds"),
        (json!({"retentionPeriodInDays": "x"}), "retentionPeriodInDays"),
        (json!({"hearth": {"features": ["nonsense"]}}), "hearth.features"),
        (json!({"hearth": {"limits": {"nonsense": 1}}}), "hearth.limits.nonsense"),
        (json!({"hearth": {"nonsense": 1}}), "hearth"),
        (
            json!({"limitsPerLabelSet": [{"limits": {}, "labelSet": {"1a": "x"}}]}),
            "limitsPerLabelSet[0].labelSet.1a",
        ),
    ] {
        let refused = hearth.call("PATCH", &path, patch.clone()).await.expect(400);
        assert_eq!(code(&refused), "ValidationException");
        assert_eq!(refused.json()["reason"], "FIELD_VALIDATION_FAILED");
        assert_eq!(refused.json()["fieldList"][0]["name"], field, "{patch}");
    }
    let unchanged = hearth.get(&path).await.json()["workspaceConfiguration"].clone();
    assert_eq!(unchanged, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_namespaces_are_checked_kept_byte_for_byte_and_replaced() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("w").await;
    let base = format!("/workspaces/{id}/rulegroupsnamespaces");
    let body = json!({"name": "a b/c", "data": blob(RULES)});
    let refused = hearth.call("POST", &base, body).await.expect(400);
    assert_eq!(refused.json()["fieldList"][0]["name"], "name");

    let body = json!({"name": "a b", "data": blob(RULES), "tags": {"x": "y"}});
    let made = hearth.call("POST", &base, body.clone()).await.expect(202).json();
    let arn = format!("arn:aws:aps:us-east-1:000000000000:rulegroupsnamespace/{id}/a b");
    assert_eq!((&made["name"], &made["arn"]), (&json!("a b"), &json!(arn)));
    let again = hearth.call("POST", &base, body).await.expect(409);
    assert_eq!(code(&again), "ConflictException");

    let one = format!("{base}/a%20b");
    let found = hearth.get(&one).await.expect(200).json()["ruleGroupsNamespace"].clone();
    assert_eq!(found["data"], blob(RULES));
    assert_eq!(found["tags"], json!({"x": "y"}));

    let wrong = json!({"data": blob("groups: [{name: g, rules: [{record: 'a', expr: 'sum('}]}]")});
    let refused = hearth.call("PUT", &one, wrong).await.expect(400);
    assert_eq!(refused.json()["fieldList"][0]["name"], "data");
    assert_eq!(hearth.get(&one).await.json()["ruleGroupsNamespace"]["data"], blob(RULES));

    let newer = RULES.replace("expr: up", "expr: up == 0");
    hearth.call("PUT", &one, json!({"data": blob(&newer)})).await.expect(202);
    let found = hearth.get(&one).await.expect(200).json()["ruleGroupsNamespace"].clone();
    assert_eq!(found["data"], blob(&newer));
    let missing = format!("{base}/other");
    hearth.call("PUT", &missing, json!({"data": blob(RULES)})).await.expect(404);

    let listed = hearth.get(&base).await.expect(200).json();
    assert_eq!(listed["ruleGroupsNamespaces"][0]["name"], "a b");
    assert!(listed["ruleGroupsNamespaces"][0].get("data").is_none(), "{listed}");
    hearth.call("DELETE", &one, Value::Null).await.expect(202);
    hearth.get(&one).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_alert_manager_definition() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("w").await;
    let path = format!("/workspaces/{id}/alertmanager/definition");
    hearth.get(&path).await.expect(404);
    hearth.call("PUT", &path, json!({"data": blob(DEFINITION)})).await.expect(404);
    let refused = hearth.call("POST", &path, json!({"data": blob("a: b")})).await.expect(400);
    assert_eq!(refused.json()["fieldList"][0]["name"], "data");
    hearth.call("POST", &path, json!({"data": blob(DEFINITION)})).await.expect(202);
    hearth.call("POST", &path, json!({"data": blob(DEFINITION)})).await.expect(409);
    let found = hearth.get(&path).await.expect(200).json()["alertManagerDefinition"].clone();
    assert_eq!(found["data"], blob(DEFINITION));
    hearth.call("PUT", &path, json!({"data": blob(DEFINITION)})).await.expect(202);
    hearth.call("DELETE", &path, Value::Null).await.expect(202);
    hearth.get(&path).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_owner_changes_a_thing() {
    let hearth = InProcess::start().await;
    let made = hearth
        .call_as("up/demo", "POST", "/workspaces", json!({"alias": "mine"}))
        .await
        .expect(202)
        .json();
    let path = format!("/workspaces/{}", made["workspaceId"].as_str().expect("id"));
    assert_eq!(made["tags"]["hearth.dev/owner"], "up/demo");
    for (method, path, body) in [
        ("DELETE", path.clone(), Value::Null),
        ("POST", format!("{path}/alias"), json!({"alias": "theirs"})),
        ("PATCH", format!("{path}/configuration"), json!({"retentionPeriodInDays": 1})),
        (
            "POST",
            format!("/tags/{}", encoded(made["arn"].as_str().expect("arn"))),
            json!({"tags": {"a": "b"}}),
        ),
    ] {
        let refused = hearth.call(method, &path, body.clone()).await.expect(409);
        assert_eq!(code(&refused), "ConflictException");
        assert!(refused.text().contains("up/demo"), "{}", refused.text());
        let refused = hearth.call_as("up/other", method, &path, body).await.expect(409);
        assert!(refused.text().contains("up/demo"), "{}", refused.text());
    }
    // Others may put things of their own into it, and those are theirs.
    let base = format!("{path}/rulegroupsnamespaces");
    hearth.call("POST", &base, json!({"name": "n", "data": blob(RULES)})).await.expect(202);
    let one = format!("{base}/n");
    hearth.call_as("up/demo", "PUT", &one, json!({"data": blob(RULES)})).await.expect(409);
    hearth.call("PUT", &one, json!({"data": blob(RULES)})).await.expect(202);
    hearth.call_as("up/demo", "DELETE", &path, Value::Null).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_set_and_removed_but_never_reserved_ones() {
    let hearth = InProcess::start().await;
    let made = hearth.call("POST", "/workspaces", json!({})).await.expect(202).json();
    let path = format!("/tags/{}", encoded(made["arn"].as_str().expect("arn")));
    hearth.call("POST", &path, json!({"tags": {"a": "1", "b": "2"}})).await.expect(200);
    hearth.call("DELETE", &format!("{path}?tagKeys=a&tagKeys=x"), Value::Null).await.expect(200);
    assert_eq!(hearth.get(&path).await.expect(200).json()["tags"], json!({"b": "2"}));
    let reserved = json!({"tags": {"hearth.dev/owner": "me"}});
    let refused = hearth.call("POST", &path, reserved.clone()).await.expect(400);
    assert_eq!(refused.json()["fieldList"][0]["name"], "tags.hearth.dev/owner");
    hearth.call("POST", "/workspaces", reserved).await.expect(400);
    let remove = format!("{path}?tagKeys=hearth.dev/owner");
    hearth.call("DELETE", &remove, Value::Null).await.expect(400);
    let elsewhere = "/tags/arn:aws:aps:eu-west-1:000000000000:workspace/ws-1";
    hearth.get(elsewhere).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_token_makes_a_retry_safe() {
    let hearth = InProcess::start().await;
    let body = json!({"alias": "a", "clientToken": "t-1"});
    let first = hearth.call("POST", "/workspaces", body.clone()).await.expect(202).json();
    let hearth = hearth.restart().await;
    let again = hearth.call("POST", "/workspaces", body).await.expect(202).json();
    assert_eq!(first, again);
    let other = json!({"alias": "b", "clientToken": "t-1"});
    let refused = hearth.call("POST", "/workspaces", other).await.expect(409);
    assert_eq!(code(&refused), "ConflictException");
    let path =
        format!("/workspaces/{}?clientToken=t-2", first["workspaceId"].as_str().expect("id"));
    hearth.call("DELETE", &path, Value::Null).await.expect(202);
    hearth.call("DELETE", &path, Value::Null).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_never_given_back_and_survive_a_restart() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("w").await;
    let path = format!("/workspaces/{id}/hearth/secrets/mail");
    let body = json!({"data": {"user": blob("me")}, "stringData": {"password": "hunter2"}});
    let put = hearth.call("PUT", &path, body).await.expect(200);
    assert!(!put.text().contains("hunter2"), "{}", put.text());
    assert_eq!(put.json()["keys"], json!(["password", "user"]));
    hearth.get(&path).await.expect(405);
    let bad = format!("/workspaces/{id}/hearth/secrets/a%2Fb");
    hearth.call("PUT", &bad, json!({})).await.expect(400);

    let hearth = hearth.restart().await;
    let id = id.parse().expect("an id");
    let opened = hearth.store.catalog.secret(&id, "mail", "password").expect("there");
    assert_eq!(opened.expect("opens"), b"hunter2");
    assert!(hearth.store.catalog.secret(&id, "mail", "none").is_none());
    hearth.call("DELETE", &path, Value::Null).await.expect(204);
    hearth.call("DELETE", &path, Value::Null).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_every_definition() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("kept").await;
    let gone = hearth.workspace("gone").await;
    let base = format!("/workspaces/{id}");
    let rules = format!("{base}/rulegroupsnamespaces");
    hearth.call("POST", &rules, json!({"name": "n", "data": blob(RULES)})).await.expect(202);
    let definition = format!("{base}/alertmanager/definition");
    hearth.call("POST", &definition, json!({"data": blob(DEFINITION)})).await.expect(202);
    hearth.call("DELETE", &format!("/workspaces/{gone}"), Value::Null).await.expect(202);
    let look = async |hearth: &InProcess| {
        let mut seen = Vec::new();
        for path in [&base, &format!("{base}/configuration"), &format!("{rules}/n"), &definition] {
            seen.push(hearth.get(path).await.expect(200).json());
        }
        seen
    };
    // Opening runs in the background; a data request waits for it.
    hearth.get(&format!("{base}/api/v1/labels")).await.expect(200);
    let before = look(&hearth).await;
    let hearth = hearth.restart().await;
    hearth.get(&format!("{base}/api/v1/labels")).await.expect(200);
    assert_eq!(look(&hearth).await, before);
    let listed = hearth.get("/workspaces").await.json();
    assert_eq!(listed["workspaces"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_says_so() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("w").await;
    for (method, path) in [
        ("GET", "/scrapers".to_owned()),
        ("POST", format!("/workspaces/{id}/anomalydetectors")),
        ("GET", format!("/workspaces/{id}/policy")),
        ("PUT", format!("/workspaces/{id}/logging/query")),
    ] {
        let refused = hearth.call(method, &path, json!({})).await.expect(400);
        assert_eq!(code(&refused), "ValidationException");
        assert_eq!(refused.json()["reason"], "UNKNOWN_OPERATION");
        assert!(refused.text().contains("is not built yet"), "{}", refused.text());
    }
    let unknown = hearth.get("/nothing").await.expect(404);
    assert!(unknown.text().contains("/nothing"), "{}", unknown.text());
    hearth.call("PUT", "/workspaces", json!({})).await.expect(405);
    let broken =
        hearth.send(in_process::request("POST", "/workspaces", json!([]))).await.expect(400);
    assert_eq!(broken.json()["reason"], "CANNOT_PARSE");
    let huge = json!({"alias": "x".repeat(3 << 20)});
    hearth.call("POST", "/workspaces", huge).await.expect(400);
    let reply = hearth.get("/workspaces").await.expect(200);
    assert_eq!(reply.headers["x-amzn-requestid"].len(), 36);
}
