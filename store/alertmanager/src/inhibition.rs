//! Which alerts mute others.
//!
//! Each rule keeps its firing sources under the values of its `equal` labels, so that asking about
//! one
//! alert costs one look-up a rule, however many sources there are.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use protocol::alertmanager_config::InhibitRule;
use protocol::labels::Labels;
use protocol::matcher::Matcher;

use crate::alert::{Alert, Fingerprint};
use crate::matcher_index::MatcherIndex;

/// All rules with their sources.
#[derive(Clone, Debug, Default)]
pub struct Inhibitor {
    rules: Vec<Rule>,
    by_source: MatcherIndex<usize>,
    by_target: MatcherIndex<usize>,
}

#[derive(Clone, Debug)]
struct Rule {
    source: Vec<Matcher>,
    target: Vec<Matcher>,
    equal: Vec<String>,
    sources: HashMap<Vec<String>, BTreeMap<Fingerprint, Source>>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    ends_at: Timestamp,
    /// Whether the source would also be muted as a target of the same rule.
    both_sides: bool,
}

impl Inhibitor {
    /// Rules without sources yet.
    pub fn new(rules: &[InhibitRule]) -> Self {
        let rule = |rule: &InhibitRule| Rule {
            source: rule.all_source_matchers(),
            target: rule.all_target_matchers(),
            equal: rule.equal.clone(),
            sources: HashMap::new(),
        };
        let mut inhibitor = Self { rules: rules.iter().map(rule).collect(), ..Self::default() };
        for (at, rule) in inhibitor.rules.iter().enumerate() {
            inhibitor.by_source.insert(at, &rule.source);
            inhibitor.by_target.insert(at, &rule.target);
        }
        inhibitor
    }

    /// Takes note of an alert, new or changed.
    pub fn insert(&mut self, alert: &Alert) {
        let fingerprint = alert.fingerprint();
        for &at in self.by_source.candidates(&alert.labels) {
            let rule = &mut self.rules[at];
            if !all_match(&rule.source, &alert.labels) {
                continue;
            }
            let both_sides = all_match(&rule.target, &alert.labels);
            let source = Source { ends_at: alert.ends_at, both_sides };
            let key = rule.key(&alert.labels);
            rule.sources.entry(key).or_default().insert(fingerprint, source);
        }
    }

    /// Forgets an alert.
    pub fn remove(&mut self, labels: &Labels, fingerprint: Fingerprint) {
        for &at in self.by_source.candidates(labels) {
            let rule = &mut self.rules[at];
            let key = rule.key(labels);
            if let Some(sources) = rule.sources.get_mut(&key) {
                sources.remove(&fingerprint);
                if sources.is_empty() {
                    rule.sources.remove(&key);
                }
            }
        }
    }

    /// The alerts that mute this one now: one for each rule that does, none where it is free.
    pub fn inhibited_by(&self, labels: &Labels, now: Timestamp) -> Vec<Fingerprint> {
        let rules = self.by_target.candidates(labels).map(|at| &self.rules[*at]);
        let mut by: Vec<Fingerprint> =
            rules.filter_map(|rule| rule.source_of(labels, now)).collect();
        by.sort_unstable();
        by.dedup();
        by
    }
}

impl Rule {
    /// An absent label equals an empty one.
    fn key(&self, labels: &Labels) -> Vec<String> {
        self.equal.iter().map(|name| labels.value(name).to_owned()).collect()
    }

    fn source_of(&self, labels: &Labels, now: Timestamp) -> Option<Fingerprint> {
        if self.sources.is_empty() || !all_match(&self.target, labels) {
            return None;
        }
        // What matches both sides is not muted by another of its like, or by itself.
        let target_is_source = all_match(&self.source, labels);
        let sources = self.sources.get(&self.key(labels))?;
        let mutes =
            |source: &Source| source.ends_at > now && !(target_is_source && source.both_sides);
        sources.iter().find(|(_, source)| mutes(source)).map(|(fingerprint, _)| *fingerprint)
    }
}

fn all_match(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches_labels(labels))
}

#[cfg(test)]
mod tests {
    use protocol::alertmanager_config::matchers::parse_matchers;

    use super::*;
    use crate::alert::timestamp;

    fn alert(pairs: &[(&str, &str)], ends_ms: i64) -> Alert {
        Alert {
            labels: Labels::from_pairs(pairs.iter().copied()),
            annotations: BTreeMap::new(),
            starts_at: timestamp(0),
            ends_at: timestamp(ends_ms),
            updated_at: timestamp(0),
            timeout: false,
            generator_url: String::new(),
        }
    }

    fn inhibitor(source: &str, target: &str, equal: &[&str]) -> Inhibitor {
        Inhibitor::new(&[InhibitRule {
            source_matchers: parse_matchers(source).expect("good"),
            target_matchers: parse_matchers(target).expect("good"),
            equal: equal.iter().map(|name| (*name).to_owned()).collect(),
            ..InhibitRule::default()
        }])
    }

    #[test]
    fn a_firing_source_mutes_targets_with_equal_labels() {
        let mut inhibitor =
            inhibitor("severity=critical", "severity=warning", &["cluster", "zone"]);
        let source = alert(&[("severity", "critical"), ("cluster", "a")], 100);
        inhibitor.insert(&source);
        let target = |cluster: &str| {
            Labels::from_pairs([("severity", "warning"), ("cluster", cluster), ("zone", "")])
        };
        let by = |inhibitor: &Inhibitor, cluster: &str, now| {
            inhibitor.inhibited_by(&target(cluster), timestamp(now))
        };
        assert_eq!(by(&inhibitor, "a", 50), [source.fingerprint()]);
        assert!(by(&inhibitor, "b", 50).is_empty());
        assert!(by(&inhibitor, "a", 100).is_empty(), "a resolved source mutes nothing");
        inhibitor.remove(&source.labels, source.fingerprint());
        assert!(by(&inhibitor, "a", 50).is_empty());
    }

    #[test]
    fn what_matches_both_sides_mutes_no_like_of_it() {
        let mut inhibitor = inhibitor("a=~.+", "b=~.+", &[]);
        let both = alert(&[("a", "1"), ("b", "1")], 100);
        inhibitor.insert(&both);
        let other_both = Labels::from_pairs([("a", "2"), ("b", "2")]);
        assert!(inhibitor.inhibited_by(&both.labels, timestamp(1)).is_empty());
        assert!(inhibitor.inhibited_by(&other_both, timestamp(1)).is_empty());
        let target = Labels::from_pairs([("b", "3")]);
        assert_eq!(inhibitor.inhibited_by(&target, timestamp(1)), [both.fingerprint()]);
    }
}
