//! The store on real sockets: plain, TLS, HTTP/2.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use store::server::{listen, serve};
use store::settings::{StoreSettings, TlsFiles};
use store::store::Store;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use world::real_world::RealWorld;

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

async fn ask_tls(address: std::net::SocketAddr, trusted: CertificateDer<'static>) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TcpStream::connect(address).await.expect("it listens");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    ask(connector.connect(name, stream).await.expect("the certificate is trusted")).await
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
    let answer = ask_tls(address, certificate).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    store.shutdown().await;
    serving.await.expect("no panic").expect("a clean end");
}
