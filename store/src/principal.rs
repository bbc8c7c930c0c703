//! Who asks.
//!
//! A principal travels as a request extension, which nobody outside the process can set.

use protocol::amp_api::tags::OWNER_TAG;

/// The owner of what comes through the API from outside.
pub const OWNER_API: &str = "api";

/// In-process callers name the owner they act for in this header; from others it is ignored.
pub const OWNER_HEADER: &str = "hearth-owner";

/// Who asks, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What is remembered as the owner of what this principal makes: `api`, `up/<name>` or
    /// `operator/<install>/<namespace>/<name>`.
    pub owner: String,
    /// Whether it may act for other owners and set reserved tags.
    pub internal: bool,
}

impl Principal {
    /// Somebody outside.
    pub fn outside() -> Self {
        Self { owner: OWNER_API.to_owned(), internal: false }
    }

    /// A part of this process that acts for `owner`.
    pub fn internal(owner: impl Into<String>) -> Self {
        Self { owner: owner.into(), internal: true }
    }

    /// The same principal, acting for `owner` where it may.
    pub fn acting_for(self, owner: Option<&str>) -> Self {
        match owner {
            Some(owner) if self.internal => Self { owner: owner.to_owned(), internal: true },
            _ => self,
        }
    }
}

/// Whether the owner is shown as a tag: what the API made carries none, so that a client that
/// compares tags (Terraform) sees exactly those it set.
pub fn owner_tag(owner: &str) -> Option<(String, String)> {
    (owner != OWNER_API).then(|| (OWNER_TAG.to_owned(), owner.to_owned()))
}
