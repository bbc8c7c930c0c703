//! What a store is told when it starts.

use std::path::PathBuf;

use protocol::sigv4::Credentials;
use protocol::workspace::WorkspaceId;

/// Who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessMode {
    /// Everybody everything; only on the loopback interface, unless [`StoreSettings::insecure`].
    None,
    /// Kubernetes service account tokens.
    Kubernetes,
    /// AWS signatures.
    SigV4,
}

/// What access mode `kubernetes` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesSettings {
    /// Tokens are taken only where they were made for it, for example `hearth.dev/NAMESPACE/NAME`.
    pub audience: String,
    /// Where workspaces stand that no Workspace object owns: the store's own namespace.
    pub namespace: String,
}

/// Certificate and key of the server, PEM; read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The settings.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// In ARNs.
    pub region: String,
    /// In ARNs: twelve digits.
    pub account: String,
    /// Base URL under which clients reach the store, for example `http://127.0.0.1:9090`.
    pub external_url: String,
    /// Who may do what. Several may be on at once.
    pub access: Vec<AccessMode>,
    /// Of access mode [`AccessMode::Kubernetes`], which needs it.
    pub kubernetes: Option<KubernetesSettings>,
    /// Allows to listen beyond the loopback interface without access control or encryption.
    pub insecure: bool,
    /// The workspace that answers at the root; can be changed while running.
    pub default_workspace: Option<WorkspaceId>,
    /// Present: HTTPS.
    pub tls: Option<TlsFiles>,
    /// Connections at one time; more wait to be accepted.
    pub connections_max: usize,
    /// Whether receivers may stand on loopback, private and link-local addresses. Not where
    /// strangers define receivers.
    pub allow_private_receivers: bool,
    /// The process's own credentials at AWS, for receivers that name none.
    pub aws_credentials: Option<Credentials>,
    /// In place of `https://sns.<region>.amazonaws.com`, for tests.
    pub sns_endpoint: Option<String>,
    /// Of the program, for buildinfo.
    pub version: String,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            // AWS's own first region; the account is one that AWS never gives out.
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            external_url: "http://127.0.0.1:9090".to_owned(),
            access: vec![AccessMode::None],
            kubernetes: None,
            insecure: false,
            default_workspace: None,
            tls: None,
            // A file descriptor and some 10 KiB each; far below common descriptor limits.
            connections_max: 4096,
            allow_private_receivers: true,
            aws_credentials: None,
            sns_endpoint: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
