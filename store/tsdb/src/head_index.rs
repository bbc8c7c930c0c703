//! From labels and matchers to series of the head.
//!
//! Label names and values are interned as symbols, so that a label costs a series eight bytes.

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::sync::Arc;

use protocol::labels::{Label, Labels};
use protocol::matcher::{MatchOp, Matcher};
use rapidhash::RapidHashMap;
use roaring::RoaringBitmap;

use crate::block_order;
use crate::head_series::Series;
use crate::postings::Postings;

/// Texts as numbers.
#[derive(Debug, Default)]
struct Symbols {
    numbers: RapidHashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    bytes: u64,
}

impl Symbols {
    fn intern(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).expect("4 billion symbols exceed any memory");
        let text: Arc<str> = text.into();
        self.bytes += text.len() as u64;
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }
}

/// All series of the head.
#[derive(Debug, Default)]
pub struct HeadIndex {
    symbols: Symbols,
    series: Vec<Arc<Series>>,
    /// First series of a hash; further ones of the same hash stand in `collisions`.
    by_hash: RapidHashMap<u64, u32>,
    collisions: Vec<(u64, u32)>,
    names: RapidHashMap<u32, RapidHashMap<u32, Postings>>,
    label_pairs: u64,
}

impl HeadIndex {
    /// How many series.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// All series, by number.
    pub fn series(&self) -> &[Arc<Series>] {
        &self.series
    }

    /// About how many bytes series and index take, without samples.
    pub fn bytes(&self) -> u64 {
        // Series, its place in the maps; a label's symbols and its posting; a symbol's places.
        let symbols = self.symbols.texts.len() as u64 * 56 + self.symbols.bytes;
        self.series.len() as u64 * 300 + self.label_pairs * 16 + symbols
    }

    /// The series of these labels.
    pub fn get(&self, labels: &Labels) -> Option<&Arc<Series>> {
        self.get_hashed(self.hash(labels), labels)
    }

    fn hash(&self, labels: &Labels) -> u64 {
        self.by_hash.hasher().hash_one(labels)
    }

    fn get_hashed(&self, hash: u64, labels: &Labels) -> Option<&Arc<Series>> {
        let first = &self.series[*self.by_hash.get(&hash)? as usize];
        if self.is(first, labels) {
            return Some(first);
        }
        let mut others = self.collisions.iter().filter(|(other, _)| *other == hash);
        others.find_map(|(_, id)| Some(&self.series[*id as usize]).filter(|s| self.is(s, labels)))
    }

    fn is(&self, series: &Series, labels: &Labels) -> bool {
        let (pairs, _) = series.symbols.as_chunks::<2>();
        pairs.len() == labels.len()
            && pairs.iter().zip(labels.as_slice()).all(|([name, value], label)| {
                self.symbols.text(*value) == label.value && self.symbols.text(*name) == label.name
            })
    }

    /// The series of these labels, made where it is not there yet.
    pub fn get_or_create(&mut self, labels: &Labels) -> Arc<Series> {
        let hash = self.hash(labels);
        if let Some(series) = self.get_hashed(hash, labels) {
            return Arc::clone(series);
        }
        let id = u32::try_from(self.series.len()).expect("4 billion series exceed any memory");
        let mut symbols = Vec::with_capacity(labels.len() * 2);
        for label in labels.as_slice() {
            let (name, value) =
                (self.symbols.intern(&label.name), self.symbols.intern(&label.value));
            symbols.extend([name, value]);
            let values = self.names.entry(name).or_default();
            values.entry(value).and_modify(|p| p.push(id)).or_insert(Postings::One(id));
        }
        self.label_pairs += labels.len() as u64;
        let series = Arc::new(Series::new(id, symbols.into()));
        self.series.push(Arc::clone(&series));
        match self.by_hash.entry(hash) {
            Entry::Vacant(place) => drop(place.insert(id)),
            Entry::Occupied(_) => self.collisions.push((hash, id)),
        }
        series
    }

    /// All series in the order of blocks.
    pub fn in_block_order(&self) -> Vec<Arc<Series>> {
        let mut series = self.series.clone();
        series.sort_unstable_by(|a, b| block_order::compare_pairs(self.pairs(a), self.pairs(b)));
        series
    }

    fn pairs<'a>(&'a self, series: &'a Series) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
        let (pairs, _) = series.symbols.as_chunks::<2>();
        pairs.iter().map(|[name, value]| (self.symbols.text(*name), self.symbols.text(*value)))
    }

    /// The same without the series that are idle in this cut; the others get new numbers.
    pub fn without_idle(&self, cut: u32) -> Self {
        let mut index = Self::default();
        for series in self.series.iter().filter(|series| !series.is_idle(cut)) {
            index.get_or_create(&self.labels(series)).take_over(series);
        }
        index
    }

    /// The labels of a series of this index.
    pub fn labels(&self, series: &Series) -> Labels {
        let pairs = self.pairs(series);
        let labels = pairs.map(|(name, value)| Label { name: name.into(), value: value.into() });
        Labels::from_sorted(labels.collect()).expect("they were sorted when they came in")
    }

    /// The numbers of the series for which all matchers hold.
    pub fn select(&self, matchers: &[Matcher]) -> RoaringBitmap {
        let mut found: Option<RoaringBitmap> = None;
        for matcher in matchers.iter().filter(|m| !m.matches_empty()) {
            let set = self.with_value(matcher, true);
            found = Some(match found {
                None => set,
                Some(found) => found & set,
            });
            if found.as_ref().is_some_and(|found| found.is_empty()) {
                return RoaringBitmap::new();
            }
        }
        let mut found = found.unwrap_or_else(|| (0..self.series.len() as u32).collect());
        for matcher in matchers.iter().filter(|m| m.matches_empty()) {
            found -= self.with_value(matcher, false);
        }
        found
    }

    // Series that have the label, with a value for which the matcher does (or does not) hold.
    fn with_value(&self, matcher: &Matcher, holds: bool) -> RoaringBitmap {
        let mut set = RoaringBitmap::new();
        let Some(values) = self.values(&matcher.name) else { return set };
        let literals = match (matcher.op, holds) {
            (MatchOp::Equal, true) | (MatchOp::NotEqual, false) => {
                Some(std::slice::from_ref(&matcher.value))
            }
            (MatchOp::Regex, true) | (MatchOp::NotRegex, false) => matcher.literal_alternatives(),
            _ => None,
        };
        if let Some(literals) = literals {
            for literal in literals {
                let number = self.symbols.numbers.get(literal.as_str());
                if let Some(postings) = number.and_then(|number| values.get(number)) {
                    postings.add_to(&mut set);
                }
            }
            return set;
        }
        for (value, postings) in values {
            if matcher.matches(self.symbols.text(*value)) == holds {
                postings.add_to(&mut set);
            }
        }
        set
    }

    fn values(&self, name: &str) -> Option<&RapidHashMap<u32, Postings>> {
        self.names.get(self.symbols.numbers.get(name)?)
    }

    /// Names of the labels of these series.
    pub fn label_names(&self, among: &RoaringBitmap, out: &mut BTreeSet<String>) {
        for (name, values) in &self.names {
            if values.values().any(|postings| postings.intersects(among)) {
                out.insert(self.symbols.text(*name).to_owned());
            }
        }
    }

    /// Values that a label has among these series.
    pub fn label_values(&self, name: &str, among: &RoaringBitmap, out: &mut BTreeSet<String>) {
        for (value, postings) in self.values(name).into_iter().flatten() {
            if postings.intersects(among) {
                out.insert(self.symbols.text(*value).to_owned());
            }
        }
    }
}
