//! Role `ingress`: each path of each host.

use protocol::labels::LabelsBuilder;

use crate::kubernetes::meta_labels::{ADDRESS, add_namespace, add_object, meta_label};
use crate::kubernetes::object_network::{Ingress, IngressRule};
use crate::kubernetes::related::Related;
use crate::target_labels::TargetGroup;

/// One target a path: good for probing from outside.
pub fn group(ingress: &Ingress, related: &dyn Related) -> TargetGroup {
    let (meta, spec) = (&ingress.metadata, &ingress.spec);
    let mut labels = LabelsBuilder::default();
    labels.set(meta_label!("namespace"), meta.namespace.as_str());
    if let Some(class) = &spec.ingress_class_name {
        labels.set(meta_label!("ingress_class_name"), class.as_str());
    }
    add_object(&mut labels, "ingress", meta);
    add_namespace(&mut labels, related, &meta.namespace);
    let mut targets = Vec::new();
    for rule in &spec.rules {
        let mut patterns = spec.tls.iter().flat_map(|tls| &tls.hosts);
        let is_secure = patterns.any(|pattern| matches_host(pattern, &rule.host));
        for path in paths_of(rule) {
            let mut target = LabelsBuilder::default();
            target.set(ADDRESS, rule.host.clone());
            let scheme = if is_secure { "https" } else { "http" };
            target.set(meta_label!("ingress_scheme"), scheme);
            target.set(meta_label!("ingress_host"), rule.host.clone());
            target.set(meta_label!("ingress_path"), path);
            targets.push(target.build());
        }
    }
    TargetGroup { source: format!("ingress/{}", meta.key()), targets, labels: labels.build() }
}

fn paths_of(rule: &IngressRule) -> Vec<&str> {
    let Some(http) = &rule.http else { return vec!["/"] };
    let written = http.paths.iter().map(|path| path.path.as_str());
    written.map(|path| if path.is_empty() { "/" } else { path }).collect()
}

/// Whether a certificate's name covers a host: a leading `*` stands for one part.
fn matches_host(pattern: &str, host: &str) -> bool {
    if pattern == host {
        return true;
    }
    let Some(rest) = pattern.strip_prefix("*.") else { return false };
    host.split_once('.').is_some_and(|(_, host)| host == rest)
}

#[cfg(test)]
mod tests;
