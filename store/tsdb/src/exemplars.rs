//! The exemplars seen last.
//!
//! Kept in memory and in the log, the oldest leave first, as in Prometheus. Blocks have no place for
//! them: a flush writes all of them to the log again before it gives back what they came in.

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

    /// All, the oldest first.
    pub fn all(&self) -> Vec<(Labels, Exemplar)> {
        self.state().ring.iter().cloned().collect()
    }

    /// Puts what the log brought back in order of time, each once: what a flush wrote again may
    /// stand behind what came during it, and beside what it repeats.
    pub fn settle(&self, max: usize) {
        let mut all: Vec<(Labels, Exemplar)> = std::mem::take(&mut *self.state()).ring.into();
        all.sort_by(|(series, one), (other, two)| {
            let times = one.timestamp_ms.cmp(&two.timestamp_ms);
            let values = || one.value.total_cmp(&two.value);
            let labels = || one.labels.cmp(&two.labels);
            times.then_with(|| series.cmp(other)).then_with(values).then_with(labels)
        });
        all.dedup();
        let left_out = all.len().saturating_sub(max);
        for (series, exemplar) in all.into_iter().skip(left_out) {
            self.push(&series, exemplar, max);
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
    fn what_the_log_brings_back_is_settled() {
        let series = Labels::from_pairs([("__name__", "lag")]);
        let exemplar =
            |timestamp_ms| Exemplar { labels: Labels::empty(), value: 1.0, timestamp_ms };
        let exemplars = Exemplars::default();
        for at in [1, 2, 5, 1, 2, 3, 4] {
            exemplars.push(&series, exemplar(at), 6);
        }
        exemplars.settle(3);
        let kept: Vec<i64> = exemplars.all().iter().map(|(_, one)| one.timestamp_ms).collect();
        assert_eq!(kept, [3, 4, 5]);
        assert!(exemplars.is_repetition(&series, &exemplar(5)));
    }

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
