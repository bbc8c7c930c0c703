//! The values of one label in a block, and their series.
//!
//! An FST maps a value to the place of its list; a list is runs of series numbers, since the order
//! of series makes neighbours of those that share a metric or a target.

use std::collections::BTreeMap;

use compact_str::CompactString;
use fst::automaton::{Automaton, Str};
use fst::{IntoStreamer, Streamer};
use protocol::matcher::{MatchOp, Matcher};
use roaring::RoaringBitmap;

use crate::wire::{Malformed, Reader, put_varint};

/// Runs of consecutive series numbers: first, how many.
type Runs = Vec<(u32, u32)>;

/// Collects names, values and the series that have them.
#[derive(Debug, Default)]
pub struct IndexWriter {
    names: BTreeMap<CompactString, BTreeMap<CompactString, Runs>>,
}

impl IndexWriter {
    /// Series come in order of their numbers.
    pub fn add(&mut self, name: &CompactString, value: &CompactString, series: u32) {
        if !self.names.contains_key(name) {
            self.names.insert(name.clone(), BTreeMap::new());
        }
        let values = self.names.get_mut(name).expect("it was put in above");
        match values.get_mut(value) {
            None => drop(values.insert(value.clone(), vec![(series, 1)])),
            Some(runs) => match runs.last_mut() {
                Some((first, count)) if *first + *count == series => *count += 1,
                _ => runs.push((series, 1)),
            },
        }
    }

    /// One section a name, not yet compressed, by name.
    pub fn finish(self) -> impl Iterator<Item = (CompactString, Vec<u8>)> {
        self.names.into_iter().map(|(name, values)| (name, encode(&values)))
    }
}

fn encode(values: &BTreeMap<CompactString, Runs>) -> Vec<u8> {
    let mut lists = Vec::new();
    let mut map = fst::MapBuilder::memory();
    for (value, runs) in values {
        map.insert(value.as_bytes(), lists.len() as u64).expect("values come sorted, each once");
        put_varint(&mut lists, runs.len() as u64);
        let mut end = 0;
        for (first, count) in runs {
            put_varint(&mut lists, u64::from(first - end));
            put_varint(&mut lists, u64::from(count - 1));
            end = first + count;
        }
    }
    let map = map.into_inner().expect("writing to memory cannot fail");
    let mut out = Vec::with_capacity(map.len() + lists.len() + 5);
    put_varint(&mut out, map.len() as u64);
    out.extend_from_slice(&map);
    out.extend_from_slice(&lists);
    out
}

/// The values of one label.
#[derive(Debug)]
pub struct NameIndex {
    map: fst::Map<Vec<u8>>,
    lists: Vec<u8>,
}

