//! Tags, and the rules for them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::amp_api::error::FieldFault;

/// Names and values; sorted, so that answers never change by chance.
pub type Tags = BTreeMap<String, String>;

/// Tags of this prefix are Hearth's own; tenants cannot set them.
pub const RESERVED_TAG_PREFIX: &str = "hearth.dev/";

/// The tag that says who made a thing and may change it.
pub const OWNER_TAG: &str = "hearth.dev/owner";

/// Tags that one resource may hold, ours not counted.
pub const TAGS_MAX: usize = 50;

/// Answer of ListTagsForResource, request of TagResource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagsDocument {
    /// All tags; of a request: those to set.
    pub tags: Tags,
}

/// What is wrong with tags that a tenant wants to set; empty where nothing is.
pub fn tag_faults(tags: &Tags) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    if tags.len() > TAGS_MAX {
        let message = format!("at most {TAGS_MAX} tags, not {}", tags.len());
        return vec![FieldFault::new("tags", message)];
    }
    for (key, value) in tags {
        let name = format!("tags.{key}");
        if let Some(message) = key_fault(key) {
            faults.push(FieldFault::new(name, message));
        } else if value.chars().count() > 256 || !value.chars().all(is_tag_char) {
            let message = "a value has at most 256 letters, digits, spaces and _.:/=+-@";
            faults.push(FieldFault::new(name, message));
        }
    }
    faults
}

/// What is wrong with the key of a tag that a tenant wants to set or remove.
pub fn key_fault(key: &str) -> Option<String> {
    if key.starts_with(RESERVED_TAG_PREFIX) {
        return Some(format!("tags that begin with {RESERVED_TAG_PREFIX} are reserved"));
    }
    let length = key.chars().count();
    let fits = (1..=128).contains(&length) && key.chars().all(is_tag_char);
    (!fits).then(|| "a key has 1 to 128 letters, digits, spaces and _.:/=+-@".to_owned())
}

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_long_and_strange_tags_are_refused_by_name() {
        let tags = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Tags>()
        };
        assert_eq!(tag_faults(&tags(&[("team", "größe 1"), ("a:b/c", "")])), []);
        for bad in [(OWNER_TAG, "me"), ("", "x"), ("a#", "x"), ("a", "x#")] {
            let faults = tag_faults(&tags(&[bad]));
            assert_eq!(faults.len(), 1, "{bad:?}");
            assert_eq!(faults[0].name, format!("tags.{}", bad.0));
        }
        let many = (0..=TAGS_MAX).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(tag_faults(&many).len(), 1);
    }
}
