//! Schemas that no Rust type says.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A list of objects whose fields the schema leaves open.
pub fn free_objects(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 100,
        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    })
}
