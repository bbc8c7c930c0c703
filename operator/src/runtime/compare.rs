//! Whether an object already is as desired.              (pure)

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Where a child carries the hash of what was applied last: fields that are no longer desired
/// leave no other trace.
pub const HASH_ANNOTATION: &str = "hearth.dev/applied-hash";

/// Digits of the hash: 80 bits, far more than two states of one object need.
const HASH_DIGITS: usize = 20;

/// The hash of a desired object. Object keys are sorted by serde_json, so equal content gives equal
/// text.
pub fn hash(desired: &Value) -> String {
    let digest = Sha256::digest(desired.to_string());
    digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(HASH_DIGITS).map(digit).collect()
}

fn digit(four_bits: u8) -> char {
    char::from_digit(u32::from(four_bits), 16).expect("four bits are one digit")
}

/// Puts the hash of a desired object into its annotations; answers the hash.
pub fn with_hash(desired: &mut Value) -> String {
    let hash = hash(desired);
    desired["metadata"]["annotations"][HASH_ANNOTATION] = Value::String(hash.clone());
    hash
}

/// Whether `live` bears the hash of the desired object.
pub fn bears(live: &Value, hash: &str) -> bool {
    live.pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(HASH_ANNOTATION))
        .is_some_and(|found| found == hash)
}

/// Whether everything desired stands in `live`, which may hold more: the API server's defaults and
/// other managers' fields. Lists must have the same length and agree place by place. Empty objects
/// and lists and nulls ask for nothing. Quantities compare as the numbers they are, for the API
/// server writes them its own way.
pub fn holds(live: &Value, desired: &Value) -> bool {
    match desired {
        Value::Null => true,
        Value::Object(fields) => fields.iter().all(|(name, desired)| match live.get(name) {
            Some(live) => holds(live, desired),
            None => asks_for_nothing(desired),
        }),
        Value::Array(items) => live.as_array().is_some_and(|live| {
            live.len() == items.len()
                && live.iter().zip(items).all(|(live, desired)| holds(live, desired))
        }),
        Value::String(desired) => {
            live.as_str().is_some_and(|live| live == desired || same_quantity(live, desired))
        }
        Value::Bool(_) | Value::Number(_) => live == desired,
    }
}

/// A hash of what people and controllers write in an object: not its status, not the API server's
/// own bookkeeping.
pub fn fingerprint(live: &Value) -> String {
    let mut written = live.clone();
    if let Some(object) = written.as_object_mut() {
        object.remove("status");
    }
    if let Some(metadata) = written.get_mut("metadata").and_then(Value::as_object_mut) {
        for name in ["resourceVersion", "managedFields", "generation"] {
            metadata.remove(name);
        }
    }
    hash(&written)
}

fn asks_for_nothing(desired: &Value) -> bool {
    match desired {
        Value::Null | Value::Bool(false) => true,
        Value::Object(fields) => fields.values().all(asks_for_nothing),
        Value::Array(items) => items.is_empty(),
        Value::String(_) | Value::Bool(true) | Value::Number(_) => false,
    }
}

fn same_quantity(one: &str, other: &str) -> bool {
    match (crds::quantity::parse(one), crds::quantity::parse(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_of_the_api_server_do_not_count_and_drift_does() {
        let desired = json!({"spec": {"ports": [{"port": 9090}], "type": null}});
        let live = json!({
            "metadata": {"resourceVersion": "7"},
            "spec": {"ports": [{"port": 9090, "protocol": "TCP"}], "clusterIP": "10.0.0.1"}
        });
        assert!(holds(&live, &desired));
        let drifted = json!({"spec": {"ports": [{"port": 9091, "protocol": "TCP"}]}});
        assert!(!holds(&drifted, &desired));
        let more = json!({"spec": {"ports": [{"port": 9090}, {"port": 1}]}});
        assert!(!holds(&more, &desired));
    }

    #[test]
    fn quantities_are_numbers_and_names_are_not() {
        assert!(holds(&json!("1Gi"), &json!("1024Mi")));
        assert!(holds(&json!("100m"), &json!("0.1")));
        assert!(!holds(&json!("1Gi"), &json!("2Gi")));
        assert!(!holds(&json!("main"), &json!("other")));
    }

    #[test]
    fn what_is_absent_satisfies_only_what_asks_for_nothing() {
        assert!(holds(&json!({}), &json!({"labels": {}, "list": [], "flag": false})));
        assert!(!holds(&json!({}), &json!({"labels": {"a": "b"}})));
        assert!(!holds(&json!({}), &json!({"count": 0})));
    }

    #[test]
    fn the_hash_tells_of_fields_that_are_no_longer_desired() {
        let mut first = json!({"metadata": {"name": "x"}, "spec": {"a": 1, "b": 2}});
        let mut second = json!({"metadata": {"name": "x"}, "spec": {"a": 1}});
        let (one, two) = (with_hash(&mut first), with_hash(&mut second));
        assert_ne!(one, two);
        assert!(holds(&first["spec"], &second["spec"]) && !bears(&first, &two));
        assert!(bears(&second, &two));
    }
}
