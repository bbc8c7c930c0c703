//! The labels `__meta_kubernetes_*`: names and their making.

use compact_str::CompactString;
use protocol::labels::LabelsBuilder;

use crate::kubernetes::object_meta::{Meta, Pairs};
use crate::kubernetes::related::Related;

/// The name of a meta label, which costs no memory of its own.
macro_rules! meta_label {
    ($name:literal) => {
        ::compact_str::CompactString::const_new(concat!("__meta_kubernetes_", $name))
    };
}
pub(crate) use meta_label;

/// Where a target is.
pub const ADDRESS: CompactString = CompactString::const_new("__address__");

/// What Prometheus puts where a label is present, whatever its value.
const PRESENT: CompactString = CompactString::const_new("true");

/// Replaces each character outside of `[a-zA-Z0-9_]` by an underscore, as Prometheus does; the
/// result stands behind a prefix, so it may begin with a digit.
pub fn sanitised(name: &str) -> CompactString {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

/// Name, labels and annotations of an object. `kind` is what stands in the labels' names.
pub fn add_object(labels: &mut LabelsBuilder, kind: &str, meta: &Meta) {
    labels.set(format!("__meta_kubernetes_{kind}_name"), meta.name.clone());
    add_words(labels, kind, meta);
}

/// Labels and annotations of an object.
pub fn add_words(labels: &mut LabelsBuilder, kind: &str, meta: &Meta) {
    add_pairs(labels, kind, "label", &meta.labels);
    add_pairs(labels, kind, "annotation", &meta.annotations);
}

fn add_pairs(labels: &mut LabelsBuilder, kind: &str, what: &str, pairs: &Pairs) {
    for (name, value) in pairs {
        let name = sanitised(name);
        labels.set(format!("__meta_kubernetes_{kind}_{what}_{name}"), value.as_str());
        labels.set(format!("__meta_kubernetes_{kind}_{what}present_{name}"), PRESENT);
    }
}

/// Labels of a node, where nodes lend theirs and this one is known.
pub fn add_node(labels: &mut LabelsBuilder, related: &dyn Related, name: Option<&str>) {
    if related.attach().node
        && let Some(node) = name.and_then(|name| related.node(name))
    {
        add_object(labels, "node", &node.metadata);
    }
}

/// Labels of a namespace, where namespaces lend theirs and this one is known.
pub fn add_namespace(labels: &mut LabelsBuilder, related: &dyn Related, name: &str) {
    if related.attach().namespace
        && let Some(namespace) = related.namespace(name)
    {
        add_words(labels, "namespace", &namespace.metadata);
    }
}

/// `true` or `false`.
pub const fn flag(on: bool) -> CompactString {
    CompactString::const_new(if on { "true" } else { "false" })
}

/// Host and port, an IPv6 address in brackets.
pub fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::labels::is_legacy_label_name;

    use super::*;

    #[test]
    fn foreign_characters_become_underscores() {
        for (name, expected) in [
            ("app", "app"),
            ("app.kubernetes.io/name", "app_kubernetes_io_name"),
            ("a-b_c", "a_b_c"),
            ("9lives", "9lives"),
            ("é😀", "__"),
            ("", ""),
        ] {
            assert_eq!(sanitised(name), expected, "{name}");
        }
    }

    #[test]
    fn ipv6_stands_in_brackets() {
        assert_eq!(host_and_port("10.0.0.1", 80), "10.0.0.1:80");
        assert_eq!(host_and_port("fd00::1", 80), "[fd00::1]:80");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_a_label_name_behind_a_prefix(name in ".*") {
            let clean = sanitised(&name);
            prop_assert_eq!(clean.chars().count(), name.chars().count());
            let whole = format!("__meta_kubernetes_pod_label_{clean}");
            prop_assert!(is_legacy_label_name(&whole));
            prop_assert_eq!(sanitised(&clean), clean.clone());
            for (before, after) in name.chars().zip(clean.chars()) {
                prop_assert!(before == after || after == '_');
            }
        }

        #[test]
        fn every_label_of_an_object_is_present_once(
            names in proptest::collection::btree_map("[a-z./-]{1,8}", "[a-z]{1,4}", 0..6),
        ) {
            let labels = names.iter().map(|(name, value)| {
                (name.as_str().into(), value.as_str().into())
            }).collect();
            let meta = Meta { name: "x".into(), labels, ..Meta::default() };
            let mut builder = LabelsBuilder::default();
            add_object(&mut builder, "pod", &meta);
            let built = builder.build();
            for name in names.keys() {
                let clean = sanitised(name);
                let present = format!("__meta_kubernetes_pod_labelpresent_{clean}");
                prop_assert_eq!(built.value(&present), "true");
                let value = built.value(&format!("__meta_kubernetes_pod_label_{clean}")).to_owned();
                prop_assert!(names.iter().any(|(n, v)| sanitised(n) == clean && *v == value));
            }
        }
    }
}
