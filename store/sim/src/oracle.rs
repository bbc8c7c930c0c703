//! What a store must answer: a plain map of all that was sent.
//!
//! Pure. For each series and timestamp the values that may be answered, and whether one of them
//! must be. An answer that breaks this is told as text.

use std::collections::{BTreeMap, BTreeSet};

/// A series as text, and milliseconds since 1970.
pub type Cell = (String, i64);

/// What a store answered: one value a cell.
pub type Answer = BTreeMap<Cell, f64>;

#[derive(Clone, Debug, Default)]
struct Held {
    /// Bits of the values that may be there.
    values: BTreeSet<u64>,
    /// One of them must be there.
    acknowledged: bool,
}

/// All that was sent.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    cells: BTreeMap<Cell, Held>,
}

impl Oracle {
    /// Somebody sends this; it may be there from now on.
    pub fn sends(&mut self, cell: &Cell, value: f64) {
        self.cells.entry(cell.clone()).or_default().values.insert(value.to_bits());
    }

    /// The store said that it has this, or something in its place, for good.
    ///
    /// # Panics
    /// Where nobody sent it.
    pub fn acknowledged(&mut self, cell: &Cell) {
        self.cells.get_mut(cell).expect("it was sent").acknowledged = true;
    }

    /// How many cells must be there.
    pub fn acknowledged_cells(&self) -> usize {
        self.cells.values().filter(|held| held.acknowledged).count()
    }

    /// The cells that must be there.
    pub fn must(&self) -> BTreeSet<Cell> {
        let must = self.cells.iter().filter(|(_, held)| held.acknowledged);
        must.map(|(cell, _)| cell.clone()).collect()
    }

    /// What is wrong with an answer: `must` was acknowledged before it was asked for.
    pub fn faults(&self, must: &BTreeSet<Cell>, answer: &Answer) -> Vec<String> {
        let lost = must.iter().filter(|cell| !answer.contains_key(*cell));
        let lost = lost.map(|cell| format!("{cell:?} was acknowledged and is gone"));
        let invented = answer.iter().filter_map(|(cell, value)| {
            let values = self.cells.get(cell).map(|held| &held.values);
            let sent = values.is_some_and(|values| values.contains(&value.to_bits()));
            (!sent).then(|| {
                let sent: Vec<f64> =
                    values.into_iter().flatten().map(|bits| f64::from_bits(*bits)).collect();
                format!("{cell:?} is {value}, sent was {sent:?}")
            })
        });
        lost.chain(invented).collect()
    }

    /// Makes an answer the truth: nothing was under way when it was given, so what is there stays
    /// and what is not will never be.
    pub fn settle(&mut self, answer: &Answer) {
        let held =
            |value: &f64| Held { values: BTreeSet::from([value.to_bits()]), acknowledged: true };
        self.cells = answer.iter().map(|(cell, value)| (cell.clone(), held(value))).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(at_ms: i64) -> Cell {
        ("up".to_owned(), at_ms)
    }

    #[test]
    fn only_what_was_acknowledged_must_be_there_and_only_what_was_sent_may() {
        let mut oracle = Oracle::default();
        oracle.sends(&cell(1), 1.0);
        oracle.sends(&cell(2), 2.0);
        oracle.acknowledged(&cell(1));
        let must = oracle.must();
        assert_eq!(oracle.faults(&must, &Answer::new()).len(), 1, "one is lost");
        assert!(oracle.faults(&must, &Answer::from([(cell(1), 1.0)])).is_empty());
        let changed = Answer::from([(cell(1), 3.0), (cell(3), 1.0)]);
        assert_eq!(oracle.faults(&must, &changed).len(), 2, "one is changed, one invented");
    }

    #[test]
    fn what_was_seen_stays_and_what_was_not_never_comes() {
        let mut oracle = Oracle::default();
        oracle.sends(&cell(1), 1.0);
        oracle.sends(&cell(2), 2.0);
        let seen = Answer::from([(cell(1), 1.0)]);
        oracle.settle(&seen);
        assert!(oracle.faults(&oracle.must(), &seen).is_empty());
        assert_eq!(oracle.faults(&oracle.must(), &Answer::new()).len(), 1);
        let late = Answer::from([(cell(1), 1.0), (cell(2), 2.0)]);
        assert_eq!(oracle.faults(&oracle.must(), &late).len(), 1);
    }
}
