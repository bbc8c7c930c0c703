//! Makes keys and certificates.

use k8s_openapi::jiff::tz::TimeZone;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::certificates::rotation::{AUTHORITY_DAYS, LEAF_DAYS, Signer, days};

/// Why no certificate came about.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IssueError {
    /// There is no authority yet: the leader makes one at its start.
    #[error("the certificate authority is not there yet; the leading operator makes it")]
    NoAuthority,
    /// The library refused.
    #[error("no certificate for {names}: {message}")]
    Refused {
        /// For what.
        names: String,
        /// Why.
        message: String,
    },
}

/// A certificate with its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The certificate, PEM.
    pub certificate: String,
    /// The key, PEM, PKCS 8.
    pub key: String,
    /// Valid from here.
    pub not_before: Timestamp,
    /// Valid until here.
    pub not_after: Timestamp,
}

/// A new authority, valid from the day before `now`.
///
/// # Errors
/// If the library refuses, which it has no reason to.
pub fn authority(install: &str, now: Timestamp) -> Result<Signer, IssueError> {
    let common_name = format!("hearth-operator {install} {}", now.as_second());
    let refused = refused(std::slice::from_ref(&common_name));
    let key = KeyPair::generate().map_err(&refused)?;
    let (not_before, not_after) = life(now, AUTHORITY_DAYS);
    let params = authority_params(&common_name, not_before, not_after);
    let certificate = params.self_signed(&key).map_err(&refused)?.pem();
    Ok(Signer {
        common_name,
        certificate,
        key: key.serialize_pem(),
        not_before,
        not_after,
        since: now,
    })
}

/// A server's certificate for these DNS names, signed by `signer`; it never outlives it.
///
/// # Errors
/// If a name is no DNS name or the signer's key cannot be read.
pub fn leaf(signer: &Signer, names: &[String], now: Timestamp) -> Result<Leaf, IssueError> {
    let refused = refused(names);
    let signer_key = KeyPair::from_pem(&signer.key).map_err(&refused)?;
    let its = authority_params(&signer.common_name, signer.not_before, signer.not_after);
    let issuer = Issuer::new(its, signer_key);
    let (not_before, not_after) = life(now, LEAF_DAYS);
    let not_after = not_after.min(signer.not_after);
    let mut params = CertificateParams::new(names.to_vec()).map_err(&refused)?;
    let subject = names.first().map(String::as_str).unwrap_or_default();
    // A common name holds 64 letters at most; clients look at the DNS names only.
    params
        .distinguished_name
        .push(DnType::CommonName, subject.chars().take(64).collect::<String>());
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_life(&mut params, not_before, not_after);
    let key = KeyPair::generate().map_err(&refused)?;
    let certificate = params.signed_by(&key, &issuer).map_err(&refused)?.pem();
    Ok(Leaf { certificate, key: key.serialize_pem(), not_before, not_after })
}

/// Always the same for the same signer: the issuer in a leaf must be its subject to the letter.
fn authority_params(
    common_name: &str,
    not_before: Timestamp,
    not_after: Timestamp,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_life(&mut params, not_before, not_after);
    params
}

/// From the midnight before yesterday's end, for clocks that are behind, to midnight after `long`.
fn life(now: Timestamp, long: i64) -> (Timestamp, Timestamp) {
    (midnight(now - SignedDuration::from_hours(24)), midnight(now + days(long)))
}

fn midnight(at: Timestamp) -> Timestamp {
    let day = 24 * 60 * 60;
    Timestamp::from_second(at.as_second().div_euclid(day) * day).unwrap_or(at)
}

fn set_life(params: &mut CertificateParams, not_before: Timestamp, not_after: Timestamp) {
    let parts = |at: Timestamp| {
        let civil = at.to_zoned(TimeZone::UTC).date();
        (i32::from(civil.year()), civil.month().unsigned_abs(), civil.day().unsigned_abs())
    };
    let (from, until) = (parts(not_before), parts(not_after));
    params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
    params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
}

fn refused(names: &[String]) -> impl Fn(rcgen::Error) -> IssueError + use<> {
    let names = names.join(", ");
    move |error| IssueError::Refused { names: names.clone(), message: error.to_string() }
}

#[cfg(test)]
mod tests;
