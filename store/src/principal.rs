//! Who asks.
//!
//! Inside the process a principal travels as a request extension, which nobody outside can set;
//! from outside it is what access control found out.

use protocol::amp_api::tags::OWNER_TAG;

/// The owner of what comes through the API from outside.
pub const OWNER_API: &str = "api";

/// Whoever may act for owners names the one here; in access mode `none` it is ignored from outside,
/// in mode `kubernetes` it needs the right to `update` `workspaces/owner`.
pub const OWNER_HEADER: &str = "hearth-owner";

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
}

impl Principal {
    /// Somebody outside.
    pub fn outside() -> Self {
        Self { owner: OWNER_API.to_owned(), internal: false, user: None }
    }

    /// Somebody outside who has shown who that is.
    pub fn authenticated(user: &str) -> Self {
        Self { user: Some(user.to_owned()), ..Self::outside() }
    }

    /// A part of this process that acts for `owner`.
    pub fn internal(owner: impl Into<String>) -> Self {
        Self { owner: owner.into(), internal: true, user: None }
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
