//! Active series by label set, each set with a limit.
//!
//! A series counts in every set whose labels it has, and must keep the limits of all of them. One
//! that is in no set counts in the empty set, where there is one: the default bucket of AMP.

use protocol::labels::Labels;

/// A set of labels and how many active series may have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSetLimit {
    /// Names and values, all of which a series must have. Empty: those in no other set.
    pub labels: Vec<(String, String)>,
    /// `None`: no limit.
    pub series_max: Option<u64>,
}

impl LabelSetLimit {
    fn fits(&self, labels: &Labels) -> bool {
        let has = |(name, value): &(String, String)| labels.get(name) == Some(value.as_str());
        !self.labels.is_empty() && self.labels.iter().all(has)
    }
}

/// The sets and what they hold now.
#[derive(Debug, Default)]
pub struct LabelSets {
    sets: Vec<LabelSetLimit>,
    counts: Vec<u64>,
}

impl LabelSets {
    /// Nothing counted yet.
    pub fn new(sets: Vec<LabelSetLimit>) -> Self {
        Self { counts: vec![0; sets.len()], sets }
    }

    /// Whether there is no set at all.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Counts a new series; or tells which set is full, and counts nothing.
    pub fn admit(&mut self, labels: &Labels) -> Result<(), LabelSetLimit> {
        let places = self.places(labels);
        let is_full = |&place: &usize| {
            self.sets[place].series_max.is_some_and(|max| self.counts[place] >= max)
        };
        if let Some(full) = places.iter().copied().find(|place| is_full(place)) {
            return Err(self.sets[full].clone());
        }
        for place in places {
            self.counts[place] += 1;
        }
        Ok(())
    }

    /// Counts anew, whatever the limits say: what is there stays.
    pub fn recount(&mut self, all: impl Iterator<Item = Labels>) {
        self.counts.fill(0);
        for labels in all {
            for place in self.places(&labels) {
                self.counts[place] += 1;
            }
        }
    }

    fn places(&self, labels: &Labels) -> Vec<usize> {
        let numbered = self.sets.iter().enumerate();
        let places: Vec<_> =
            numbered.filter(|(_, set)| set.fits(labels)).map(|(at, _)| at).collect();
        if places.is_empty() {
            return self.sets.iter().position(|set| set.labels.is_empty()).into_iter().collect();
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(labels: &[(&str, &str)], series_max: Option<u64>) -> LabelSetLimit {
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        LabelSetLimit { labels, series_max }
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn a_series_keeps_the_limits_of_all_its_sets() {
        let (a, ab) = (set(&[("a", "1")], Some(2)), set(&[("a", "1"), ("b", "2")], Some(1)));
        let mut sets = LabelSets::new(vec![a.clone(), ab.clone()]);
        let both = |x: &str| labels(&[("a", "1"), ("b", "2"), ("x", x)]);
        assert_eq!(sets.admit(&both("1")), Ok(()));
        assert_eq!(sets.admit(&both("2")), Err(ab));
        assert_eq!(sets.admit(&labels(&[("a", "1")])), Ok(()), "the refused one took no place");
        assert_eq!(sets.admit(&labels(&[("a", "1"), ("x", "1")])), Err(a));
        assert_eq!(sets.admit(&labels(&[("a", "2")])), Ok(()), "in no set, and no default");
    }

    #[test]
    fn the_empty_set_takes_what_no_other_does() {
        let rest = set(&[], Some(1));
        let mut sets = LabelSets::new(vec![rest.clone(), set(&[("a", "1")], None)]);
        assert_eq!(sets.admit(&labels(&[("b", "1")])), Ok(()));
        assert_eq!(sets.admit(&labels(&[("b", "2")])), Err(rest));
        for x in ["1", "2", "3"] {
            assert_eq!(sets.admit(&labels(&[("a", "1"), ("x", x)])), Ok(()));
        }
        sets.recount(std::iter::empty());
        assert_eq!(sets.admit(&labels(&[("b", "2")])), Ok(()));
    }
}
