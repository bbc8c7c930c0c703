//! `status/*`, features, targets, syntax trees.

#[path = "support/in_process.rs"]
mod in_process;

use std::sync::Arc;

use in_process::{InProcess, encoded};
use serde_json::{Value, json};

/// A store with one workspace, and the data of its answers.
struct Asked {
    hearth: InProcess,
    id: String,
}

impl Asked {
    async fn start() -> Self {
        let hearth = InProcess::start().await;
        let id = hearth.workspace("demo").await;
        Self { hearth, id }
    }

    async fn data(&self, path: &str) -> Value {
        let path = format!("/workspaces/{}/api/v1/{path}", self.id);
        let answer = self.hearth.get(&path).await.expect(200).json();
        assert_eq!(answer["status"], "success");
        answer["data"].clone()
    }

    async fn tree(&self, query: &str) -> Value {
        self.data(&format!("parse_query?query={}", encoded(query))).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_page_answers() {
    let asked = Asked::start().await;
    let info = asked.data("status/buildinfo").await;
    assert_eq!((&info["version"], &info["application"]), (&json!("3.14.0"), &json!("hearth")));
    // Grafana takes a store with `features` here for Mimir.
    assert!(info.get("features").is_none());
    let flags = asked.data("status/flags").await;
    assert_eq!(flags["query.max-samples"], "50000000");
    assert_eq!(flags["storage.tsdb.retention.time"], "unlimited");
    assert!(flags["web.external-url"].as_str().expect("a text").contains(&asked.id), "{flags}");
    let running = asked.data("status/runtimeinfo").await;
    assert_eq!(running["reloadConfigSuccess"], true);
    assert!(running["startTime"].as_str().expect("a text").ends_with('Z'), "{running}");
    let config = asked.data("status/config").await;
    let yaml: Value = serde_json::from_str(config["yaml"].as_str().expect("a text"))
        .expect("the configuration's YAML is JSON too");
    assert_eq!(yaml["retention"], "unlimited");
    let tsdb = asked.data("status/tsdb").await;
    assert_eq!(tsdb["headStats"]["numSeries"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn features_follow_the_configuration() {
    let asked = Asked::start().await;
    let flag = "promql-experimental-functions";
    assert_eq!(asked.data("features").await["prometheus"][flag], false);
    let path = format!("/workspaces/{}/configuration", asked.id);
    let patch = json!({"hearth": {"features": [flag]}});
    asked.hearth.call("PATCH", &path, patch).await.expect(202);
    let features = asked.data("features").await;
    assert_eq!(features["prometheus"][flag], true);
    assert_eq!(features["prometheus"]["search-api"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_come_from_whoever_scrapes_in_this_process() {
    let asked = Asked::start().await;
    let none = json!({"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}});
    assert_eq!(asked.data("targets").await, none);
    let mine = asked.id.clone();
    asked.hearth.store.set_targets_provider(Arc::new(move |id| {
        assert_eq!(id.as_str(), mine);
        json!({
            "activeTargets": [{"scrapePool": "a", "health": "up"}, {"scrapePool": "b"}],
            "droppedTargets": [{"scrapePool": "a"}],
            "droppedTargetCounts": {"a": 1},
        })
    }));
    let all = asked.data("targets").await;
    assert_eq!(all["activeTargets"].as_array().map(Vec::len), Some(2));
    assert_eq!(all["droppedTargetCounts"], json!({"a": 1}));
    let some = asked.data("targets?state=active&scrapePool=a").await;
    assert_eq!(some["activeTargets"], json!([{"scrapePool": "a", "health": "up"}]));
    assert_eq!(some["droppedTargets"], json!([]));
    assert_eq!(asked.data("targets?state=dropped").await["activeTargets"], json!([]));
    let managers = asked.data("alertmanagers").await;
    let url = managers["activeAlertmanagers"][0]["url"].as_str().expect("a text");
    assert!(url.ends_with(&format!("{}/alertmanager/api/v2/alerts", asked.id)), "{url}");
    assert_eq!(managers["droppedAlertmanagers"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_formatted() {
    let asked = Asked::start().await;
    let formatted = async |query: &str| {
        let path = format!("format_query?query={}", encoded(query));
        asked.data(&path).await.as_str().expect("a text").to_owned()
    };
    assert_eq!(formatted("sum(up)by(n)").await, "sum by (n) (up)");
    let long = format!("sum(a{{x=\"{}\"}})+b", "y".repeat(100));
    let wanted = format!("  sum(\n    a{{x=\"{}\"}}\n  )\n+\n  b", "y".repeat(100));
    assert_eq!(formatted(&long).await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn syntax_trees_have_prometheus_shapes() {
    let asked = Asked::start().await;
    let tree = asked.tree("-sum by (a) (rate(x{b!=\"c\"}[5m] offset 1m @ end()))").await;
    let matchers = json!([
        {"name": "b", "value": "c", "type": "!="},
        {"name": "__name__", "value": "x", "type": "="},
    ]);
    let selector = json!({
        "type": "matrixSelector", "name": "x", "range": 300_000, "rangeExpr": null,
        "offset": 60_000, "offsetExpr": null, "matchers": matchers,
        "timestamp": null, "startOrEnd": "end", "anchored": false, "smoothed": false,
    });
    let rate = json!({
        "name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector",
    });
    let sum = json!({
        "type": "aggregation", "op": "sum", "param": null, "grouping": ["a"], "without": false,
        "expr": {"type": "call", "func": rate, "args": [selector]},
    });
    assert_eq!(tree, json!({"type": "unaryExpr", "op": "-", "expr": sum}));

    let tree = asked.tree("a / on (j) group_left (k) b").await;
    let matching = json!({
        "card": "many-to-one", "labels": ["j"], "on": true, "include": ["k"],
        "fillValues": {"lhs": null, "rhs": null},
    });
    assert_eq!((&tree["op"], &tree["matching"]), (&json!("/"), &matching));
    assert_eq!((&tree["lhs"]["type"], &tree["bool"]), (&json!("vectorSelector"), &json!(false)));

    let tree = asked.tree("(1 < bool 2.5)").await;
    assert_eq!(tree["type"], "parenExpr");
    assert_eq!((&tree["expr"]["bool"], &tree["expr"]["matching"]), (&json!(true), &Value::Null));
    assert_eq!(tree["expr"]["rhs"], json!({"type": "numberLiteral", "val": "2.5"}));

    let tree = asked.tree("max_over_time(up[1h:1m + step()] @ 5)").await;
    let subquery = &tree["args"][0];
    assert_eq!((&subquery["type"], &subquery["range"]), (&json!("subquery"), &json!(3_600_000)));
    assert_eq!((&subquery["timestamp"], &subquery["step"]), (&json!(5000), &json!(0)));
    assert_eq!(subquery["stepExpr"]["op"], "+");
    assert_eq!(subquery["stepExpr"]["rhs"]["op"], "step");
    assert_eq!(asked.tree("\"text\"").await, json!({"type": "stringLiteral", "val": "text"}));
    let path = format!("/workspaces/{}/api/v1/parse_query?query=sum(", asked.id);
    let refused = asked.hearth.get(&path).await.expect(400).json();
    assert_eq!(refused["errorType"], "bad_data");
}
