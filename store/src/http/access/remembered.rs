//! What was decided lately: bounded, each with its end.
//!
//! Pure: time is an argument. Where there is no room, what ends soonest goes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Values by key, until their end.
#[derive(Clone, Debug)]
pub struct Remembered<K, V> {
    max: usize,
    entries: BTreeMap<K, (Duration, V)>,
    ends: BTreeSet<(Duration, K)>,
}

impl<K: Ord + Clone, V: Clone> Remembered<K, V> {
    /// Empty, for `max` values at most.
    pub fn new(max: usize) -> Self {
        Self { max, entries: BTreeMap::new(), ends: BTreeSet::new() }
    }

    /// The value, where it has not ended.
    pub fn get(&self, key: &K, now: Duration) -> Option<V> {
        let (end, value) = self.entries.get(key)?;
        (now < *end).then(|| value.clone())
    }

    /// Keeps a value until `end`.
    pub fn put(&mut self, key: K, value: V, end: Duration, now: Duration) {
        self.forget(&key);
        while let Some((first, _)) = self.ends.first()
            && (*first <= now || self.entries.len() >= self.max)
        {
            let (_, key) = self.ends.pop_first().expect("it was there a line ago");
            self.entries.remove(&key);
        }
        self.ends.insert((end, key.clone()));
        self.entries.insert(key, (end, value));
    }

    fn forget(&mut self, key: &K) {
        if let Some((end, _)) = self.entries.remove(key) {
            self.ends.remove(&(end, key.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_value_is_there_until_its_end_and_not_at_it() {
        let mut remembered = Remembered::new(10);
        remembered.put("a", 1, at(10), at(0));
        assert_eq!(remembered.get(&"a", at(9)), Some(1));
        assert_eq!(remembered.get(&"a", at(10)), None);
        remembered.put("a", 2, at(12), at(9));
        assert_eq!(remembered.get(&"a", at(11)), Some(2));
    }

    #[test]
    fn there_are_never_more_than_allowed_and_the_next_to_end_goes_first() {
        let mut remembered = Remembered::new(3);
        for (key, end) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
            remembered.put(key, key, at(end), at(0));
        }
        let there: Vec<_> = (1..=4).filter_map(|key| remembered.get(&key, at(0))).collect();
        assert_eq!(there, [1, 3, 4]);
        assert_eq!((remembered.entries.len(), remembered.ends.len()), (3, 3));
    }

    #[test]
    fn what_has_ended_makes_room() {
        let mut remembered = Remembered::new(100);
        (0..100).for_each(|key| remembered.put(key, (), at(2), at(0)));
        remembered.put(100, (), at(5), at(3));
        assert_eq!((remembered.entries.len(), remembered.ends.len()), (1, 1));
    }
}
