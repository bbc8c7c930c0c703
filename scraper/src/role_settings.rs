//! What a collector is told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::kubernetes::eks::EksSettings;
use crate::role_server::TlsFiles;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct RoleSettings {
    /// Of the Scraper.
    pub namespace: String,
    /// Of the Scraper.
    pub name: String,
    /// Which of its collectors this is, from 0.
    pub shard: u32,
    /// Where it serves.
    pub listen: SocketAddr,
    /// With TLS, if set.
    pub tls: Option<TlsFiles>,
    /// What it remembers, and samples that wait.
    pub data_dir: PathBuf,
    /// Most bytes of samples that wait on disk.
    pub buffer_bytes: u64,
    /// Where samples go.
    pub remote_write_url: String,
    /// The bearer token for it, read again for each request.
    pub token_file: Option<String>,
    /// The authorities of its certificate, PEM; the system's where left out.
    pub ca_file: Option<String>,
    /// The only user who may see the report.
    pub status_reader: Option<String>,
    /// A folder with `token` and `ca.crt` for the API server the Scraper lies in.
    pub home: PathBuf,
    /// The cluster to discover targets in, where it is another one.
    pub kubeconfig: Option<PathBuf>,
    /// The same, where it is a cluster of Amazon EKS.
    pub eks: Option<EksSettings>,
    /// Reach its targets through its API server.
    pub proxy: bool,
}
