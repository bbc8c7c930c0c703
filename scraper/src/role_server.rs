//! The collector's socket: HTTP, or HTTPS with reload.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// Connections at once: probes, one operator, a few scrapers.
const CONNECTIONS_MAX: usize = 128;
/// For a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// From the first byte to the end of the headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system had no descriptor for us.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Between two looks at the certificate: it changes days before it ends.
const LOOK: Duration = Duration::from_secs(10);
/// Bytes of a certificate chain or a key.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// Where certificate and key lie, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the collector's own certificate first.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Why the collector does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket.
    #[error("listening on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What happened.
        error: std::io::Error,
    },
    /// The certificate.
    #[error("--tls-cert, --tls-key: {0}")]
    Tls(String),
}

/// A socket that is ours.
pub struct Server {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

struct Tls {
    files: TlsFiles,
    acceptor: RwLock<TlsAcceptor>,
}

impl Server {
    /// Takes the port and reads the certificate.
    pub async fn bind(address: SocketAddr, tls: Option<TlsFiles>) -> Result<Self, ServeError> {
        let tls = match tls {
            None => None,
            Some(files) => {
                let pems = read(&files).await.map_err(ServeError::Tls)?;
                let acceptor = RwLock::new(acceptor(&pems).map_err(ServeError::Tls)?);
                Some(Arc::new(Tls { files, acceptor }))
            }
        };
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|error| ServeError::Listen { address, error })?;
        Ok(Self { listener, tls })
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Serves until it is dropped; connections end with it.
    pub async fn serve(self, router: Router) {
        let Self { listener, tls } = self;
        let mut tasks = JoinSet::new();
        if let Some(tls) = &tls {
            tasks.spawn(reload(Arc::clone(tls)));
        }
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            while tasks.try_join_next().is_some() {}
            let place = Arc::clone(&places).acquire_owned().await;
            let place = place.expect("the semaphore is never closed");
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (router, tls) = (router.clone(), tls.clone());
            tasks.spawn(async move {
                connection(stream, tls, router).await;
                drop(place);
            });
        }
    }
}

async fn connection(stream: TcpStream, tls: Option<Arc<Tls>>, router: Router) {
    let Some(tls) = tls else { return talk(stream, router).await };
    let acceptor = tls.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone();
    match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => talk(stream, router).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let service =
        router.map_request(|request: http::Request<Incoming>| request.map(axum::body::Body::new));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(HEADER_TIMEOUT));
    let service = TowerToHyperService::new(service);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(error, "connection ended early");
    }
}

/// Both files.
#[derive(PartialEq, Eq)]
struct Pems {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

async fn reload(tls: Arc<Tls>) {
    let mut held = read(&tls.files).await.ok();
    loop {
        sleep(LOOK).await;
        let found = read(&tls.files).await;
        if found.as_ref().ok() == held.as_ref() {
            continue;
        }
        match found.and_then(|pems| Ok((acceptor(&pems)?, pems))) {
            Ok((acceptor, pems)) => {
                held = Some(pems);
                *tls.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
                tracing::info!("certificate reloaded");
            }
            Err(reason) => tracing::warn!(reason, "certificate not reloaded, the last one stays"),
        }
    }
}

async fn read(files: &TlsFiles) -> Result<Pems, String> {
    let read = async |path: &PathBuf| {
        let fault = |error: std::io::Error| format!("{}: {error}", path.display());
        let size = tokio::fs::metadata(path).await.map_err(fault)?.len();
        if size > PEM_BYTES_MAX {
            return Err(format!("{}: more than {PEM_BYTES_MAX} bytes", path.display()));
        }
        tokio::fs::read(path).await.map_err(fault)
    };
    Ok(Pems { certificate: read(&files.certificate).await?, key: read(&files.key).await? })
}

fn acceptor(pems: &Pems) -> Result<TlsAcceptor, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pems.certificate).collect();
    let chain = chain.map_err(|error| format!("the certificate: {error}"))?;
    if chain.is_empty() {
        return Err("there is no certificate in the file".to_owned());
    }
    let key =
        PrivateKeyDer::from_pem_slice(&pems.key).map_err(|error| format!("the key: {error}"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = config
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("certificate and key do not go together: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
