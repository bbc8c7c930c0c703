//! The words of a denial: who, what, where, and the cure.

use super::*;
use crate::http::access::right::acting_for_owners;

#[test]
fn a_denial_names_user_verb_resource_and_the_role_that_would_allow_it() {
    let query = Attributes::Resource {
        resource: "workspaces",
        subresource: "query",
        verb: "get",
        namespace: "team-a".into(),
        name: "demo".into(),
    };
    assert_eq!(
        denial("system:serviceaccount:team-b:grafana", &query, "no RBAC policy matched"),
        "system:serviceaccount:team-b:grafana may not get workspaces/query \"demo\" of hearth.dev \
         in namespace team-a: no RBAC policy matched; a Role with apiGroups [hearth.dev], \
         resources [workspaces/query], resourceNames [demo] and verbs [get], bound to that user \
         in namespace team-a, allows it"
    );
}

#[test]
fn a_denial_that_names_no_object_asks_for_no_name() {
    let create = Attributes::Resource {
        resource: "workspaces",
        subresource: "",
        verb: "create",
        namespace: "hearth-system".into(),
        name: String::new(),
    };
    let text = denial("jane", &create, "");
    assert!(
        text.starts_with("jane may not create workspaces of hearth.dev in namespace"),
        "{text}"
    );
    assert!(!text.contains("resourceNames"), "{text}");
    let text = denial("jane", &acting_for_owners(), "");
    assert!(text.contains("a ClusterRole with") && text.contains("in all namespaces"), "{text}");
    let text = denial("jane", &Attributes::Path { path: "/metrics", verb: "get" }, "");
    assert!(text.contains("nonResourceURLs [/metrics] and verbs [get]"), "{text}");
}

#[test]
fn what_the_api_server_says_is_passed_on_shortened() {
    assert_eq!(because(" \n"), "");
    assert_eq!(because(&"x".repeat(10_000)).chars().count(), REASON_CHARS_MAX + 2);
}
