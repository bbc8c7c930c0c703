//! What the control API needs from the rest of the store.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use protocol::fault::Fault;
use protocol::workspace::WorkspaceId;

/// What of a definition runs: its hash, or why it does not.
pub type Programmed = Result<String, String>;

/// What the data plane runs of one workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Hash of the configuration, or why the workspace is not open; `None`: not opened yet.
    pub configuration: Option<Programmed>,
    /// Rule groups namespaces by name.
    pub namespaces: BTreeMap<String, Programmed>,
    /// The alert manager definition.
    pub alert_manager: Option<Programmed>,
}

/// Makes what runs equal to what is defined.
pub trait DataPlane: Send + Sync + 'static {
    /// Opens, changes or closes the workspace until it runs what the catalog says. What fails shows
    /// in [`DataPlane::running`].
    fn program(&self, id: &WorkspaceId) -> BoxFuture<'_, ()>;

    /// What runs now.
    fn running(&self, id: &WorkspaceId) -> Running;
}

/// Verdicts on definitions before they are stored.
#[derive(Clone, Copy)]
pub struct Checks {
    /// Of a rule file, under these feature flags.
    pub rules: fn(text: &str, features: &[String]) -> Vec<Fault>,
    /// Of an alert manager definition.
    pub alert_manager: fn(text: &str) -> Vec<Fault>,
}
