//! Where each field of a YAML text stands.
//!
//! A checked value no longer knows its line; [`Places`] reads the same YAML a second time, keeps
//! only the positions, and tells for a path like `route.routes[0].receiver` where it was written.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::fault::Fault;

/// Where each field of a YAML document stands.
#[derive(Clone, Debug, Default)]
pub struct Places {
    by_path: BTreeMap<String, (u32, u32)>,
}

impl Places {
    /// Reads the positions; a text that is no YAML has none.
    pub fn read(text: &str) -> Self {
        let mut places = Self::default();
        if let Ok(root) = crate::yaml_reader::from_str::<Spanned<Node>>(text) {
            places.add(String::new(), &root);
        }
        places
    }

    /// Line and column of a path, or of the nearest field around it that is written down.
    pub fn of(&self, path: &str) -> (u32, u32) {
        let mut path = path;
        loop {
            if let Some(&place) = self.by_path.get(path) {
                return place;
            }
            let Some(cut) = path.rfind(['.', '[']) else {
                return self.by_path.get("").copied().unwrap_or((1, 1));
            };
            path = &path[..cut];
        }
    }

    /// Whether this very field is written down.
    pub fn has(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// The deepest field whose value begins at this place; where none does, the place is a key's,
    /// and its field is the first one whose value comes after.
    pub fn path_at(&self, line: u32, column: u32) -> String {
        let here = self.by_path.iter().filter(|&(_, &place)| place == (line, column));
        if let Some((path, _)) = here.max_by_key(|(path, _)| path.len()) {
            return path.clone();
        }
        let after = self.by_path.iter().filter(|&(_, &place)| place > (line, column));
        after
            .min_by_key(|(path, place)| (**place, path.len()))
            .map(|(p, _)| p.clone())
            .unwrap_or_default()
    }

    /// A fault at `path`.
    pub fn fault(&self, path: impl Into<String>, message: impl Into<String>) -> Fault {
        let path = path.into();
        let (line, column) = self.of(&path);
        Fault { path, line, column, message: message.into() }
    }

    /// A fault from what the YAML reader said.
    pub fn yaml_fault(&self, error: &serde_saphyr::Error) -> Fault {
        let (line, column) =
            error.location().map_or((0, 0), |at| (at.line() as u32, at.column() as u32));
        Fault { path: self.path_at(line, column), line, column, message: plain_message(error) }
    }

    fn add(&mut self, path: String, node: &Spanned<Node>) {
        match &node.value {
            Node::Leaf => {}
            Node::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.add(format!("{path}[{at}]"), item);
                }
            }
            Node::Map(fields) => {
                for (name, value) in fields {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.add(format!("{path}{dot}{name}"), value);
                }
            }
        }
        self.by_path.insert(path, (node.referenced.line() as u32, node.referenced.column() as u32));
    }
}

/// The reader's message without the lines of source and the position that it repeats.
fn plain_message(error: &serde_saphyr::Error) -> String {
    let whole = error.without_snippet().to_string();
    let first = whole.lines().next().unwrap_or("").trim();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    match first.rfind(" at line ") {
        Some(cut) if first[cut + 9..].starts_with(|c: char| c.is_ascii_digit()) => &first[..cut],
        _ => first,
    }
    .to_owned()
}

/// The shape of a document; its scalars do not matter here.
enum Node {
    Leaf,
    List(Vec<Spanned<Node>>),
    Map(Vec<(String, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

macro_rules! leaves {
    ($($visit:ident: $kind:ty),*) => {
        $(fn $visit<E>(self, _: $kind) -> Result<Node, E> { Ok(Node::Leaf) })*
    };
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    leaves!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128,
            visit_f64: f64, visit_str: &str, visit_bytes: &[u8]);

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_by_path_and_back() {
        let places = Places::read("a:\n  - b: 1\n    c: {d: x}\nnothing:\n");
        assert_eq!(places.of("a[0].c.d"), (3, 12));
        assert_eq!(places.of("a[0].c.missing"), places.of("a[0].c"));
        assert_eq!(places.path_at(2, 8), "a[0].b");
        assert_eq!(places.fault("a[0].b", "no").to_string(), "2:8: a[0].b: no");
    }

    #[test]
    fn what_is_no_yaml_has_no_places() {
        assert_eq!(Places::read("a: [").of("a"), (1, 1));
    }
}
