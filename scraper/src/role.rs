//! `hearth scraper`: one shard of a Scraper.
//!
//! The Scraper comes from the API server (or, at start, from the data directory), becomes a scrape
//! configuration, and runs in a [`Collector`]. What is invalid leaves in force what was.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use kube::Client;
use protocol::http_config::{Authorization, HttpClientConfig, TlsConfig};
use protocol::scrape_config::ScrapeConfiguration;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::WallClock;
use crate::collector::{Collector, CollectorOptions};
use crate::destination_http::HttpDestination;
use crate::disk_buffer_lanes::DiskBuffer;
use crate::kubernetes::clusters::OwnCluster;
use crate::kubernetes::credential_files::CredentialFiles;
use crate::kubernetes::eks::EksSettings;
use crate::own_scraper::{self, OwnScraper, Seen};
use crate::readiness::Readiness;
use crate::role_cluster::ClusterKeeper;
use crate::role_http::{RoleState, router};
use crate::role_keeper::Keeper;
use crate::role_report::Told;
use crate::role_server::{ServeError, Server, TlsFiles};
use crate::sharding::Sharding;
use crate::token_review::TokenReviews;
use crate::write_queue::QueueLimits;

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

/// Why the role does not start.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// The folder for what it remembers.
    #[error("--data-dir {}: {error}", path.display())]
    DataDir {
        /// Which.
        path: PathBuf,
        /// What happened.
        error: std::io::Error,
    },
    /// Where samples would go.
    #[error("--remote-write-url: {0}")]
    Destination(String),
    /// Samples that wait.
    #[error("the buffer in --data-dir: {0}")]
    Buffer(String),
    /// The socket.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// What the role is handed beside its settings.
pub struct RoleParts {
    /// Reaches the API server at home; [`home_cluster::client`](crate::home_cluster::client).
    pub client: Client,
    /// Tells who asks for the report.
    pub reviews: Box<dyn TokenReviews>,
    /// By which credentials grow old.
    pub clock: Arc<dyn WallClock>,
}

/// Runs until `stop` ends.
pub async fn run(
    parts: RoleParts,
    settings: RoleSettings,
    stop: impl Future<Output = ()>,
) -> Result<(), RoleError> {
    let RoleParts { client, reviews, clock } = parts;
    let data_dir = settings.data_dir.clone();
    let made = tokio::fs::create_dir_all(&data_dir).await;
    made.map_err(|error| RoleError::DataDir { path: data_dir.clone(), error })?;
    let server = Server::bind(settings.listen, settings.tls.clone()).await?;
    let buffer = open_buffer(&settings).await?;
    let collector = start_collector(&settings, buffer).await?;
    let state = Arc::new(RoleState {
        told: Mutex::new(Told { shard: settings.shard, ..Told::default() }),
        collector,
        reviews,
        reader: settings.status_reader.clone(),
        readiness: Readiness::default(),
    });
    let mut tasks = JoinSet::new();
    tasks.spawn(server.serve(router(Arc::clone(&state))));
    let (seen, news) =
        watch::channel(Seen { scraper: remembered(&data_dir).await, ..Seen::default() });
    let (namespace, name) = (settings.namespace.clone(), settings.name.clone());
    tasks.spawn(own_scraper::run(client.clone(), namespace, name, seen));
    tasks.spawn(ClusterKeeper::new(&settings, clock, Arc::clone(&state)).run());
    let mut keeper = Keeper::new(settings, client, Arc::clone(&state));
    tokio::select! {
        biased;
        () = stop => {}
        () = keeper.run(news) => {}
    }
    state.collector.shutdown().await;
    tasks.shutdown().await;
    Ok(())
}

async fn remembered(data_dir: &std::path::Path) -> Option<OwnScraper> {
    own_scraper::remembered(data_dir).await.unwrap_or_else(|reason| {
        tracing::warn!(reason, "what was remembered of the Scraper is not used");
        None
    })
}

async fn open_buffer(settings: &RoleSettings) -> Result<Arc<DiskBuffer>, RoleError> {
    let lanes = QueueLimits::default().shards;
    let folder = settings.data_dir.join("buffer");
    let buffer = DiskBuffer::open(&folder, settings.buffer_bytes, lanes).await;
    let buffer = buffer.map_err(RoleError::Buffer)?;
    let found = buffer.figures();
    if found.waiting > 0 || found.torn > 0 {
        tracing::info!(samples = found.waiting, torn = found.torn, "samples wait on disk");
    }
    Ok(buffer)
}

async fn start_collector(
    settings: &RoleSettings,
    buffer: Arc<DiskBuffer>,
) -> Result<Collector, RoleError> {
    let authorization = settings
        .token_file
        .clone()
        .map(|file| Authorization { credentials_file: Some(file), ..Authorization::default() });
    let tls_config = settings
        .ca_file
        .clone()
        .map(|file| TlsConfig { ca_file: Some(file), ..TlsConfig::default() });
    let config = HttpClientConfig { authorization, tls_config, ..HttpClientConfig::default() };
    let destination = HttpDestination::new(&settings.remote_write_url, &config);
    let destination = destination.map_err(RoleError::Destination)?;
    // All shards share the name, so that they agree on each target's moment within the interval.
    let name = format!("{}/{}", settings.namespace, settings.name);
    let options = CollectorOptions {
        // Takes nothing before the Scraper says how many share the work.
        sharding: Some(Sharding { index: settings.shard, count: 0 }),
        buffer: Some(buffer),
        // Until the first look at its credentials is over.
        kubernetes: OwnCluster::Unknown(
            "waiting for the address of the cluster to discover targets in".to_owned(),
        ),
        files: CredentialFiles::ServiceAccountOnly,
        ..CollectorOptions::default()
    };
    let nothing = ScrapeConfiguration::default();
    Ok(Collector::start(name, nothing, Arc::new(destination), options))
}
