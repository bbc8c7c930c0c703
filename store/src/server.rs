//! The sockets: accept, TLS, HTTP/1.1 and HTTP/2, graceful end.
//!
//! Connections are counted, so that strangers cannot use up the descriptors; a client that does not
//! send its handshake or its headers in time is let go.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::FutureExt;
use futures::future::{Either, select};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::http::access::AccessRefusal;
use crate::store::Store;
use crate::tls::{TlsError, TlsReloader};

/// From the first byte to the end of the headers: ten seconds are plenty even over bad lines.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// For a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests under way at the end get this long; Kubernetes kills after 30 seconds.
const DRAIN: Duration = Duration::from_secs(20);

/// Pause after the system had no descriptor for us.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Streams of one HTTP/2 connection at once.
const STREAMS_MAX: u32 = 256;

/// Why the store does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is open to everybody and so is the store.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The socket.
    #[error("listening on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What happened.
        error: std::io::Error,
    },
}

/// Binds a socket that the store may serve on.
pub async fn listen(store: &Store, address: SocketAddr) -> Result<TcpListener, ServeError> {
    store.access.check_listen(address)?;
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| ServeError::Listen { address, error })
}

/// Serves until the world stops, then lets requests under way end.
pub async fn serve(store: Arc<Store>, listener: TcpListener) -> Result<(), ServeError> {
    if let Ok(address) = listener.local_addr() {
        store.access.check_listen(address)?;
    }
    let tls = match &store.settings.tls {
        None => None,
        Some(files) => Some(TlsReloader::start(&store.world, files.clone())?),
    };
    let server = Server {
        router: store.router(),
        builder: builder(),
        places: Arc::new(Semaphore::new(store.settings.connections_max)),
        graceful: GracefulShutdown::new(),
        store: store.clone(),
        tls,
    };
    let world = store.world.clone();
    {
        let accepting = std::pin::pin!(server.accept(listener).fuse());
        select(world.tasks.stopping(), accepting).await;
    }
    drain(server).await;
    Ok(())
}

struct Server {
    store: Arc<Store>,
    router: Router,
    builder: Builder<TokioExecutor>,
    places: Arc<Semaphore>,
    graceful: GracefulShutdown,
    tls: Option<Arc<TlsReloader>>,
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(HEADER_TIMEOUT))
        .max_concurrent_streams(STREAMS_MAX);
    builder
}

impl Server {
    async fn accept(&self, listener: TcpListener) {
        loop {
            let place = self.places.clone().acquire_owned().await;
            let place = place.expect("the semaphore is never closed");
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    self.store.world.clock.sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // Answers are written whole: waiting for more only delays them.
            let _ = stream.set_nodelay(true);
            let connection = self.connection(stream);
            let task = async move {
                connection.await;
                drop(place);
            };
            self.store.world.tasks.spawn("connection", task.boxed());
        }
    }

    fn connection(&self, stream: TcpStream) -> impl Future<Output = ()> + Send + 'static {
        let (router, builder) = (self.router.clone(), self.builder.clone());
        let (tls, watcher) = (self.tls.clone(), self.graceful.watcher());
        let world = self.store.world.clone();
        async move {
            let Some(tls) = tls else {
                return talk(&builder, watcher, router, stream).await;
            };
            let handshake = tls.acceptor().accept(stream);
            let handshake = std::pin::pin!(handshake.fuse());
            match select(handshake, world.clock.sleep(HANDSHAKE_TIMEOUT)).await {
                Either::Left((Ok(stream), _)) => talk(&builder, watcher, router, stream).await,
                Either::Left((Err(error), _)) => tracing::debug!(%error, "TLS handshake failed"),
                Either::Right(_) => tracing::debug!("TLS handshake took too long"),
            }
        }
    }
}

async fn talk(
    builder: &Builder<TokioExecutor>,
    watcher: Watcher,
    router: Router,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) {
    let service =
        router.map_request(|request: http::Request<Incoming>| request.map(axum::body::Body::new));
    let service = TowerToHyperService::new(service);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let watched = watcher.watch(connection.into_owned());
    if let Err(error) = watched.await {
        tracing::debug!(%error, "connection ended early");
    }
}

async fn drain(server: Server) {
    let world = server.store.world.clone();
    let Server { places, graceful, store, .. } = server;
    let drained = std::pin::pin!(graceful.shutdown().fuse());
    select(drained, world.clock.sleep(DRAIN)).await;
    let all = u32::try_from(store.settings.connections_max).unwrap_or(u32::MAX);
    let ended = std::pin::pin!(places.acquire_many(all).fuse());
    select(ended, world.clock.sleep(DRAIN)).await;
}
