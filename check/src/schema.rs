//! The bounds of the definitions, held without a cluster.
//!
//! An API server holds them by itself; `hearth up` and `hearth check` shall say the same. Types and
//! unknown fields are serde's, the rules in CEL are written again in `specs` and `scraper_spec`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use protocol::fault::Fault;
use serde_json::Value;

use crate::manifest::Kind;

/// The schemas of `spec` by kind.
static SCHEMAS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let definitions = crds::definitions::definitions().into_iter();
    definitions
        .map(|definition| {
            let whole = serde_json::to_value(&definition).expect("plain data");
            let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
            let schema = whole.pointer(spec).expect("every kind has a spec").clone();
            (definition.spec.names.kind, schema)
        })
        .collect()
});

/// Everything in a specification that is out of its bounds.
pub fn out_of_bounds(kind: Kind, spec: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(schema) = SCHEMAS.get(kind.as_str()) {
        walk("spec", schema, spec, &mut faults);
    }
    faults
}

fn walk(path: &str, schema: &Value, value: &Value, faults: &mut Vec<Fault>) {
    let mut fault = |message: String| faults.push(Fault::at_path(path, message));
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let told = |size: usize, what: &str, least: Option<f64>, most: Option<f64>| {
        let size = size as f64;
        if let Some(least) = least.filter(|least| size < *least) {
            return Some(format!("{size} {what} are below the minimum of {least}"));
        }
        let most = most.filter(|most| size > *most)?;
        Some(format!("{size} {what} exceed the limit of {most}"))
    };
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => {
            let value = number.as_f64().unwrap_or_default();
            if let Some(least) = bound("minimum").filter(|least| value < *least) {
                fault(format!("{number} is below the minimum of {least}"));
            }
            if let Some(most) = bound("maximum").filter(|most| value > *most) {
                fault(format!("{number} exceeds the limit of {most}"));
            }
        }
        Value::String(text) => {
            let size = text.chars().count();
            told(size, "characters", bound("minLength"), bound("maxLength")).map(&mut fault);
        }
        Value::Array(items) => {
            told(items.len(), "items", bound("minItems"), bound("maxItems")).map(&mut fault);
            if let Some(schema) = schema.get("items") {
                for (number, item) in items.iter().enumerate() {
                    walk(&format!("{path}[{number}]"), schema, item, faults);
                }
            }
        }
        Value::Object(fields) => {
            told(fields.len(), "entries", None, bound("maxProperties")).map(&mut fault);
            for (name, value) in fields {
                let own = schema.get("properties").and_then(|own| own.get(name));
                if let Some(schema) = own.or_else(|| schema.get("additionalProperties")) {
                    walk(&format!("{path}.{name}"), schema, value, faults);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bounds_are_held_at_every_depth() {
        let spec = json!({
            "alias": "",
            "ruleQueryOffsetInSeconds": 90_000,
            "retentionPeriodInDays": 0,
            "limitsPerLabelSet": vec![json!({"labelSet": {}, "limits": {"maxSeries": 1}}); 51],
            "storeRef": {"name": "x".repeat(254)},
        });
        let told: Vec<String> =
            out_of_bounds(Kind::Workspace, &spec).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "spec.alias: 0 characters are below the minimum of 1",
                "spec.limitsPerLabelSet: 51 items exceed the limit of 50",
                "spec.retentionPeriodInDays: 0 is below the minimum of 1",
                "spec.ruleQueryOffsetInSeconds: 90000 exceeds the limit of 86400",
                "spec.storeRef.name: 254 characters exceed the limit of 253",
            ]
        );
    }

    #[test]
    fn every_kind_has_its_schema() {
        for kind in Kind::RESOURCES {
            assert!(SCHEMAS.contains_key(kind.as_str()), "{kind:?}");
        }
    }
}
