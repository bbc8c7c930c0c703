//! Timers and membership of groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::alertmanager_config::AlertmanagerConfig;
use protocol::labels::Labels;

use super::*;
use crate::route::RouteTree;

const MINUTE: i64 = 60_000;

fn tree() -> RouteTree {
    let text = "route: {receiver: a, group_by: [g]}\nreceivers: [{name: a}]\n";
    RouteTree::new(&AlertmanagerConfig::parse(text).expect("a good file").route)
}

fn alert(name: &str, starts_ms: i64, ends_ms: i64) -> Arc<Alert> {
    Arc::new(Alert {
        labels: Labels::from_pairs([("alertname", name), ("g", "1")]),
        annotations: BTreeMap::new(),
        starts_at: timestamp(starts_ms),
        ends_at: timestamp(ends_ms),
        updated_at: timestamp(starts_ms),
        timeout: false,
        generator_url: String::new(),
    })
}

#[test]
fn a_group_waits_then_flushes_in_step() {
    let (tree, mut groups) = (tree(), Groups::default());
    assert!(groups.insert(tree.node(0), &alert("a", 0, i64::MAX), 0).is_some());
    assert!(groups.insert(tree.node(0), &alert("b", 10_000, i64::MAX), 10_000).is_none());
    assert_eq!(groups.next_due_ms(), Some(30_000));
    assert!(groups.begin_due(29_999).is_empty());
    let flush = groups.begin_due(30_007).pop().expect("it is due");
    assert_eq!(flush.alerts.len(), 2);
    assert_eq!(flush.deadline_ms, 30_007 + 5 * MINUTE);
    assert!(groups.begin_due(30_000 + 6 * MINUTE).is_empty(), "one flush at a time");
    assert!(!groups.end(&flush, true));
    assert_eq!(groups.next_due_ms(), Some(30_000 + 5 * MINUTE), "no drift");
}

#[test]
fn an_old_alert_flushes_at_once() {
    let (tree, mut groups) = (tree(), Groups::default());
    groups.insert(tree.node(0), &alert("a", 0, i64::MAX), 40_000);
    assert_eq!(groups.next_due_ms(), Some(40_000));
}

#[test]
fn resolved_alerts_leave_only_when_told_and_unchanged() {
    let (tree, mut groups) = (tree(), Groups::default());
    groups.insert(tree.node(0), &alert("a", 0, 20_000), 0);
    groups.insert(tree.node(0), &alert("b", 0, 20_000), 0);
    let flush = groups.begin_due(30_000).pop().expect("due");
    assert!(!groups.end(&flush, false), "not told: both stay");
    let flush = groups.begin_due(30_000 + 5 * MINUTE).pop().expect("due");
    groups.insert(tree.node(0), &alert("b", 0, i64::MAX), 331_000);
    assert!(!groups.end(&flush, true));
    let left: Vec<_> = groups.iter().flat_map(|(_, group)| group.alerts.values()).collect();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].labels.value("alertname"), "b");
}

#[test]
fn a_group_without_alerts_is_gone() {
    let (tree, mut groups) = (tree(), Groups::default());
    groups.insert(tree.node(0), &alert("a", 0, 20_000), 0);
    let flush = groups.begin_due(30_000).pop().expect("due");
    assert!(groups.end(&flush, true));
    assert_eq!((groups.len(), groups.next_due_ms()), (0, None));
}

#[test]
fn a_timer_goes_on_in_step_after_a_pause() {
    let (tree, mut groups) = (tree(), Groups::default());
    let (id, _) = groups.insert(tree.node(0), &alert("a", 0, i64::MAX), 0).expect("new");
    for (next_flush_ms, has_flushed, now, expected) in [
        (5 * MINUTE, true, MINUTE, 5 * MINUTE),
        (5 * MINUTE, true, 22 * MINUTE, 25 * MINUTE),
        (5 * MINUTE, true, 5 * MINUTE, 10 * MINUTE),
        (30_000, false, MINUTE, MINUTE),
        (90 * MINUTE, true, MINUTE, 6 * MINUTE),
    ] {
        groups.resume(&id, Timer { next_flush_ms, has_flushed }, now);
        assert_eq!(groups.next_due_ms(), Some(expected), "{next_flush_ms} at {now}");
    }
}
