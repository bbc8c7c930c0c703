//! Access by Kubernetes, through the whole router.
//!
//! The API server is one of the test.

#[path = "support/fake_reviews.rs"]
mod fake_reviews;
#[path = "support/in_process.rs"]
mod in_process;
#[path = "support/test_clock.rs"]
mod test_clock;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use fake_reviews::FakeReviews;
use in_process::reply::Reply;
use in_process::{InProcess, request, series};
use protocol::remote_write::{Version, compress, encode};
use serde_json::{Value, json};
use store::settings::{AccessMode, KubernetesSettings, StoreSettings};
use store::store::StorePorts;
use test_clock::TestClock;
use world::world::World;

struct Cluster {
    store: InProcess,
    reviews: Arc<FakeReviews>,
    clock: Arc<TestClock>,
}

impl Cluster {
    async fn start() -> Self {
        let reviews = Arc::new(FakeReviews::default());
        let settings = StoreSettings {
            access: vec![AccessMode::Kubernetes],
            kubernetes: Some(KubernetesSettings {
                audience: "store".to_owned(),
                namespace: "hearth-system".to_owned(),
            }),
            ..StoreSettings::default()
        };
        let ports = StorePorts { reviews: Some(reviews.clone()), ..StorePorts::default() };
        let mut clock = None;
        let put_clock = |world: &mut World| clock = Some(TestClock::put_into(world));
        let store = InProcess::start_with(settings, ports, put_clock).await;
        Self { store, reviews, clock: clock.expect("made at the start") }
    }

    /// A workspace of the Workspace object `namespace/name`.
    async fn workspace(&self, namespace: &str, name: &str) -> String {
        let owner = format!("operator/hearth/{namespace}/{name}");
        let hearth = json!({"outOfOrder": "unlimited", "retention": "unlimited"});
        let body = json!({"alias": name, "hearth": hearth});
        let made = self.store.call_as(&owner, "POST", "/workspaces", body).await.expect(202);
        made.json()["workspaceId"].as_str().expect("an id").to_owned()
    }

    async fn call(&self, user: &str, method: &str, path: &str, body: Value) -> Reply {
        self.store.send(signed(user, request(method, path, body))).await
    }

    async fn get(&self, user: &str, path: &str) -> Reply {
        self.call(user, "GET", path, Value::Null).await
    }

    async fn write(&self, user: &str, id: &str) -> Reply {
        let series = series(&[("__name__", "up"), ("tenant", user)], &[(1_000, 1.0)]);
        let message = encode::encode(&[series], Version::V2);
        let request = Request::post(format!("/workspaces/{id}/api/v1/remote_write"))
            .header("content-type", Version::V2.content_type())
            .header("content-encoding", "snappy")
            .body(Body::from(compress(&message)));
        self.store.send(signed(user, request.expect("a request"))).await
    }

    fn asked(&self) -> usize {
        self.reviews.with(|known| known.asked.len())
    }
}

fn signed(user: &str, mut request: Request<Body>) -> Request<Body> {
    let value = format!("Bearer {user}-token").parse().expect("a header");
    request.headers_mut().insert("authorization", value);
    request
}

fn query(id: &str) -> String {
    format!("/workspaces/{id}/api/v1/query?query=up&time=1")
}

#[tokio::test]
async fn two_tenants_reach_their_own_and_nothing_else() {
    let cluster = Cluster::start().await;
    let (a, b) =
        (cluster.workspace("team-a", "demo").await, cluster.workspace("team-b", "demo").await);
    cluster.reviews.user("writer-a", &["create workspaces/remotewrite team-a/demo"]);
    cluster.reviews.user("reader-a", &["get workspaces/query team-a/demo"]);
    cluster.reviews.user("reader-b", &["get workspaces/query team-b/demo"]);

    cluster.write("writer-a", &a).await.expect(204);
    let refused = cluster.write("writer-a", &b).await.expect(403);
    assert!(refused.text().starts_with("writer-a may not create workspaces/remotewrite"));
    cluster.get("writer-a", &query(&a)).await.expect(403);
    cluster.write("reader-a", &a).await.expect(403);

    let found = cluster.get("reader-a", &query(&a)).await.expect(200).json();
    assert_eq!(found["data"]["result"][0]["metric"]["tenant"], "writer-a");
    let nothing = cluster.get("reader-b", &query(&b)).await.expect(200).json();
    assert_eq!(nothing["data"]["result"], json!([]));
    let refused = cluster.get("reader-b", &query(&a)).await.expect(403).json();
    assert_eq!(refused["errorType"], "forbidden");
    let why = refused["error"].as_str().expect("a text");
    assert!(why.contains("reader-b may not get workspaces/query \"demo\""), "{why}");
    assert!(why.contains("in namespace team-a: no rule fits; a Role with"), "{why}");
}

