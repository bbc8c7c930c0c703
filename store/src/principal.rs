//! Who asks.
//!
//! Inside the process a principal travels as a request extension, which nobody outside can set;
//! from outside it is what access control found out.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::amp_api::tags::OWNER_TAG;

/// The owner of what comes through the API from outside.
pub const OWNER_API: &str = "api";

/// Whoever may act for owners names the one here; in access mode `none` it is ignored from outside,
/// in mode `kubernetes` it needs the right to `update` `workspaces/owner`.
pub const OWNER_HEADER: &str = "hearth-owner";

/// Which workspaces somebody sees in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sees {
    /// All of them.
    #[default]
    All,
    /// Those that stand in these namespaces; `None` is the store's own.
    Namespaces(Arc<BTreeSet<Option<String>>>),
}

impl Sees {
    /// Whether it shows what stands in a namespace.
    pub fn shows(&self, namespace: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Namespaces(some) => some.iter().any(|known| known.as_deref() == namespace),
        }
    }
}

/// Who asks, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What is remembered as the owner of what this principal makes: `api`, `up/<name>` or
    /// `operator/<install>/<namespace>/<name>`.
    pub owner: String,
    /// Whether it may act for other owners and set reserved tags.
    pub internal: bool,
    /// Who that was found to be; `None` where nobody had to show it.
    pub user: Option<String>,
    /// Which workspaces a list shows.
    pub sees: Sees,
}

impl Principal {
    /// Somebody outside.
    pub fn outside() -> Self {
        Self { owner: OWNER_API.to_owned(), internal: false, user: None, sees: Sees::All }
    }

    /// Somebody outside who has shown who that is.
    pub fn authenticated(user: &str) -> Self {
        Self { user: Some(user.to_owned()), ..Self::outside() }
    }

    /// A part of this process that acts for `owner`.
    pub fn internal(owner: impl Into<String>) -> Self {
        Self { owner: owner.into(), internal: true, user: None, sees: Sees::All }
    }

    /// The same principal, who sees no more than this in lists.
    pub fn seeing(self, sees: Sees) -> Self {
        Self { sees, ..self }
    }

    /// The same principal, with the right to act for owners.
    pub fn trusted(self) -> Self {
        Self { internal: true, ..self }
    }

    /// The same principal, acting for `owner` where it may.
    pub fn acting_for(self, owner: Option<&str>) -> Self {
        match owner {
            Some(owner) if self.internal => Self { owner: owner.to_owned(), ..self },
            _ => self,
        }
    }
}

/// Whether the owner is shown as a tag: what the API made carries none, so that a client that
/// compares tags (Terraform) sees exactly those it set.
pub fn owner_tag(owner: &str) -> Option<(String, String)> {
    (owner != OWNER_API).then(|| (OWNER_TAG.to_owned(), owner.to_owned()))
}
