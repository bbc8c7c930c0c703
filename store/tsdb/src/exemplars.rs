//! The exemplars seen last.
//!
//! Kept in memory and in the log until it is trimmed, as Prometheus does; the oldest leave first.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard};

use protocol::labels::Labels;
use protocol::matcher::Matcher;
use protocol::sample::Exemplar;

/// Exemplars of all series, in the order they came.
#[derive(Debug, Default)]
pub struct Exemplars {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ring: VecDeque<(Labels, Exemplar)>,
    last: HashMap<Labels, (Exemplar, usize)>,
}

impl Exemplars {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the exemplars")
    }

    /// Whether it is the one that came last for its series: clients repeat it with every scrape.
    pub fn is_repetition(&self, series: &Labels, exemplar: &Exemplar) -> bool {
        self.state().last.get(series).is_some_and(|(last, _)| last == exemplar)
    }

    /// Keeps an exemplar; where there are more than `max`, the oldest leaves.
    pub fn push(&self, series: &Labels, exemplar: Exemplar, max: usize) {
        let mut state = self.state();
        let entry = state.last.entry(series.clone());
        let (last, count) = entry.or_insert_with(|| (exemplar.clone(), 0));
        *last = exemplar.clone();
        *count += 1;
        state.ring.push_back((series.clone(), exemplar));
        while state.ring.len() > max {
            let Some((series, _)) = state.ring.pop_front() else { return };
            let Some((_, count)) = state.last.get_mut(&series) else { continue };
            *count -= 1;
            if *count == 0 {
                state.last.remove(&series);
            }
        }
    }

    /// Exemplars of the series that fit one of the sets, by series, in order of time.
    pub fn select(
        &self,
        matcher_sets: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
    ) -> Vec<(Labels, Vec<Exemplar>)> {
        let state = self.state();
        let fits = |series: &Labels| {
            let all = |set: &Vec<Matcher>| set.iter().all(|m| m.matches_labels(series));
            matcher_sets.iter().any(all)
        };
        let wanted: HashSet<&Labels> = state.last.keys().filter(|series| fits(series)).collect();
        let mut found: BTreeMap<Labels, Vec<Exemplar>> = BTreeMap::new();
        for (series, exemplar) in &state.ring {
            let in_range = (from_ms..=to_ms).contains(&exemplar.timestamp_ms);
            if in_range && wanted.contains(series) {
                found.entry(series.clone()).or_default().push(exemplar.clone());
            }
        }
        for exemplars in found.values_mut() {
            exemplars.sort_by_key(|exemplar| exemplar.timestamp_ms);
            exemplars.dedup();
        }
        found.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leave_and_repetitions_are_known() {
        let series = |job: &str| Labels::from_pairs([("__name__", "lag"), ("job", job)]);
        let exemplar = |timestamp_ms| Exemplar {
            labels: Labels::from_pairs([("trace_id", "t")]),
            value: 1.0,
            timestamp_ms,
        };
        let exemplars = Exemplars::default();
        exemplars.push(&series("a"), exemplar(1), 3);
        assert!(exemplars.is_repetition(&series("a"), &exemplar(1)));
        assert!(!exemplars.is_repetition(&series("b"), &exemplar(1)));
        for at in 2..5 {
            exemplars.push(&series("b"), exemplar(at), 3);
        }
        let all = [vec![]];
        let found = exemplars.select(&all, 0, 3);
        assert_eq!(found, [(series("b"), vec![exemplar(2), exemplar(3)])]);
        assert!(!exemplars.is_repetition(&series("a"), &exemplar(1)), "it left");
        let none = [vec![Matcher::equal("job", "a")]];
        assert!(exemplars.select(&none, 0, 9).is_empty());
    }
}
