//! `hearth store`, and the store inside `hearth up`.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use protocol::sigv4::Credentials;
use store::server::ServeError;
use store::settings::{AccessMode, KubernetesSettings, StoreSettings, TlsFiles};
use store::store::{Store, StorePorts};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use world::real_world::RealWorld;

use crate::cli::{AwsArgs, ServeArgs, StoreArgs};
use crate::kubernetes_reviews::KubernetesReviews;
use crate::process_reader::Proc;

/// Runs `hearth store` until it is told to stop.
pub async fn run(args: StoreArgs) -> anyhow::Result<()> {
    let running = Opened::open(&args.serve).await?.serve();
    tracing::info!(listen = args.serve.listen, data_dir = %args.serve.data_dir.display(), "listening");
    stop_signal().await?;
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}

/// An open store, not serving yet.
pub struct Opened {
    /// The store.
    pub store: Arc<Store>,
    listener: TcpListener,
    world: RealWorld,
}

impl Opened {
    /// Opens the data directory and takes the port, so that both are known to be ours.
    pub async fn open(args: &ServeArgs) -> anyhow::Result<Self> {
        raise_file_limit();
        let access = args.auth.iter().map(|mode| access(mode)).collect::<Result<Vec<_>, _>>()?;
        let kubernetes = kubernetes_settings(&access, args)?;
        let address = args.listen.parse::<SocketAddr>().with_context(|| {
            format!("--listen {:?} is not of the form ADDRESS:PORT", args.listen)
        })?;
        let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
        let url = args.external_url.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
        let tls = args.tls_cert.clone().zip(args.tls_key.clone());
        let settings = StoreSettings {
            region: args.region.clone(),
            account: args.account.clone(),
            external_url: url,
            access,
            kubernetes,
            insecure: args.insecure,
            tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
            allow_private_receivers: !args.public_receivers_only,
            sns_endpoint: args.sns_endpoint.clone(),
            aws_credentials: aws_credentials(&args.aws),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..StoreSettings::default()
        };
        let ports = ports(&settings).await?;
        let world = RealWorld::open(&args.data_dir)
            .await
            .with_context(|| format!("data directory {}", args.data_dir.display()))?;
        let store = Store::open_with(world.world.clone(), settings, ports).await?;
        let listener = store::server::listen(&store, address).await?;
        Ok(Self { store, listener, world })
    }

    /// Begins to answer.
    pub fn serve(self) -> Running {
        let Self { store, listener, world } = self;
        let server = tokio::spawn(store::server::serve(Arc::clone(&store), listener));
        Running { store, world, server }
    }
}

/// A store that serves.
pub struct Running {
    /// The store.
    pub store: Arc<Store>,
    world: RealWorld,
    server: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    /// Refuses new requests, finishes those under way, closes everything.
    pub async fn stop(self) {
        self.store.shutdown().await;
        match self.server.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the server did not end well"),
            Err(error) => tracing::error!(%error, "the server did not end well"),
        }
        self.world.close().await;
    }
}

fn aws_credentials(args: &AwsArgs) -> Option<Credentials> {
    Some(Credentials {
        access_key_id: args.aws_access_key_id.clone()?,
        secret_access_key: args.aws_secret_access_key.clone()?.0,
        session_token: args.aws_session_token.clone().map(|token| token.0),
    })
}

fn access(mode: &str) -> anyhow::Result<AccessMode> {
    Ok(match mode {
        "none" => AccessMode::None,
        "sigv4" => AccessMode::SigV4,
        "kubernetes" => AccessMode::Kubernetes,
        other => bail!("--auth {other:?} is unknown, expected none, sigv4 or kubernetes"),
    })
}

/// What `--auth kubernetes` cannot do without.
fn kubernetes_settings(
    access: &[AccessMode],
    args: &ServeArgs,
) -> anyhow::Result<Option<KubernetesSettings>> {
    let given = (args.kubernetes_audience.clone(), args.kubernetes_namespace.clone());
    match (access.contains(&AccessMode::Kubernetes), given) {
        (true, (Some(audience), Some(namespace))) => {
            Ok(Some(KubernetesSettings { audience, namespace }))
        }
        (true, (None, _)) => bail!(
            "--auth kubernetes needs --kubernetes-audience: the audience that tokens are made \
             for, hearth.dev/NAMESPACE/NAME of the Store"
        ),
        (true, (_, None)) => bail!(
            "--auth kubernetes needs --kubernetes-namespace: the namespace that the store runs in"
        ),
        (false, (None, None)) => Ok(None),
        (false, _) => bail!(
            "--kubernetes-audience and --kubernetes-namespace say nothing without --auth kubernetes"
        ),
    }
}

/// What the store needs beyond the world.
async fn ports(settings: &StoreSettings) -> anyhow::Result<StorePorts> {
    let mut ports = StorePorts { process: Some(Arc::new(Proc)), ..StorePorts::default() };
    if settings.kubernetes.is_some() {
        ports.reviews = Some(Arc::new(KubernetesReviews::connect().await?));
    }
    Ok(ports)
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

#[cfg(test)]
mod tests;
