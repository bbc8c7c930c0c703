//! Which files a configuration may name.

/// Whose files a configuration may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialFiles {
    /// Those of the machine: whoever writes the configuration owns it.
    #[default]
    Any,
    /// None but the service account's token and authority at their usual paths: a managed collector
    /// runs configurations of people who must not read its files.
    ServiceAccountOnly,
}
