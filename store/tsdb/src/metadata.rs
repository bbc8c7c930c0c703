//! What exporters say of metric families.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use protocol::sample::Metadata;

/// Different texts of one family that are kept, the newest first: versions of an exporter.
const VARIANTS_MAX: usize = 4;

/// Metadata by metric family.
#[derive(Debug, Default)]
pub struct Families {
    families: Mutex<BTreeMap<String, Vec<Metadata>>>,
}

impl Families {
    fn families(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Metadata>>> {
        self.families.lock().expect("no code panics while it holds the metadata")
    }

    /// Whether exactly this is known.
    pub fn knows(&self, family: &str, metadata: &Metadata) -> bool {
        self.families().get(family).is_some_and(|variants| variants.contains(metadata))
    }

    /// Keeps it; a new family only while there are fewer than `families_max`.
    pub fn put(&self, family: &str, metadata: &Metadata, families_max: usize) {
        let mut families = self.families();
        if !families.contains_key(family) {
            if families.len() >= families_max {
                return;
            }
            families.insert(family.to_owned(), Vec::with_capacity(1));
        }
        let variants = families.get_mut(family).expect("it was put in above");
        if !variants.contains(metadata) {
            variants.insert(0, metadata.clone());
            variants.truncate(VARIANTS_MAX);
        }
    }

    /// At most `limit` families, or the one asked for.
    pub fn get(&self, family: Option<&str>, limit: usize) -> BTreeMap<String, Vec<Metadata>> {
        let families = self.families();
        let wanted = families.iter().filter(|(name, _)| family.is_none_or(|f| f == *name));
        wanted.take(limit).map(|(name, variants)| (name.clone(), variants.clone())).collect()
    }

    /// All, oldest variant first, so that putting them back gives the same.
    pub fn all(&self) -> Vec<(String, Metadata)> {
        let families = self.families();
        let pairs = families.iter().flat_map(|(name, variants)| {
            variants.iter().rev().map(move |metadata| (name.clone(), metadata.clone()))
        });
        pairs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_variant_comes_first_and_all_is_bounded() {
        let families = Families::default();
        let help = |text: usize| Metadata { help: text.to_string(), ..Metadata::default() };
        for text in 0..6 {
            families.put("up", &help(text), 2);
        }
        families.put("down", &help(0), 2);
        families.put("third", &help(0), 2);
        let all = families.get(None, 10);
        assert_eq!(all.keys().collect::<Vec<_>>(), ["down", "up"]);
        assert_eq!(all["up"], [help(5), help(4), help(3), help(2)]);
        assert_eq!(families.get(Some("up"), 10).len(), 1);
        assert_eq!(families.get(None, 1).len(), 1);
        let copy = Families::default();
        families.all().iter().for_each(|(name, m)| copy.put(name, m, 9));
        assert_eq!(copy.get(None, 10), all);
    }
}
