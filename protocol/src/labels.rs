//! Label sets: order, hash, build, print.
//!
//! A [`Labels`] is sorted by name, holds each name once and no empty value: in this data model an
//! empty value and an absent label are the same thing. Cloning costs one atomic increment.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";
/// The upper bound of a classic histogram's bucket.
pub const BUCKET_LABEL: &str = "le";
/// The quantile of a summary.
pub const QUANTILE_LABEL: &str = "quantile";
/// The name of an alert.
pub const ALERT_NAME: &str = "alertname";

/// One name and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// Sorted bytewise inside a label set.
    pub name: CompactString,
    /// Never empty inside a [`Labels`].
    pub value: CompactString,
}

/// A label set: sorted, unique names, no empty values.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<[Label]>);

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl Labels {
    /// The set without labels.
    pub fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// Sorts, drops empty values; of a repeated name the last value wins.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<CompactString>,
        V: Into<CompactString>,
    {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name, value);
        }
        builder.build()
    }

    /// Takes labels that are already sorted by name, unique and without empty values.
    ///
    /// Gives `None` where they are not, so that the caller can say what a stranger sent.
    pub fn from_sorted(labels: Vec<Label>) -> Option<Self> {
        let sorted = labels.windows(2).all(|pair| pair[0].name < pair[1].name);
        let full = labels.iter().all(|label| !label.value.is_empty());
        (sorted && full).then(|| Self(labels.into()))
    }

    /// The value of `name`; `None` where the label is absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        // Label sets are short: a linear scan beats a binary search up to a dozen labels.
        self.0.iter().find(|label| label.name == name).map(|label| label.value.as_str())
    }

    /// The value of `name`, an absent label reading as the empty string.
    pub fn value(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    /// The metric's name, empty where there is none.
    pub fn metric_name(&self) -> &str {
        self.value(METRIC_NAME)
    }

    /// In order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|label| (label.name.as_str(), label.value.as_str()))
    }

    /// The labels themselves, in order of the names.
    pub fn as_slice(&self) -> &[Label] {
        &self.0
    }

    /// How many labels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A hash that is the same in every process and version: XXH64 over `name 0xff value 0xff`.
    ///
    /// For maps inside one process use the `Hash` trait, which is faster.
    pub fn stable_hash(&self) -> u64 {
        let mut hasher = xxhash_rust::xxh64::Xxh64::new(0);
        for label in self.0.iter() {
            hasher.update(label.name.as_bytes());
            hasher.update(&[0xff]);
            hasher.update(label.value.as_bytes());
            hasher.update(&[0xff]);
        }
        hasher.digest()
    }

    /// The labels without those in `names`.
    pub fn without(&self, names: &[&str]) -> Self {
        if !self.0.iter().any(|label| names.contains(&label.name.as_str())) {
            return self.clone();
        }
        Self(self.0.iter().filter(|l| !names.contains(&l.name.as_str())).cloned().collect())
    }

    /// Only the labels in `names`.
    pub fn only(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|l| names.contains(&l.name.as_str())).cloned().collect())
    }

    /// The labels without the metric's name.
    pub fn without_metric_name(&self) -> Self {
        self.without(&[METRIC_NAME])
    }
}

impl Ord for Labels {
    /// By the first label that differs, name before value; a prefix comes first.
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Changes a label set, then builds it.
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    labels: Vec<Label>,
}

impl LabelsBuilder {
    /// Starts from an existing set.
    pub fn new(base: &Labels) -> Self {
        Self { labels: base.0.to_vec() }
    }

    /// Sets a label; an empty value deletes it.
    pub fn set(&mut self, name: impl Into<CompactString>, value: impl Into<CompactString>) {
        let (name, value) = (name.into(), value.into());
        match self.labels.binary_search_by(|label| label.name.cmp(&name)) {
            Ok(at) if value.is_empty() => drop(self.labels.remove(at)),
            Ok(at) => self.labels[at].value = value,
            Err(_) if value.is_empty() => {}
            Err(at) => self.labels.insert(at, Label { name, value }),
        }
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) {
        self.labels.retain(|label| label.name != name);
    }

