//! Kinds of other operators, where the cluster has them not.

use crate::kubernetes::{kubectl, must, run};

/// A definition that takes everything, where the cluster has not the real one.
pub async fn define(group: &str, kind: &str, plural: &str, version: &str) {
    let name = format!("{plural}.{group}");
    if kubectl(&["get", "crd", &name]).await.is_ok() {
        return;
    }
    let manifest = format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: {name}}}, \
          spec: {{group: {group}, scope: Namespaced, names: {{kind: {kind}, plural: {plural}}}, versions: \
          [{{name: {version}, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, \
          x-kubernetes-preserve-unknown-fields: true}}}}}}]}}}}\n"
    );
    run("kubectl", &["apply", "-f", "-"], &manifest).await.unwrap_or_else(|e| panic!("{e}"));
    let crd = format!("crd/{name}");
    must(&["wait", "--for=condition=Established", "--timeout=30s", &crd]).await;
}
