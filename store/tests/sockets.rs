//! The store on real sockets: plain, TLS, HTTP/2.

#[path = "support/test_clock.rs"]
mod test_clock;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use store::server::{listen, serve};
use store::settings::{StoreSettings, TlsFiles};
use store::store::Store;
use store::tls::TlsReloader;
use test_clock::TestClock;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use world::real_world::RealWorld;

/// Longer than any step takes; never waited for where all is well.
const PATIENCE: Duration = Duration::from_secs(30);

const ASK: &[u8] = b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    stream.write_all(ASK).await.expect("the request is taken");
    let mut answer = String::new();
    // A peer that closes TLS without a goodbye has still said everything.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[allow(clippy::disallowed_methods, reason = "the files that an operator would mount")]
fn write_certificate(folder: &Path, name: &str) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate");
    std::fs::write(folder.join("tls.crt"), made.cert.pem()).expect("written");
    std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).expect("written");
    made.cert.der().clone()
}

fn client(trusted: CertificateDer<'static>, protocols: &[&[u8]]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a name")
}

async fn ask_tls(address: std::net::SocketAddr, trusted: CertificateDer<'static>) -> String {
    let stream = TcpStream::connect(address).await.expect("it listens");
    let connected = client(trusted, &[]).connect(localhost(), stream).await;
    ask(connected.expect("the certificate is trusted")).await
}

/// Two requests at once over one connection.
async fn ask_http_2(address: std::net::SocketAddr, trusted: CertificateDer<'static>) {
    let stream = TcpStream::connect(address).await.expect("it listens");
    let stream = client(trusted, &[b"h2"]).connect(localhost(), stream).await.expect("trusted");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let shaken =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.expect("HTTP/2 is spoken");
    let talking = tokio::spawn(connection);
    let mut get = |path: &str| {
        let uri = format!("https://localhost{path}");
        let request = http::Request::get(uri).body(Empty::<bytes::Bytes>::new());
        sender.send_request(request.expect("a request"))
    };
    let (healthy, missing) = tokio::join!(get("/-/healthy"), get("/nothing"));
    let (healthy, missing) = (healthy.expect("an answer"), missing.expect("an answer"));
    assert_eq!((healthy.status().as_u16(), missing.status().as_u16()), (200, 404));
    assert_eq!(healthy.version(), http::Version::HTTP_2);
    let body = healthy.into_body().collect().await.expect("a whole body").to_bytes();
    assert_eq!(body, "Hearth is healthy.\n");
    drop(sender);
    talking.abort();
}

/// As the kubelet mounts a Secret: `tls.crt` leads through `..data` to the folder of one version,
/// and the link `..data` is put in place at once.
#[allow(clippy::disallowed_methods, reason = "the files that a kubelet would mount")]
fn mount_secret(folder: &Path, version: &str) -> CertificateDer<'static> {
    use std::os::unix::fs::symlink;
    std::fs::create_dir(folder.join(version)).expect("made");
    let certificate = write_certificate(&folder.join(version), "localhost");
    symlink(version, folder.join("..data_tmp")).expect("linked");
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("put in place");
    for file in ["tls.crt", "tls.key"] {
        // The second version finds them there.
        let _ = symlink(format!("..data/{file}"), folder.join(file));
    }
    certificate
}

/// Whether a client that trusts this certificate alone gets through, without a socket.
async fn is_trusted(reloader: &TlsReloader, trusted: CertificateDer<'static>) -> bool {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let accepting = reloader.acceptor().accept(far);
    let connector = client(trusted, &[]);
    let (connected, _) = tokio::join!(connector.connect(localhost(), near), accepting);
    connected.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_sockets_answer_until_the_store_is_told_to_stop() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let world = RealWorld::open(folder.path()).await.expect("the folder opens");
    let store = Store::open(world.world.clone(), StoreSettings::default()).await.expect("opens");
    let everywhere = "0.0.0.0:0".parse().expect("an address");
    assert!(listen(&store, everywhere).await.is_err(), "an open store leaves the loopback");
    let listener = listen(&store, "127.0.0.1:0".parse().expect("an address")).await.expect("free");
    let address = listener.local_addr().expect("bound");
    let serving = tokio::spawn(serve(store.clone(), listener));
    let answer = ask(TcpStream::connect(address).await.expect("it listens")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("x-amzn-requestid"), "{answer}");
    store.shutdown().await;
    serving.await.expect("no panic").expect("a clean end");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_answers_and_a_wrong_file_is_told_at_the_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files =
        TlsFiles { certificate: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
    let data = folder.path().join("data");
    let world = RealWorld::open(&data).await.expect("the folder opens");
    let settings = StoreSettings { tls: Some(files), ..StoreSettings::default() };
    let store = Store::open(world.world.clone(), settings).await.expect("opens");
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let listener = listen(&store, loopback).await.expect("free");
    let refused = serve(store.clone(), listener).await.expect_err("there is no certificate");
    assert!(refused.to_string().contains("tls.crt"), "{refused}");

    let certificate = write_certificate(folder.path(), "localhost");
    let listener = listen(&store, loopback).await.expect("free");
    let address = listener.local_addr().expect("bound");
    let serving = tokio::spawn(serve(store.clone(), listener));
    let answer = ask_tls(address, certificate.clone()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    ask_http_2(address, certificate).await;
    store.shutdown().await;
    serving.await.expect("no panic").expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files =
        TlsFiles { certificate: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
    let opened = RealWorld::open(&folder.path().join("data")).await.expect("the folder opens");
    let mut world = opened.world.clone();
    let clock = TestClock::new(world.clock.clone(), 1000);
    world.clock = clock.clone();
    let first = write_certificate(folder.path(), "localhost");
    let reloader = TlsReloader::start(&world, files).expect("the certificate is good");
    assert!(is_trusted(&reloader, first.clone()).await);

    let second = write_certificate(folder.path(), "localhost");
    assert_ne!(first, second);
    let taken = async { while !is_trusted(&reloader, second.clone()).await {} };
    tokio::time::timeout(PATIENCE, taken).await.expect("the new certificate in time");
    assert!(!is_trusted(&reloader, first).await, "the old one is gone");

    #[allow(clippy::disallowed_methods, reason = "the files that an operator would mount")]
    std::fs::write(folder.path().join("tls.crt"), "half a cert").expect("written");
    let looks = clock.timers() + 3;
    let looked_again = async {
        while clock.timers() < looks {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looked_again).await.expect("it looks again");
    assert!(is_trusted(&reloader, second).await, "the last good one stays");
    world.tasks.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_from_a_kubernetes_secret_is_renewed_with_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let opened = RealWorld::open(&folder.path().join("data")).await.expect("the folder opens");
    let mut world = opened.world.clone();
    world.clock = TestClock::new(world.clock.clone(), 1000);
    let secret = tempfile::tempdir().expect("a temporary folder");
    let first = mount_secret(secret.path(), "..2026_11_22");
    let files =
        TlsFiles { certificate: secret.path().join("tls.crt"), key: secret.path().join("tls.key") };
    let reloader = TlsReloader::start(&world, files).expect("the certificate is good");
    assert!(is_trusted(&reloader, first.clone()).await);

    let second = mount_secret(secret.path(), "..2026_11_23");
    let taken = async { while !is_trusted(&reloader, second.clone()).await {} };
    tokio::time::timeout(PATIENCE, taken).await.expect("the new certificate in time");
    assert!(!is_trusted(&reloader, first).await, "the old one is gone");
    world.tasks.stop();
}
