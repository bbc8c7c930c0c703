//! Wires the operator together.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use kube::Config;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::certificates::authority_secret;
use crate::runtime::context::{Context, SystemClock};
use crate::runtime::controller::{Controller, Reconciler};
use crate::runtime::http;
use crate::runtime::lease::Elector;
use crate::scraper::poll::CollectorPods;
use crate::settings::OperatorSettings;
use crate::workspace::stores::Stores;
use crate::{alert_manager_config, rule_group, webhook, workspace};

/// Longest time for a connection to the API server to come about.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// Why an operator does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No way to the API server.
    #[error("no way to the API server: {0}; run in a cluster, or set KUBECONFIG")]
    NoCluster(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A part of it ended, which none does.
    #[error("a part of the operator ended: {0}")]
    Ended(String),
}

/// Runs until `stop` is done. `me` tells this process from every other, before and after it.
///
/// # Errors
/// If there is no way to the API server or an address cannot be listened on. Missing custom
/// resource definitions and rights are waited for instead.
pub async fn run(
    settings: OperatorSettings,
    me: String,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), OperatorError> {
    let context = Context::new(client().await?, settings, Arc::new(SystemClock));
    let lease_client = client().await?;
    let elector = Elector::new(context.clone(), lease_client.clone(), me.clone());
    let address = context.settings.listen;
    let listener = listen(address).await?;
    let mut parts = JoinSet::new();
    let mut waits = Vec::new();
    parts.spawn(authority_secret::keep(context.clone()));
    for controller in controllers(&context) {
        parts.spawn(controller);
    }
    if let Some(address) = context.settings.webhook_listen {
        let listener = listen(address).await?;
        let (sender, certificates) = watch::channel(None);
        waits.push(webhook::certificate::waits(certificates.clone()));
        let asked = context.clone();
        waits.push(Arc::new(move || webhook::configuration::pending(&asked)));
        parts.spawn(webhook::server::serve(listener, certificates));
        parts.spawn(webhook::certificate::keep(context.clone(), sender));
        parts.spawn(webhook::configuration::keep(context.clone()));
    }
    let router = http::router(context.clone(), waits);
    parts.spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    parts.spawn(elector.run());
    tracing::info!(install = %context.settings.install, %address, "the operator runs");
    let ended = tokio::select! {
        biased;
        () = stop => None,
        ended = parts.join_next() => ended,
    };
    // Nobody works any more when the lease is given back.
    parts.shutdown().await;
    Elector::resign(&context, lease_client, &me).await;
    match ended {
        None => Ok(()),
        Some(Ok(())) => Err(OperatorError::Ended("no reason given".to_owned())),
        Some(Err(error)) => Err(OperatorError::Ended(error.to_string())),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, OperatorError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| OperatorError::Listen { address, source })
}

/// One controller a kind. Each runs for itself: none waits for another's kind.
fn controllers(context: &Arc<Context>) -> Vec<BoxFuture<'static, ()>> {
    let collectors = Arc::new(CollectorPods::new(context.clone()));
    let stores = Stores::new(context);
    vec![
        task(crate::store::controller::controller(context)),
        task(crate::scraper::controller::controller(context, collectors)),
        task(workspace::controller::controller(context, &stores)),
        task(rule_group::controller::controller(context, &stores)),
        task(alert_manager_config::controller::controller(context, &stores)),
    ]
}

/// A controller as a task.
pub fn task<R: Reconciler>(controller: Controller<R>) -> BoxFuture<'static, ()> {
    Box::pin(controller.run())
}

/// A client without retries of its own: queues, watches and the elector have theirs, and a
/// reconcile must not sit in a wait that nobody sees.
async fn client() -> Result<kube::Client, OperatorError> {
    let mut config = Config::infer().await.map_err(|e| OperatorError::NoCluster(Box::new(e)))?;
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_PATIENCE);
    kube::Client::try_from(config).map_err(|e| OperatorError::NoCluster(Box::new(e)))
}
