//! The definitions that a cluster is given.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;

use crate::alert_manager_config::AlertManagerConfig;
use crate::rule_group::RuleGroup;
use crate::scraper::Scraper;
use crate::store::Store;
use crate::workspace::Workspace;

/// One for each kind, in the order in which they are best made.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    let mut all = vec![
        Store::crd(),
        Workspace::crd(),
        Scraper::crd(),
        RuleGroup::crd(),
        AlertManagerConfig::crd(),
    ];
    for definition in &mut all {
        for version in &mut definition.spec.versions {
            let schema = version.schema.as_mut();
            if let Some(root) = schema.and_then(|schema| schema.open_api_v3_schema.as_mut()) {
                trim(root);
            }
        }
    }
    all
}

/// Takes out what API servers do not know and warn of on every apply: formats of unsigned numbers.
/// The lower bound that goes with them stays.
fn trim(schema: &mut JSONSchemaProps) {
    if schema.format.as_deref().is_some_and(|format| format.starts_with("uint")) {
        schema.format = None;
    }
    for property in schema.properties.iter_mut().flat_map(|all| all.values_mut()) {
        trim(property);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => trim(item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(trim),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        trim(values);
    }
}
