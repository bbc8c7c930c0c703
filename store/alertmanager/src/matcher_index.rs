//! Finds the few sets of matchers that can fit.
//!
//! A set with an equality matcher is kept under that name and value; only sets without one are
//! tried
//! for every label set. So a thousand silences or inhibit rules cost a few look-ups an alert.

use std::collections::{BTreeSet, HashMap};

use protocol::labels::Labels;
use protocol::matcher::{MatchOp, Matcher};

/// Keys of sets of matchers.
#[derive(Clone, Debug)]
pub struct MatcherIndex<K> {
    by_pair: HashMap<String, HashMap<String, BTreeSet<K>>>,
    rest: BTreeSet<K>,
}

impl<K> Default for MatcherIndex<K> {
    fn default() -> Self {
        Self { by_pair: HashMap::new(), rest: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> MatcherIndex<K> {
    /// Adds a set of matchers under its key.
    pub fn insert(&mut self, key: K, matchers: &[Matcher]) {
        match pivot(matchers) {
            None => self.rest.insert(key),
            Some(Matcher { name, value, .. }) => {
                let values = self.by_pair.entry(name.clone()).or_default();
                values.entry(value.clone()).or_default().insert(key)
            }
        };
    }

    /// Removes what was added with these very matchers.
    pub fn remove(&mut self, key: &K, matchers: &[Matcher]) {
        let Some(Matcher { name, value, .. }) = pivot(matchers) else {
            self.rest.remove(key);
            return;
        };
        if let Some(values) = self.by_pair.get_mut(name) {
            if let Some(keys) = values.get_mut(value) {
                keys.remove(key);
                if keys.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.by_pair.remove(name);
            }
        }
    }

    /// Every key whose matchers may fit, each once, in no order to rely on.
    pub fn candidates<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = &'a K> {
        let found = labels.iter().filter_map(|(name, value)| self.by_pair.get(name)?.get(value));
        found.flatten().chain(&self.rest)
    }
}

/// The matcher under which a set is kept. An empty value also fits where the label is absent.
fn pivot(matchers: &[Matcher]) -> Option<&Matcher> {
    matchers.iter().find(|matcher| matcher.op == MatchOp::Equal && !matcher.value.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::alertmanager_config::matchers::parse_matchers;

    use super::*;

    proptest! {
        #[test]
        fn no_set_that_fits_is_missed(
            sets in prop::collection::vec(prop::sample::subsequence(
                vec!["a=1", "b=2", "a=~1|2", "b=\"\"", "c!=3", "c=3"], 0..4), 0..8),
            pairs in prop::collection::btree_map("[abc]", "[123]", 0..3),
            gone in 0usize..8,
        ) {
            let labels = Labels::from_pairs(pairs);
            let sets: Vec<Vec<Matcher>> = sets
                .iter()
                .map(|texts| parse_matchers(&texts.join(",")).expect("good matchers"))
                .collect();
            let mut index = MatcherIndex::default();
            for (key, set) in sets.iter().enumerate() {
                index.insert(key, set);
            }
            if let Some(set) = sets.get(gone) {
                index.remove(&gone, set);
            }
            let found: Vec<usize> = index.candidates(&labels).copied().collect();
            let unique: BTreeSet<usize> = found.iter().copied().collect();
            prop_assert_eq!(found.len(), unique.len());
            for (key, set) in sets.iter().enumerate() {
                let fits = set.iter().all(|matcher| matcher.matches_labels(&labels));
                prop_assert!(key == gone || !fits || unique.contains(&key), "{key} was missed");
            }
            prop_assert!(!unique.contains(&gone));
        }
    }
}