#[tokio::test]
async fn each_api_refuses_in_its_own_shape() {
    let cluster = Cluster::start().await;
    let id = cluster.workspace("team-a", "demo").await;
    cluster.reviews.user("nobody", &[]);
    let silences = format!("/workspaces/{id}/alertmanager/api/v2/silences");
    let workspace = format!("/workspaces/{id}");
    for (user, status, kind) in [("nobody", 403, "forbidden"), ("stranger", 401, "unauthorized")] {
        let prometheus = cluster.get(user, &query(&id)).await.expect(status);
        assert_eq!(prometheus.json()["errorType"], kind);
        let challenge = prometheus.headers.get("www-authenticate");
        assert_eq!(challenge.is_some(), status == 401);
        assert!(cluster.get(user, &silences).await.expect(status).json().is_string());
        let amp = cluster.get(user, &workspace).await.expect(status);
        assert_eq!(amp.headers["x-amzn-errortype"], "AccessDeniedException");
        assert!(amp.json()["message"].is_string());
        let plain = cluster.get(user, "/metrics").await.expect(status);
        assert!(plain.headers["content-type"].to_str().expect("text").starts_with("text/plain"));
    }
    // Nobody learns whether a workspace exists.
    let missing = query("ws-00000000-0000-0000-0000-000000000000");
    cluster.get("nobody", &missing).await.expect(403);
    cluster.store.get(&missing).await.expect(401);
}

