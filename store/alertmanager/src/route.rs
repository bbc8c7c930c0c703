//! The tree of routes: which receiver hears of an alert.
//!
//! The walk is depth-first. The first child that fits ends it, unless the child says `continue`;
//! where
//! no child fits, the node itself takes the alert.

use std::collections::{BTreeMap, BTreeSet};

use protocol::alertmanager_config::Route;
use protocol::alertmanager_config::matchers::matchers_text;
use protocol::labels::Labels;
use protocol::matcher::Matcher;

/// Wait before the first message of a new group.
pub const GROUP_WAIT_MS: i64 = 30_000;
/// Wait between messages of a group.
pub const GROUP_INTERVAL_MS: i64 = 5 * 60_000;
/// Wait before an unchanged message is sent again.
pub const REPEAT_INTERVAL_MS: i64 = 4 * 3_600_000;

/// The whole tree, in depth-first order; the root is the first node.
#[derive(Clone, Debug, Default)]
pub struct RouteTree {
    nodes: Vec<RouteNode>,
}

/// One node.
#[derive(Clone, Debug)]
pub struct RouteNode {
    /// Names the node for as long as it and its ancestors keep their matchers.
    pub id: String,
    /// Alertmanager's route key: the matchers from the root down to here.
    pub key: String,
    /// How its groups behave.
    pub options: RouteOptions,
    matchers: Vec<Matcher>,
    goes_on: bool,
    children: Vec<usize>,
}

/// How the groups of a node behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteOptions {
    /// Whom to tell.
    pub receiver: String,
    /// What makes a group.
    pub group_by: GroupBy,
    /// Before the first message.
    pub group_wait_ms: i64,
    /// Between messages.
    pub group_interval_ms: i64,
    /// Before an unchanged message.
    pub repeat_interval_ms: i64,
    /// Times of silence.
    pub mute_time_intervals: Vec<String>,
    /// Times outside of which there is silence.
    pub active_time_intervals: Vec<String>,
}

/// Which labels make a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// Every label: each alert is a group of its own.
    All,
    /// These.
    Names(BTreeSet<String>),
}

impl RouteTree {
    /// Builds the tree of a checked configuration.
    pub fn new(root: &Route) -> Self {
        let mut tree = Self::default();
        let defaults = RouteOptions {
            receiver: String::new(),
            group_by: GroupBy::Names(BTreeSet::new()),
            group_wait_ms: GROUP_WAIT_MS,
            group_interval_ms: GROUP_INTERVAL_MS,
            repeat_interval_ms: REPEAT_INTERVAL_MS,
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
        };
        tree.add(root, &defaults, "", "");
        tree
    }

    /// A node by its index, as [`Self::matching`] gives it.
    pub fn node(&self, index: usize) -> &RouteNode {
        &self.nodes[index]
    }

    /// Index of a node by its id.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id)
    }

    /// The nodes that take an alert, in the order of the walk.
    pub fn matching(&self, labels: &Labels) -> Vec<usize> {
        let mut found = Vec::new();
        if !self.nodes.is_empty() {
            self.walk(0, labels, &mut found);
        }
        found
    }

    fn walk(&self, index: usize, labels: &Labels, found: &mut Vec<usize>) -> bool {
        let node = &self.nodes[index];
        if !node.matchers.iter().all(|matcher| matcher.matches_labels(labels)) {
            return false;
        }
        let before = found.len();
        for &child in &node.children {
            if self.walk(child, labels, found) && !self.nodes[child].goes_on {
                break;
            }
        }
        if found.len() == before {
            found.push(index);
        }
        true
    }

    fn add(&mut self, route: &Route, parent: &RouteOptions, key: &str, id: &str) -> usize {
        let matchers = route.all_matchers();
        let written = matchers_text(&matchers);
        let index = self.nodes.len();
        let slash = if index == 0 { "" } else { "/" };
        let (key, id) = (format!("{key}{slash}{written}"), format!("{id}{slash}{written}"));
        self.nodes.push(RouteNode {
            key: key.clone(),
            id: id.clone(),
            options: inherit(route, parent),
            matchers,
            goes_on: route.goes_on,
            children: Vec::new(),
        });
        // Siblings with equal matchers are told apart by their number among their like.
        let mut twins: BTreeMap<String, usize> = BTreeMap::new();
        for child in &route.routes {
            let options = self.nodes[index].options.clone();
            let at = self.add(child, &options, &key, &id);
            let twin = twins.entry(self.nodes[at].id.clone()).or_default();
            if *twin > 0 {
                self.rename_below(at, *twin);
            }
            *twin += 1;
            self.nodes[index].children.push(at);
        }
        index
    }

    /// Marks a node and all below it as the n-th of its kind.
    fn rename_below(&mut self, at: usize, twin: usize) {
        let prefix = self.nodes[at].id.len();
        for node in &mut self.nodes[at..] {
            node.id.insert_str(prefix, &format!("#{twin}"));
        }
    }
}

