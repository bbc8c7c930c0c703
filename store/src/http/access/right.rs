//! What an action needs, and where: pure.
//!
//! The tables of actions say which [`Right`] each needs; [`Place`] says where in Kubernetes the
//! workspace stands that is asked; both together are what the API server is asked about.

use crate::http::access::reviews::Attributes;

/// What somebody does, in Kubernetes' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads one.
    Get,
    /// Reads all.
    List,
    /// Makes one.
    Create,
    /// Changes one.
    Update,
    /// Removes one.
    Delete,
}

impl Verb {
    /// As it stands in a Role.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A part of a workspace that rights can be given for. No object of the API server stands behind
/// them: they live in Roles only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subresource {
    /// Samples in.
    RemoteWrite,
    /// Samples, series, labels and metadata out.
    Query,
    /// Rules and their state.
    Rules,
    /// Alerts, receivers, deliveries.
    Alerts,
    /// Silences.
    Silences,
}

impl Subresource {
    /// As it stands in a Role, behind `workspaces/`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RemoteWrite => "remotewrite",
            Self::Query => "query",
            Self::Rules => "rules",
            Self::Alerts => "alerts",
            Self::Silences => "silences",
        }
    }
}

/// What an action needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Nothing: everybody may.
    Open,
    /// The path `/metrics`.
    Metrics,
    /// A part of the data of one workspace.
    Data(Subresource, Verb),
    /// The definition of one workspace and what lies in it.
    Workspace(Verb),
    /// All workspaces of the store, or a new one.
    Workspaces(Verb),
    /// Scrapers made through the API.
    Scrapers(Verb),
}

/// Where in Kubernetes a workspace stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// `None` for the store's own.
    pub namespace: Option<String>,
    /// Empty where no workspace is named.
    pub name: String,
}

impl Right {
    /// What to ask for; `None` where everybody may.
    pub fn attributes(self, place: Place, store_namespace: &str) -> Option<Attributes> {
        let resource = |resource, subresource, verb: Verb, place: Place| Attributes::Resource {
            resource,
            subresource,
            verb: verb.as_str(),
            namespace: place.namespace.unwrap_or_else(|| store_namespace.to_owned()),
            name: place.name,
        };
        match self {
            Self::Open => None,
            Self::Metrics => Some(Attributes::Path { path: "/metrics", verb: "get" }),
            Self::Data(part, verb) => Some(resource("workspaces", part.as_str(), verb, place)),
            Self::Workspace(verb) => Some(resource("workspaces", "", verb, place)),
            Self::Workspaces(verb) => Some(resource("workspaces", "", verb, Place::default())),
            Self::Scrapers(verb) => Some(resource("scrapers", "", verb, Place::default())),
        }
    }

    /// Whether it is about definitions, whose owner counts.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Workspace(_) | Self::Workspaces(_) | Self::Scrapers(_))
    }
}

/// To act for an owner and to set reserved tags: everywhere or not at all.
pub fn acting_for_owners() -> Attributes {
    Attributes::Resource {
        resource: "workspaces",
        subresource: "owner",
        verb: Verb::Update.as_str(),
        namespace: String::new(),
        name: String::new(),
    }
}
