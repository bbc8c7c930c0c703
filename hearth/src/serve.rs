//! `hearth store`, and the part of `hearth up` that is the store.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use store::settings::{AccessMode, StoreSettings, TlsFiles};
use store::store::Store;
use world::real_world::RealWorld;

use crate::cli::{ServeArgs, StoreArgs};

/// Runs `hearth store` until it is told to stop.
pub async fn run(args: StoreArgs) -> anyhow::Result<()> {
    let running = Running::start(&args.serve).await?;
    tracing::info!(listen = %running.listen, data_dir = %args.serve.data_dir.display(), "listening");
    stop_signal().await?;
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}

/// A store that serves.
pub struct Running {
    /// The store.
    pub store: Arc<Store>,
    /// Where it listens; the real port where 0 was asked for.
    pub listen: std::net::SocketAddr,
    world: RealWorld,
    server: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Opens the data directory and begins to serve.
    pub async fn start(args: &ServeArgs) -> anyhow::Result<Self> {
        raise_file_limit();
        let access = args.auth.iter().map(|mode| access(mode)).collect::<Result<Vec<_>, _>>()?;
        let listener = tokio::net::TcpListener::bind(&args.listen)
            .await
            .with_context(|| format!("listening on {}", args.listen))?;
        let listen = listener.local_addr()?;
        let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
        let settings = StoreSettings {
            region: args.region.clone(),
            account: args.account.clone(),
            external_url: args.external_url.clone().unwrap_or_else(|| format!("{scheme}://{listen}")),
            access,
            insecure: args.insecure,
            tls: args.tls_cert.clone().zip(args.tls_key.clone()).map(|(certificate, key)| TlsFiles {
                certificate,
                key,
            }),
            ..StoreSettings::default()
        };
        let world = RealWorld::open(&args.data_dir)
            .await
            .with_context(|| format!("data directory {}", args.data_dir.display()))?;
        let store = Store::open(world.world.clone(), settings).await?;
        let (router, stopping) = (store.router(), world.world.tasks.stopping());
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).with_graceful_shutdown(stopping).await;
        });
        Ok(Self { store, listen, world, server })
    }

    /// Refuses new requests, finishes those under way, closes everything.
    pub async fn stop(self) {
        self.store.shutdown().await;
        if let Err(error) = self.server.await {
            tracing::error!(%error, "the server did not end well");
        }
        self.world.close().await;
    }
}

fn access(mode: &str) -> anyhow::Result<AccessMode> {
    Ok(match mode {
        "none" => AccessMode::None,
        "sigv4" => AccessMode::SigV4,
        "kubernetes" => AccessMode::Kubernetes,
        other => bail!("--auth {other:?} is unknown, expected none, sigv4 or kubernetes"),
    })
}

/// Blocks and connections are files: take as many as the system gives.
fn raise_file_limit() {
    const WANTED: u64 = 1 << 20;
    if let Err(error) = rlimit::increase_nofile_limit(WANTED) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Returns at SIGTERM or SIGINT.
pub async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("waiting for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("waiting for SIGINT")?;
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