impl RouteNode {
    /// The labels by which this node groups an alert.
    pub fn group_labels(&self, labels: &Labels) -> Labels {
        match &self.options.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Names(names) => {
                Labels::from_pairs(labels.iter().filter(|(name, _)| names.contains(*name)))
            }
        }
    }

    /// Alertmanager's group key.
    pub fn group_key(&self, group_labels: &Labels) -> String {
        format!("{}:{}", self.key, label_set_text(group_labels))
    }
}

/// A label set as Go prints it: `{a="1", b="2"}`.
pub fn label_set_text(labels: &Labels) -> String {
    let mut text = String::from("{");
    for (at, (name, value)) in labels.iter().enumerate() {
        text.push_str(if at > 0 { ", " } else { "" });
        text.push_str(name);
        text.push('=');
        protocol::labels::write_quoted(&mut text, value).expect("a String takes any text");
    }
    text.push('}');
    text
}

fn inherit(route: &Route, parent: &RouteOptions) -> RouteOptions {
    let receiver = route.receiver.clone().filter(|name| !name.is_empty());
    let group_by = match &route.group_by {
        None => parent.group_by.clone(),
        Some(names) if names.iter().any(|name| name == "...") => GroupBy::All,
        Some(names) => GroupBy::Names(names.iter().cloned().collect()),
    };
    let or = |own: Option<protocol::time::PromDuration>, inherited: i64| {
        own.map_or(inherited, protocol::time::PromDuration::as_millis)
    };
    RouteOptions {
        receiver: receiver.unwrap_or_else(|| parent.receiver.clone()),
        group_by,
        group_wait_ms: or(route.group_wait, parent.group_wait_ms),
        group_interval_ms: or(route.group_interval, parent.group_interval_ms),
        repeat_interval_ms: or(route.repeat_interval, parent.repeat_interval_ms),
        mute_time_intervals: route.mute_time_intervals.clone(),
        active_time_intervals: route.active_time_intervals.clone(),
    }
}

#[cfg(test)]
mod tests {
    use protocol::alertmanager_config::AlertmanagerConfig;

    use super::*;

    fn tree() -> RouteTree {
        let text = r#"
route:
  receiver: all
  group_by: [alertname]
  routes:
    - matchers: [team=db]
      receiver: db
      group_wait: 1s
      routes:
        - matchers: [severity=page]
          receiver: db-page
          group_by: ['...']
        - matchers: ['owner!=""']
          group_by: []
    - matchers: [severity=page]
      receiver: page
      continue: true
    - matchers: [severity=page]
      receiver: page-log
receivers: [{name: all}, {name: db}, {name: db-page}, {name: page}, {name: page-log}]
"#;
        RouteTree::new(&AlertmanagerConfig::parse(text).expect("a good file").route)
    }

    fn receivers(pairs: &[(&str, &str)]) -> Vec<String> {
        let tree = tree();
        let found = tree.matching(&Labels::from_pairs(pairs.iter().copied()));
        found.into_iter().map(|at| tree.node(at).options.receiver.clone()).collect()
    }

    #[test]
    fn the_walk_is_alertmanagers() {
        assert_eq!(receivers(&[("a", "b")]), ["all"]);
        assert_eq!(receivers(&[("team", "db")]), ["db"]);
        assert_eq!(receivers(&[("team", "db"), ("severity", "page")]), ["db-page"]);
        assert_eq!(receivers(&[("team", "db"), ("owner", "x")]), ["db"]);
        assert_eq!(receivers(&[("severity", "page")]), ["page", "page-log"]);
    }

    #[test]
    fn keys_and_groups_are_alertmanagers() {
        let tree = tree();
        let labels = Labels::from_pairs([("alertname", "A"), ("severity", "page"), ("team", "db")]);
        let node = tree.node(tree.matching(&labels)[0]);
        assert_eq!(node.key, r#"{}/{team="db"}/{severity="page"}"#);
        assert_eq!(node.group_labels(&labels), labels);
        assert_eq!(node.options.group_wait_ms, 1000);
        assert_eq!(
            tree.node(0).group_key(&tree.node(0).group_labels(&labels)),
            r#"{}:{alertname="A"}"#
        );
        let ids: BTreeSet<&str> = tree.nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(ids.len(), tree.nodes.len(), "ids are unique: {ids:?}");
    }
}
