//! What an action of the data plane works with.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;

use crate::http::params::Params;
use crate::store::Store;
use crate::workspace::Workspace;

/// What an action of the data plane works with.
pub struct Context<'a> {
    /// The store.
    pub store: &'a Arc<Store>,
    /// The workspace.
    pub workspace: Arc<Workspace>,
    /// Query string and form.
    pub params: Params,
    /// What the path named besides.
    pub captures: Vec<String>,
    /// The body, where it is no form.
    pub body: Bytes,
    /// Headers and query string.
    pub parts: &'a Parts,
}
