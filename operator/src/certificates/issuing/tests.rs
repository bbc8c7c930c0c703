//! Certificates that a TLS client takes, or does not.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _};

use super::*;
use crate::certificates::rotation::{Signers, Step, after};

fn now() -> Timestamp {
    "2026-11-22T13:00:00Z".parse().unwrap()
}

fn verify(bundle: &str, leaf: &Leaf, name: &str, at: Timestamp) -> Result<(), rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let certificate = CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let at = std::time::Duration::from_secs(at.as_second().unsigned_abs());
    verifier
        .verify_server_cert(&certificate, &[], &name, &[], UnixTime::since_unix_epoch(at))
        .map(|_| ())
}

#[test]
fn a_leaf_is_trusted_for_its_names_and_its_time_only() {
    let signer = authority("hearth", now()).unwrap();
    let names = ["main-store.shop.svc".to_owned(), "localhost".to_owned()];
    let leaf = leaf(&signer, &names, now()).unwrap();
    let check = |name, at| verify(&signer.certificate, &leaf, name, at).is_ok();
    assert!(check("main-store.shop.svc", now()));
    assert!(check("localhost", now()));
    assert!(!check("other-store.shop.svc", now()));
    assert!(check("localhost", leaf.not_after - SignedDuration::from_secs(60)));
    assert!(!check("localhost", leaf.not_after + SignedDuration::from_secs(60)));
    assert!(check("localhost", now() - SignedDuration::from_hours(12)), "clocks may be behind");
}

#[test]
fn the_bundle_carries_clients_over_a_switch() {
    let old = authority("hearth", now()).unwrap();
    let later = now() + days(243);
    let names = ["localhost".to_owned()];
    let old_leaf = leaf(&old, &names, later).unwrap();
    let signers = Signers { current: old, next: None, previous: None };
    let fresh = authority("hearth", later).unwrap();
    let announced = after(Some(signers), Step::Announce, fresh.clone(), later);
    let bundle_before = announced.bundle();
    let switched = after(Some(announced), Step::Switch, fresh, later + days(1));
    let new_leaf = leaf(&switched.current, &names, later + days(1)).unwrap();
    let at = later + days(2);
    for bundle in [&bundle_before, &switched.bundle()] {
        verify(bundle, &old_leaf, "localhost", at).unwrap();
        verify(bundle, &new_leaf, "localhost", at).unwrap();
    }
}

#[test]
fn a_leaf_never_outlives_its_signer() {
    let signer = authority("hearth", now()).unwrap();
    let late = leaf(&signer, &["localhost".to_owned()], now() + days(360)).unwrap();
    assert_eq!(late.not_after, signer.not_after);
}