#[tokio::test]
async fn a_token_that_is_missing_expired_or_for_somebody_else_is_told_what_would_do() {
    let cluster = Cluster::start().await;
    let id = cluster.workspace("team-a", "demo").await;
    cluster.reviews.user("reader", &["get workspaces/query team-a/demo"]);
    let missing = cluster.store.get(&query(&id)).await.expect(401).text();
    assert!(missing.contains("kubectl create token SERVICEACCOUNT --audience store"), "{missing}");
    let expired = cluster.get("gone", &query(&id)).await.expect(401).text();
    assert!(expired.contains("refused: service account token has expired"), "{expired}");
    cluster.reviews.with(|known| {
        let elsewhere = ("vault".to_owned(), "reader".to_owned());
        known.tokens.insert("elsewhere-token".to_owned(), elsewhere);
    });
    let elsewhere = cluster.get("elsewhere", &query(&id)).await.expect(401).text();
    assert!(elsewhere.contains("it is for the audience vault"), "{elsewhere}");
    let huge = "x".repeat(20_000);
    let asked = cluster.asked();
    cluster.get(&huge, &query(&id)).await.expect(401);
    assert_eq!(cluster.asked(), asked, "no review of what cannot be a token");
    for path in ["/-/healthy", "/-/ready"] {
        assert_ne!(cluster.store.get(path).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn decisions_live_ten_seconds_and_refusals_two() {
    let cluster = Cluster::start().await;
    let id = cluster.workspace("team-a", "demo").await;
    let right = "get workspaces/query team-a/demo";
    cluster.reviews.user("reader", &[right]);
    for _ in 0..5 {
        cluster.get("reader", &query(&id)).await.expect(200);
    }
    assert_eq!(cluster.asked(), 2, "one for the token, one for the right");

    cluster.reviews.with(|known| known.rights.clear());
    cluster.clock.advance(Duration::from_millis(9_999));
    cluster.get("reader", &query(&id)).await.expect(200);
    cluster.clock.advance(Duration::from_millis(1));
    cluster.get("reader", &query(&id)).await.expect(403);

    cluster.reviews.user("reader", &[right]);
    cluster.clock.advance(Duration::from_millis(1_999));
    cluster.get("reader", &query(&id)).await.expect(403);
    cluster.clock.advance(Duration::from_millis(1));
    cluster.get("reader", &query(&id)).await.expect(200);

    cluster.reviews.with(|known| known.tokens.clear());
    cluster.clock.advance(Duration::from_secs(10));
    cluster.get("reader", &query(&id)).await.expect(401);
}

#[tokio::test]
async fn nobody_comes_in_while_the_api_server_is_away() {
    let cluster = Cluster::start().await;
    let id = cluster.workspace("team-a", "demo").await;
    cluster.reviews.user("reader", &["get workspaces/query team-a/demo"]);
    cluster.get("reader", &query(&id)).await.expect(200);
    cluster.reviews.with(|known| known.down = true);
    cluster.clock.advance(Duration::from_secs(9));
    cluster.get("reader", &query(&id)).await.expect(200);
    cluster.clock.advance(Duration::from_secs(1));
    let away = cluster.get("reader", &query(&id)).await.expect(503);
    assert_eq!(away.headers["retry-after"], "1");
    let why = away.json()["error"].as_str().expect("a text").to_owned();
    assert!(why.contains("API server could not be asked for access: connection refused"), "{why}");
    let amp = cluster.get("reader", &format!("/workspaces/{id}")).await.expect(503);
    assert_eq!(amp.headers["x-amzn-errortype"], "InternalServerException");
    cluster.write("reader", &id).await.expect(503);
    cluster.store.get("/-/healthy").await.expect(200);

    let asked = cluster.asked();
    cluster.get("reader", &query(&id)).await.expect(503);
    assert_eq!(cluster.asked(), asked, "asked once a second only");
    cluster.reviews.with(|known| known.down = false);
    cluster.clock.advance(Duration::from_secs(1));
    cluster.get("reader", &query(&id)).await.expect(200);
}

#[tokio::test]
async fn only_who_may_update_owners_acts_for_one() {
    let cluster = Cluster::start().await;
    let create = "create workspaces hearth-system/";
    cluster.reviews.user("operator", &[create, "update workspaces/owner /"]);
    cluster.reviews.user("person", &[create]);
    let make = async |user: &str, owner: Option<&str>| {
        let body = json!({"alias": "x", "tags": {"hearth.dev/install": "hearth"}});
        let body = if owner.is_some() { body } else { json!({"alias": "x"}) };
        let mut request = signed(user, request("POST", "/workspaces", body));
        if let Some(owner) = owner {
            let owner = owner.parse().expect("a header");
            request.headers_mut().insert("hearth-owner", owner);
        }
        cluster.store.send(request).await
    };
    let owner = "operator/hearth/team-a/demo";
    let refused = make("person", Some(owner)).await.expect(403).text();
    assert!(refused.contains("person may not update workspaces/owner"), "{refused}");
    assert!(refused.contains("ClusterRole"), "{refused}");
    let made = make("person", None).await.expect(202).json();
    assert_eq!(made["tags"], json!({}));

    let made = make("operator", Some(owner)).await.expect(202).json();
    assert_eq!(made["tags"]["hearth.dev/owner"], owner);
    assert_eq!(made["tags"]["hearth.dev/install"], "hearth", "reserved tags go with it");
    // Its rights are those of the object from now on, and only its owner changes it.
    let id = made["workspaceId"].as_str().expect("an id");
    cluster.reviews.user("person", &["update workspaces team-a/demo"]);
    cluster.clock.advance(Duration::from_secs(2));
    let alias = json!({"alias": "mine"});
    let taken = cluster.call("person", "POST", &format!("/workspaces/{id}/alias"), alias).await;
    assert!(taken.expect(409).text().contains(owner));
}

#[tokio::test]
async fn the_owner_header_needs_no_right_where_no_definition_is_changed() {
    let cluster = Cluster::start().await;
    let id = cluster.workspace("team-a", "demo").await;
    cluster.reviews.user("reader", &["get workspaces/query team-a/demo"]);
    let mut request = signed("reader", request("GET", &query(&id), Value::Null));
    request.headers_mut().insert("hearth-owner", "operator/hearth/team-b/x".parse().expect("ok"));
    cluster.store.send(request).await.expect(200);
}

#[tokio::test]
async fn definitions_tags_and_listings_go_by_the_workspace_object() {
    let cluster = Cluster::start().await;
    let id = cluster.workspace("team-a", "demo").await;
    cluster.reviews.user("viewer", &["get workspaces team-a/demo"]);
    cluster.reviews.user("lister", &["list workspaces /", "get /metrics"]);
    let arn = cluster.get("viewer", &format!("/workspaces/{id}")).await.expect(200).json();
    let arn = arn["workspace"]["arn"].as_str().expect("an ARN").to_owned();
    cluster.get("viewer", &format!("/tags/{arn}")).await.expect(200);
    cluster.get("lister", &format!("/tags/{arn}")).await.expect(403);
    let tags = json!({"tags": {"a": "b"}});
    cluster.call("viewer", "POST", &format!("/tags/{arn}"), tags).await.expect(403);
    cluster.get("viewer", "/workspaces").await.expect(403);
    let listed = cluster.get("lister", "/workspaces").await.expect(200).json();
    assert_eq!(listed["workspaces"][0]["workspaceId"], id.as_str());
    let metrics = cluster.get("lister", "/metrics").await.expect(200).text();
    let asked = "hearth_access_reviews_total{review=\"token\",verdict=\"yes\"} 2";
    assert!(metrics.contains(asked), "{metrics}");
    cluster.get("viewer", "/metrics").await.expect(403);
}

#[tokio::test]
async fn a_list_shows_what_stands_where_one_may_list() {
    let cluster = Cluster::start().await;
    for (namespace, name) in [("team-a", "one"), ("team-a", "two"), ("team-b", "three")] {
        cluster.workspace(namespace, name).await;
    }
    let own = cluster.store.call_as("api", "POST", "/workspaces", json!({"alias": "own"})).await;
    own.expect(202);
    cluster.reviews.user("a", &["list workspaces team-a/"]);
    cluster.reviews.user("both", &["list workspaces team-a/", "list workspaces team-b/"]);
    cluster.reviews.user("keeper", &["list workspaces hearth-system/"]);
    cluster.reviews.user("all", &["list workspaces /"]);
    cluster.reviews.user("nobody", &["get workspaces team-a/one"]);
    let aliases = |listed: &Value| {
        let all = listed["workspaces"].as_array().expect("a list").iter();
        let mut all: Vec<String> =
            all.map(|one| one["alias"].as_str().expect("a text").to_owned()).collect();
        all.sort();
        all.join(" ")
    };
    for (user, seen) in [
        ("a", "one two"),
        ("both", "one three two"),
        ("keeper", "own"),
        ("all", "one own three two"),
    ] {
        let listed = cluster.get(user, "/workspaces").await.expect(200).json();
        assert_eq!(aliases(&listed), seen, "{user}");
    }
    // Pages are of what is seen.
    let page = cluster.get("both", "/workspaces?maxResults=2").await.expect(200).json();
    let next = page["nextToken"].as_str().expect("there are more");
    let rest = format!("/workspaces?maxResults=2&nextToken={next}");
    let rest = cluster.get("both", &rest).await.expect(200).json();
    assert_eq!((aliases(&page).split(' ').count(), aliases(&rest).split(' ').count()), (2, 1));

    let refused = cluster.get("nobody", "/workspaces").await.expect(403).text();
    assert!(
        refused.contains("nobody may not list workspaces of hearth.dev in namespace"),
        "{refused}"
    );
    let mut request = signed("all", request("GET", "/workspaces", Value::Null));
    request.headers_mut().insert("hearth-owner", "operator/x/y/z".parse().expect("ok"));
    cluster.store.send(request).await.expect(403);
    cluster.reviews.with(|known| known.down = true);
    cluster.clock.advance(Duration::from_mins(1));
    cluster.get("a", "/workspaces").await.expect(503);
}

#[tokio::test]
async fn a_workspace_without_an_object_goes_by_its_id() {
    let cluster = Cluster::start().await;
    let id = cluster.store.call_as("api", "POST", "/workspaces", json!({})).await.expect(202);
    let id = id.json()["workspaceId"].as_str().expect("an id").to_owned();
    let right = format!("get workspaces/query hearth-system/{id}");
    cluster.reviews.user("reader", &[&right]);
    cluster.get("reader", &query(&id)).await.expect(200);
    // The same workspace at the root needs the same right.
    cluster.store.store.set_default_workspace(id.parse().ok());
    cluster.get("reader", "/api/v1/query?query=up").await.expect(200);
    cluster.reviews.user("nobody", &[]);
    cluster.get("nobody", "/api/v1/query?query=up").await.expect(403);
}

#[tokio::test]
async fn two_users_with_the_same_client_token_get_two_workspaces() {
    let cluster = Cluster::start().await;
    let create = "create workspaces hearth-system/";
    cluster.reviews.user("jane", &[create]);
    cluster.reviews.user("joe", &[create]);
    let mut ids = Vec::new();
    for user in ["jane", "joe", "jane"] {
        let body = json!({"alias": "x", "clientToken": "1"});
        let made = cluster.call(user, "POST", "/workspaces", body).await.expect(202).json();
        ids.push(made["workspaceId"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[0], ids[2]);
}
