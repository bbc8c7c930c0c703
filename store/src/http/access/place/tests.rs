//! Which request asks the API server for what.

use http::Method;

use super::*;
use crate::http::access::reviews::Attributes;
use crate::http::access::right::{Right, Subresource, Verb};
use crate::http::routes;

const NAMESPACE: &str = "hearth-system";

/// What a request of a workspace with that owner asks for: `verb resource namespace/name`.
fn asked(method: &str, path: &str, owner: Option<&str>) -> String {
    let method: Method = method.parse().expect("a method");
    let matched = routes::route(&method, path).expect("a path of the store");
    let default = "ws-default".parse().ok();
    let id = named(&matched, default);
    let place = of_workspace(id.as_ref(), owner);
    match matched.action.right().attributes(place, NAMESPACE) {
        None => "nothing".to_owned(),
        Some(Attributes::Path { path, verb }) => format!("{verb} {path}"),
        Some(Attributes::Resource { resource, subresource, verb, namespace, name }) => {
            let slash = if subresource.is_empty() { "" } else { "/" };
            format!("{verb} {resource}{slash}{subresource} {namespace}/{name}")
        }
    }
}

#[test]
fn a_workspace_of_an_operator_stands_where_its_object_stands() {
    let owner = Some("operator/hearth/team-a/demo");
    for (request, wanted) in [
        ("POST /workspaces/ws-1/api/v1/remote_write", "create workspaces/remotewrite team-a/demo"),
        ("POST /workspaces/ws-1/api/v1/write", "create workspaces/remotewrite team-a/demo"),
        (
            "POST /workspaces/ws-1/api/v1/otlp/v1/metrics",
            "create workspaces/remotewrite team-a/demo",
        ),
        ("POST /workspaces/ws-1/api/v1/query", "get workspaces/query team-a/demo"),
        ("GET /api/v1/label/job/values", "get workspaces/query team-a/demo"),
        ("GET /workspaces/ws-1/api/v1/rules", "get workspaces/rules team-a/demo"),
        ("GET /workspaces/ws-1/api/v1/alerts", "get workspaces/alerts team-a/demo"),
        (
            "POST /workspaces/ws-1/alertmanager/api/v2/alerts",
            "create workspaces/alerts team-a/demo",
        ),
        (
            "GET /workspaces/ws-1/alertmanager/api/v2/silences",
            "get workspaces/silences team-a/demo",
        ),
        (
            "POST /workspaces/ws-1/alertmanager/api/v2/silences",
            "create workspaces/silences team-a/demo",
        ),
        (
            "DELETE /workspaces/ws-1/alertmanager/api/v2/silence/x",
            "delete workspaces/silences team-a/demo",
        ),
        ("GET /workspaces/ws-1", "get workspaces team-a/demo"),
        ("DELETE /workspaces/ws-1", "delete workspaces team-a/demo"),
        ("DELETE /workspaces/ws-1/rulegroupsnamespaces/x", "update workspaces team-a/demo"),
        ("PUT /workspaces/ws-1/hearth/secrets/x", "update workspaces team-a/demo"),
        ("GET /tags/arn:aws:aps:r:1:workspace/ws-1", "get workspaces team-a/demo"),
        ("POST /tags/arn:aws:aps:r:1:rulegroupsnamespace/ws-1/x", "update workspaces team-a/demo"),
        ("GET /workspaces", "list workspaces hearth-system/"),
        ("POST /workspaces", "create workspaces hearth-system/"),
        ("GET /scrapers", "list scrapers hearth-system/"),
        ("GET /metrics", "get /metrics"),
        ("GET /-/healthy", "nothing"),
        ("GET /-/ready", "nothing"),
    ] {
        let (method, path) = request.split_once(' ').expect("method and path");
        assert_eq!(asked(method, path, owner), wanted, "{request}");
    }
}

#[test]
fn any_other_workspace_stands_beside_the_store_under_its_id() {
    for owner in [
        None,
        Some("api"),
        Some("up/demo"),
        Some("operator/hearth/team-a"),
        Some("operator/hearth/team-a/demo/more"),
        Some("operator/hearth//demo"),
        Some("operator/hearth/team-a/"),
        Some("up/hearth/team-a/demo"),
    ] {
        let asked = asked("GET", "/workspaces/ws-1/api/v1/query", owner);
        assert_eq!(asked, "get workspaces/query hearth-system/ws-1", "{owner:?}");
    }
    let root = asked("GET", "/api/v1/query", None);
    assert_eq!(root, "get workspaces/query hearth-system/ws-default");
}

#[test]
fn what_names_no_workspace_needs_the_right_on_all_of_them() {
    for path in ["/workspaces/DEMO/api/v1/query", "/workspaces/*/api/v1/query"] {
        assert_eq!(asked("GET", path, None), "get workspaces/query hearth-system/");
    }
    assert_eq!(asked("GET", "/workspaces/x", None), "get workspaces hearth-system/");
    assert_eq!(asked("POST", "/tags/nonsense", None), "update workspaces hearth-system/");
}

#[test]
fn only_health_is_open_and_nothing_but_deleting_a_workspace_needs_delete_on_it() {
    for (methods, pattern, action) in routes::table() {
        let right = action.right();
        assert_eq!(right == Right::Open, pattern.starts_with("-/"), "{methods} {pattern}");
        let ends = right == Right::Workspace(Verb::Delete);
        let deletes = action == Action::Control(ControlAction::DeleteWorkspace);
        assert_eq!(ends, deletes, "{methods} {pattern}");
        // Whoever only reads changes nothing.
        let reads = matches!(
            right,
            Right::Data(Subresource::Rules, _)
                | Right::Workspace(Verb::Get)
                | Right::Workspaces(Verb::List)
        );
        assert!(!reads || methods == "GET", "{methods} {pattern}");
    }
}
