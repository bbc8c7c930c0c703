//! The kinds of foreign rules.                           (pure)

use crds::selectors::ObjectSelector;
use crds::workspace::WorkspaceSpec;
use kube::api::{ApiResource, GroupVersionKind};

use crate::settings::ObjectName;

/// Whose rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForeignKind {
    /// `monitoring.coreos.com/v1` PrometheusRule.
    PrometheusRule,
    /// `monitoring.googleapis.com/v1` Rules.
    GoogleRules,
}

impl ForeignKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::PrometheusRule, Self::GoogleRules];

    /// As manifests write the kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::PrometheusRule => "PrometheusRule",
            Self::GoogleRules => "Rules",
        }
    }

    /// The API group.
    pub const fn group(self) -> &'static str {
        match self {
            Self::PrometheusRule => "monitoring.coreos.com",
            Self::GoogleRules => "monitoring.googleapis.com",
        }
    }

    /// The kind with its group, for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::PrometheusRule => "PrometheusRule of monitoring.coreos.com",
            Self::GoogleRules => "Rules of monitoring.googleapis.com",
        }
    }

    /// Where the API server keeps it.
    pub fn resource(self) -> ApiResource {
        let kind = GroupVersionKind::gvk(self.group(), "v1", self.kind());
        let plural = match self {
            Self::PrometheusRule => "prometheusrules",
            Self::GoogleRules => "rules",
        };
        ApiResource::from_gvk_with_plural(&kind, plural)
    }

    /// The rule groups namespace of one object.
    pub fn namespace_of(self, object: &ObjectName) -> String {
        format!("{}{}-{}", self.prefix(), object.namespace, object.name)
    }

    /// What the names of its rule groups namespaces begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::PrometheusRule => "pr-",
            Self::GoogleRules => "gmp-",
        }
    }

    /// What of the kind a Workspace selects; `None`: nothing.
    pub fn selector(self, spec: &WorkspaceSpec) -> Option<&ObjectSelector> {
        let rules = spec.rules.as_ref()?;
        match self {
            Self::PrometheusRule => rules.prometheus_rules.as_ref(),
            Self::GoogleRules => rules.google_rules.as_ref(),
        }
    }
}