    /// Keeps only the labels for which `keep(name, value)` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.labels.retain(|label| keep(&label.name, &label.value));
    }

    /// The value as it stands now, absent reading as the empty string.
    pub fn value(&self, name: &str) -> &str {
        self.labels.iter().find(|label| label.name == name).map_or("", |label| &label.value)
    }

    /// The labels as they stand now, in order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|label| (label.name.as_str(), label.value.as_str()))
    }

    /// The finished set.
    pub fn build(self) -> Labels {
        Labels(self.labels.into())
    }
}

/// Whether `name` fits `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_legacy_label_name(name: &str) -> bool {
    is_identifier(name, false)
}

/// Whether `name` fits `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_legacy_metric_name(name: &str) -> bool {
    is_identifier(name, true)
}

fn is_identifier(name: &str, colons: bool) -> bool {
    let fits = |b: u8| b.is_ascii_alphabetic() || b == b'_' || (colons && b == b':');
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|&b| fits(b)) && bytes.iter().all(|&b| fits(b) || b.is_ascii_digit())
}

impl fmt::Display for Labels {
    /// Prometheus's way: `name{a="b"}`, a name that is no identifier quoted inside the braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        let outside = is_legacy_metric_name(name);
        if outside {
            f.write_str(name)?;
        }
        let rest = self.iter().filter(|(label, _)| !(outside && *label == METRIC_NAME));
        if outside && rest.clone().next().is_none() {
            return Ok(());
        }
        f.write_str("{")?;
        for (at, (label, value)) in rest.enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            match label {
                METRIC_NAME => write_quoted(f, value)?,
                _ => {
                    if is_legacy_label_name(label) {
                        f.write_str(label)?;
                    } else {
                        write_quoted(f, label)?;
                    }
                    f.write_str("=")?;
                    write_quoted(f, value)?;
                }
            }
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes `text` as a double-quoted string the way Go's `strconv.Quote` does.
pub fn write_quoted(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\u{07}' => out.write_str("\\a")?,
            '\u{08}' => out.write_str("\\b")?,
            '\u{0b}' => out.write_str("\\v")?,
            '\u{0c}' => out.write_str("\\f")?,
            c if (c as u32) < 0x20 || c as u32 == 0x7f => write!(out, "\\x{:02x}", c as u32)?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn building_sorts_and_drops_empty_values() {
        let labels = Labels::from_pairs([("b", "2"), ("a", "1"), ("c", ""), ("b", "3")]);
        assert_eq!(labels.to_string(), r#"{a="1", b="3"}"#);
        assert_eq!(labels.value("c"), "");
        assert_eq!(labels.get("c"), None);
    }

    #[test]
    fn unsorted_or_repeated_labels_are_refused() {
        let label = |n: &str, v: &str| Label { name: n.into(), value: v.into() };
        assert!(Labels::from_sorted(vec![label("a", "1"), label("a", "2")]).is_none());
        assert!(Labels::from_sorted(vec![label("b", "1"), label("a", "2")]).is_none());
        assert!(Labels::from_sorted(vec![label("a", "")]).is_none());
        assert!(Labels::from_sorted(vec![label("a", "1"), label("b", "2")]).is_some());
    }

    #[test]
    fn names_outside_the_legacy_alphabet_are_quoted() {
        let labels = Labels::from_pairs([(METRIC_NAME, "http.status"), ("a b", "x\"y")]);
        assert_eq!(labels.to_string(), r#"{"http.status", "a b"="x\"y"}"#);
        assert_eq!(Labels::from_pairs([(METRIC_NAME, "up")]).to_string(), "up");
    }

    #[test]
    fn the_stable_hash_never_changes() {
        let labels = Labels::from_pairs([(METRIC_NAME, "up"), ("job", "node")]);
        assert_eq!(labels.stable_hash(), labels.clone().stable_hash());
        assert_eq!(Labels::empty().stable_hash(), 0xef46_db37_51d8_e999);
    }
}