impl NameIndex {
    /// Reads what [`IndexWriter`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let len = reader.count(1)?;
        let map = fst::Map::new(reader.take(len)?.to_vec())
            .map_err(|_| Malformed("a table of label values does not open"))?;
        // The crate trusts its bytes once they are open.
        map.as_fst().verify().map_err(|_| Malformed("a table of label values is damaged"))?;
        Ok(Self { map, lists: reader.rest().to_vec() })
    }

    /// Bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        self.map.as_fst().size() + self.lists.len()
    }

    /// Adds the series for whose value the matcher does (or does not) hold.
    pub fn add_matching(
        &self,
        matcher: &Matcher,
        holds: bool,
        set: &mut RoaringBitmap,
    ) -> Result<(), Malformed> {
        let literals = match (matcher.op, holds) {
            (MatchOp::Equal, true) | (MatchOp::NotEqual, false) => {
                Some(std::slice::from_ref(&matcher.value))
            }
            (MatchOp::Regex, true) | (MatchOp::NotRegex, false) => matcher.literal_alternatives(),
            _ => None,
        };
        if let Some(literals) = literals {
            for literal in literals {
                if let Some(at) = self.map.get(literal) {
                    self.add_list(at, set)?;
                }
            }
            return Ok(());
        }
        // A prefix narrows the walk only where the regex itself is asked for.
        let regex_holds =
            matches!((matcher.op, holds), (MatchOp::Regex, true) | (MatchOp::NotRegex, false));
        let prefix = if regex_holds { matcher.literal_prefix() } else { "" };
        let mut found = Ok(());
        self.walk(prefix, |value, at| {
            if found.is_ok() && matcher.matches(value) == holds {
                found = self.add_list(at, set);
            }
        })?;
        found
    }

    /// Visits the values that any of these series has, in order.
    pub fn values_among(
        &self,
        among: Option<&RoaringBitmap>,
        mut visit: impl FnMut(&str),
    ) -> Result<(), Malformed> {
        let mut failure = Ok(());
        self.walk("", |value, at| {
            let Some(among) = among else { return visit(value) };
            let mut set = RoaringBitmap::new();
            match self.add_list(at, &mut set) {
                Ok(()) if !set.is_disjoint(among) => visit(value),
                Ok(()) => {}
                Err(cause) => failure = Err(cause),
            }
        })?;
        failure
    }

    fn walk(&self, prefix: &str, mut visit: impl FnMut(&str, u64)) -> Result<(), Malformed> {
        let mut stream = self.map.search(Str::new(prefix).starts_with()).into_stream();
        while let Some((value, at)) = stream.next() {
            let value =
                std::str::from_utf8(value).map_err(|_| Malformed("a label value is not UTF-8"))?;
            visit(value, at);
        }
        Ok(())
    }

    fn add_list(&self, at: u64, set: &mut RoaringBitmap) -> Result<(), Malformed> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let list = self.lists.get(at..).ok_or(Malformed("a list of series is not there"))?;
        let mut reader = Reader::new(list);
        let mut end = 0u64;
        for _ in 0..reader.count(2)? {
            let first = end.saturating_add(reader.varint()?);
            end = first.saturating_add(reader.varint()?).saturating_add(1);
            if end > u64::from(u32::MAX) {
                return Err(Malformed("a series number is out of range"));
            }
            set.insert_range(first as u32..end as u32);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index(pairs: &[(&str, &[u32])]) -> Vec<u8> {
        let mut writer = IndexWriter::default();
        let mut all: Vec<(u32, &str)> =
            pairs.iter().flat_map(|(v, ids)| ids.iter().map(move |id| (*id, *v))).collect();
        all.sort_unstable();
        for (series, value) in all {
            writer.add(&"job".into(), &value.into(), series);
        }
        let (name, bytes) = writer.finish().next().unwrap();
        assert_eq!(name, "job");
        bytes
    }

    #[test]
    fn values_find_their_series() {
        let bytes = index(&[("api", &[0, 1, 2, 9]), ("web", &[4]), ("", &[7])]);
        let index = NameIndex::parse(&bytes).unwrap();
        let find = |op, value: &str, holds| {
            let mut set = RoaringBitmap::new();
            index.add_matching(&Matcher::new(op, "job", value).unwrap(), holds, &mut set).unwrap();
            set.iter().collect::<Vec<_>>()
        };
        assert_eq!(find(MatchOp::Equal, "api", true), [0, 1, 2, 9]);
        assert_eq!(find(MatchOp::Equal, "none", true), [0u32; 0]);
        assert_eq!(find(MatchOp::NotEqual, "api", false), [0, 1, 2, 9]);
        assert_eq!(find(MatchOp::NotEqual, "api", true), [4, 7]);
        assert_eq!(find(MatchOp::Regex, "a.*|web", true), [0, 1, 2, 4, 9]);
        assert_eq!(find(MatchOp::NotRegex, "a.*", false), [0, 1, 2, 9]);
        assert_eq!(find(MatchOp::Regex, "web", false), [0, 1, 2, 7, 9]);
        let mut values = Vec::new();
        let among = RoaringBitmap::from_iter([4, 9]);
        index.values_among(Some(&among), |value| values.push(value.to_owned())).unwrap();
        assert_eq!(values, ["api", "web"]);
    }

    proptest! {
        #[test]
        fn damaged_bytes_never_panic(at in 0usize..200, byte in any::<u8>()) {
            let mut bytes = index(&[("api", &[0, 1, 2, 9]), ("web", &[4])]);
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(index) = NameIndex::parse(&bytes) {
                let matcher = Matcher::equal("job", "api");
                let _ = index.add_matching(&matcher, true, &mut RoaringBitmap::new());
            }
        }
    }
}
