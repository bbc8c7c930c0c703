//! Whom changes concern.

use super::*;
use crate::kubernetes::test_objects::object;

fn changed(entries: &[(Feed, &str, &str)]) -> Changed {
    let mut changed = Changed::default();
    for (feed, namespace, name) in entries {
        changed.insert(*feed, ObjectKey::new(namespace, name));
    }
    changed
}

fn pod() -> Pod {
    object(
        "{metadata: {name: p, namespace: ns, ownerReferences: [{kind: ReplicaSet, name: r, \
         controller: true}]}, spec: {nodeName: node-a}}",
    )
}

#[test]
fn pods_depend_on_node_namespace_and_owner() {
    for (feed, namespace, name, concerned) in [
        (Feed::Node, "", "node-a", true),
        (Feed::Node, "", "node-b", false),
        (Feed::Namespace, "", "ns", true),
        (Feed::Namespace, "", "mm", false),
        (Feed::ReplicaSet, "ns", "r", true),
        (Feed::ReplicaSet, "mm", "r", false),
        (Feed::Job, "ns", "r", false),
        (Feed::Service, "ns", "p", false),
    ] {
        let changed = changed(&[(feed, namespace, name)]);
        assert_eq!(pod().depends_on(&changed), concerned, "{feed:?} {namespace}/{name}");
    }
}

#[test]
fn endpoints_depend_on_all_they_show() {
    let endpoints: Endpoints = object(
        "{metadata: {name: s, namespace: ns}, subsets: [{\
         addresses: [{ip: 1.1.1.1, targetRef: {kind: Pod, namespace: ns, name: p}}], \
         notReadyAddresses: [{ip: 1.1.1.2, nodeName: node-a, targetRef: {kind: Node, name: x}}]}]}",
    );
    let slice: EndpointSlice = object(
        "{metadata: {name: s-1, namespace: ns, labels: {kubernetes.io/service-name: s}}, endpoints: \
         [{targetRef: {kind: Pod, namespace: ns, name: p}}, \
         {nodeName: node-a, targetRef: {kind: Node, name: x}}]}",
    );
    for (feed, namespace, name, concerned) in [
        (Feed::Pod, "ns", "p", true),
        (Feed::Pod, "ns", "x", false),
        (Feed::Pod, "mm", "p", false),
        (Feed::Service, "ns", "s", true),
        (Feed::Service, "mm", "s", false),
        (Feed::Node, "", "node-a", true),
        (Feed::Node, "", "x", true),
        (Feed::Node, "", "p", false),
        (Feed::Namespace, "", "ns", true),
    ] {
        let changed = changed(&[(feed, namespace, name)]);
        assert_eq!(endpoints.depends_on(&changed), concerned, "{feed:?} {namespace}/{name}");
        assert_eq!(slice.depends_on(&changed), concerned, "slice: {feed:?} {namespace}/{name}");
    }
}

#[test]
fn owners_spread_to_their_pods() {
    let mut changed = changed(&[(Feed::ReplicaSet, "ns", "r")]);
    assert!(changed.has_owners());
    changed.add_owned(&[Arc::new(pod()), Arc::new(Pod::default())]);
    assert!(changed.has(Feed::Pod, ObjectKey::new("ns", "p")));
}

#[test]
fn the_group_of_what_is_gone_has_its_source() {
    let gone = Service::no_group(&ObjectKey::new("ns", "s"));
    assert_eq!((gone.source.as_str(), gone.targets.len()), ("svc/ns/s", 0));
    assert_eq!(Node::no_group(&ObjectKey::new("", "a")).source, "node/a");
}
