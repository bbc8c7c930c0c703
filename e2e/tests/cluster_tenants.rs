//! Who may do what with a workspace: Roles say it.

use std::time::{SystemTime, UNIX_EPOCH};

use e2e::eventually::eventually;
use e2e::install;
use e2e::kubernetes::{Namespace, must};
use e2e::remote_write;
use e2e::scene::LIMIT;
use e2e::workspace::WorkspaceClient;

/// A team: a namespace with a workspace `metrics` and an account for each role of the chart.
async fn team(name: &str) -> Namespace {
    let team = Namespace::fresh(name).await;
    let mut manifests =
        "{apiVersion: hearth.dev/v1alpha1, kind: Workspace, metadata: {name: metrics}, \
          spec: {alias: metrics, deletionPolicy: Delete}}\n"
            .to_owned();
    for role in ["writer", "reader", "rules", "silences", "nobody"] {
        manifests +=
            &format!("---\n{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: {role}}}}}\n");
    }
    for role in ["writer", "reader", "rules", "silences"] {
        manifests += &format!(
            "---\n{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: {role}}}, \
              roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: hearth-workspace-{role}}}, \
              subjects: [{{kind: ServiceAccount, name: {role}}}]}}\n"
        );
    }
    team.must_apply(&manifests).await;
    team.until("workspace", "metrics", "Ready", "True", LIMIT).await;
    team
}

async fn as_(team: &Namespace, of: &Namespace, role: &str) -> WorkspaceClient {
    WorkspaceClient::of(team, "metrics", (of, role)).await
}

fn sample(value: f64) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    remote_write::body(&[(&[("__name__", "secret_of_a_team")], &[(now as i64, value)])])
}

const QUERY: &str = "/api/v1/query?query=secret_of_a_team";

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn each_role_may_what_its_name_says_in_its_own_namespace() {
    install::ensure().await;
    let red = team("e2e-team-red").await;
    let blue = team("e2e-team-blue").await;

    let writer = as_(&red, &red, "writer").await;
    eventually("the writer writes", LIMIT, async || {
        let (status, answer) = writer.write(sample(7.0)).await?;
        if status < 300 { Ok(()) } else { Err(format!("{status}: {answer}")) }
    })
    .await;
    assert_eq!(as_(&red, &red, "reader").await.value("secret_of_a_team").await, Ok(7.0));

    let silences = "/alertmanager/api/v2/silences";
    for (whose, role, method, path, status) in [
        (&red, "reader", "GET", QUERY, 200),
        (&red, "writer", "GET", QUERY, 403),
        (&red, "rules", "GET", QUERY, 403),
        (&red, "silences", "GET", QUERY, 403),
        (&red, "nobody", "GET", QUERY, 403),
        (&blue, "reader", "GET", QUERY, 403),
        (&blue, "writer", "GET", QUERY, 403),
        (&red, "reader", "GET", "/api/v1/rules", 200),
        (&red, "rules", "GET", "/api/v1/rules", 200),
        (&blue, "rules", "GET", "/api/v1/rules", 403),
        (&red, "rules", "GET", "/api/v1/alerts", 200),
        (&red, "silences", "GET", silences, 200),
        (&red, "reader", "GET", silences, 403),
        (&blue, "silences", "GET", silences, 403),
    ] {
        let client = as_(&red, whose, role).await;
        let seen = client.call(method, path, "").await.expect("an answer");
        assert_eq!(seen.0, status, "{}/{role} {method} {path}: {}", whose.name, seen.1);
    }
    for (whose, role) in [(&red, "reader"), (&red, "rules"), (&blue, "writer")] {
        let seen = as_(&red, whose, role).await.write(sample(8.0)).await.expect("an answer");
        assert_eq!(seen.0, 403, "{}/{role}: {}", whose.name, seen.1);
    }
    refuses_strangers(&red).await;
    for team in [red, blue] {
        team.must(&["delete", "workspace", "metrics", "--timeout=60s"]).await;
        Namespace::remove(&team.name).await;
    }
}

/// Tokens that are none, forged, or made out to somebody else.
async fn refuses_strangers(red: &Namespace) {
    let reader = as_(red, red, "reader").await;
    let forged = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyb290In0.c2lnbmF0dXJl";
    let elsewhere = red.token("reader", "hearth.dev/elsewhere/hearth").await;
    let server = must(&["-n", &red.name, "create", "token", "reader"]).await;
    for token in ["", "x", forged, &elsewhere, server.trim()] {
        let seen = reader.with_token(token).call("GET", QUERY, "").await.expect("an answer");
        assert_eq!(seen.0, 401, "{token}: {}", seen.1);
    }
    let url = reader.url.rsplit_once("/workspaces/").expect("the endpoint names it").0;
    let token = red.token("reader", install::AUDIENCE).await;
    let control = WorkspaceClient::new(url, &token).await;
    for path in ["/workspaces", "/metrics"] {
        let seen = control.call("GET", path, "").await.expect("an answer");
        assert_eq!(seen.0, 403, "{path}: {}", seen.1);
    }
    let seen = control.with_token("").call("GET", "/-/healthy", "").await.expect("an answer");
    assert_eq!(seen.0, 200, "health is open");
}
