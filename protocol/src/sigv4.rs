//! AWS signatures, version 4: canonical form, sign, verify.
//!
//! Pure: time and credentials are arguments. The signer gives headers to add to a request; the
//! verifier takes a request as it came and says whose it is. Source of the rules: AWS's "Signature
//! Version 4" pages; S3's exceptions (single encoding of the path) are not needed here.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How far a request's clock may be off: AWS's 15 minutes.
pub const SKEW_SECONDS_MAX: i64 = 15 * 60;

/// All but the unreserved characters of RFC 3986.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The same, slashes kept.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// Who signs.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Public part.
    pub access_key_id: String,
    /// Secret part.
    pub secret_access_key: String,
    /// For temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// For what a signature counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `eu-west-1`.
    pub region: &'a str,
    /// `sns`, `aps`.
    pub service: &'a str,
}

/// A request as it goes over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `POST`.
    pub method: &'a str,
    /// As it is sent: percent-encoded, without the query.
    pub path: &'a str,
    /// As it is sent, without the question mark.
    pub query: &'a str,
    /// Those that are sent so far; `host` must be among them.
    pub headers: &'a [(String, String)],
    /// Hex SHA-256 of the body, from [`body_hash`].
    pub body_hash: &'a str,
}

/// Why a request is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// There is no signature.
    #[error("request is not signed: it has no Authorization header of {ALGORITHM}")]
    Missing,
    /// It cannot be read.
    #[error("signature is incomplete or malformed: {0}")]
    Malformed(&'static str),
    /// It is for somebody else.
    #[error("credential is scoped to {found}, expected {expected}")]
    WrongScope {
        /// Region and service of the request.
        found: String,
        /// Ours.
        expected: String,
    },
    /// It is too old, or from the future.
    #[error("signature time {0} is more than {SKEW_SECONDS_MAX} seconds away from now")]
    Expired(String),
    /// Nobody has this key.
    #[error("access key {0:?} is not known")]
    UnknownKey(String),
    /// It does not fit the request.
    #[error("signature does not match the request")]
    Mismatch,
}

/// Hex SHA-256 of a body.
pub fn body_hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

/// The headers to add: `x-amz-date`, `x-amz-security-token` where there is one, `authorization`.
pub fn sign(
    request: Request<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    now_seconds: i64,
) -> Vec<(String, String)> {
    let time = amz_time(now_seconds);
    let mut added = vec![("x-amz-date".to_owned(), time.clone())];
    if let Some(token) = &credentials.session_token {
        added.push(("x-amz-security-token".to_owned(), token.clone()));
    }
    let headers: Vec<(String, String)> = request.headers.iter().chain(&added).cloned().collect();
    let names = signed_names(&headers);
    let signature = signature(
        &canonical(Request { headers: &headers, ..request }, &names),
        &credentials.secret_access_key,
        scope,
        &time,
    );
    let authorization = format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
        credentials.access_key_id,
        scope_text(scope, &time),
        names.join(";"),
    );
    added.push(("authorization".to_owned(), authorization));
    added
}

/// The query that signs a URL by itself: what the request has, what AWS adds, the signature.
/// Whoever sends it has to send the headers too; it counts for `expires_seconds` from
/// `now_seconds` on.
pub fn presign(
    request: Request<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    now_seconds: i64,
    expires_seconds: u32,
) -> String {
    let time = amz_time(now_seconds);
    let names = signed_names(request.headers);
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let credential = format!("{}/{}", credentials.access_key_id, scope_text(scope, &time));
    let mut query = request.query.to_owned();
    let mut add = |name: &str, value: &str| {
        let separator = if query.is_empty() { "" } else { "&" };
        query.push_str(&format!("{separator}{name}={}", encode(value)));
    };
    add("X-Amz-Algorithm", ALGORITHM);
    add("X-Amz-Credential", &credential);
    add("X-Amz-Date", &time);
    add("X-Amz-Expires", &expires_seconds.to_string());
    if let Some(token) = &credentials.session_token {
        add("X-Amz-Security-Token", token);
    }
    add("X-Amz-SignedHeaders", &names.join(";"));
    let signed = canonical(Request { query: &query, ..request }, &names);
    let signature = signature(&signed, &credentials.secret_access_key, scope, &time);
    format!("{query}&X-Amz-Signature={signature}")
}

/// Whose signature a request carries. `secret_of` knows the secret of an access key.
pub fn verify(
    request: Request<'_>,
    scope: Scope<'_>,
    now_seconds: i64,
    secret_of: impl FnOnce(&str) -> Option<String>,
) -> Result<String, VerifyError> {
    let header = |name: &str| {
        let found = request.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    let claim = Claim::read(header("authorization").ok_or(VerifyError::Missing)?)?;
    let time = header("x-amz-date").ok_or(VerifyError::Malformed("x-amz-date is missing"))?;
    let signed_at = parse_amz_time(time).ok_or(VerifyError::Malformed("x-amz-date"))?;
    if !time.starts_with(claim.date) {
        return Err(VerifyError::Malformed(
            "the date of the credential is not that of the request",
        ));
    }
    if (now_seconds - signed_at).abs() > SKEW_SECONDS_MAX {
        return Err(VerifyError::Expired(time.to_owned()));
    }
    if (claim.region, claim.service) != (scope.region, scope.service) {
        return Err(VerifyError::WrongScope {
            found: format!("{}/{}", claim.region, claim.service),
            expected: format!("{}/{}", scope.region, scope.service),
        });
    }
    if !claim.signed.contains(&"host") || !claim.signed.contains(&"x-amz-date") {
        return Err(VerifyError::Malformed("host and x-amz-date must be signed"));
    }
    let secret = secret_of(claim.access_key_id)
        .ok_or_else(|| VerifyError::UnknownKey(claim.access_key_id.to_owned()))?;
    let names: Vec<String> = claim.signed.iter().map(|name| (*name).to_owned()).collect();
    let expected = signature(&canonical(request, &names), &secret, scope, time);
    if equal_in_constant_time(expected.as_bytes(), claim.signature.as_bytes()) {
        Ok(claim.access_key_id.to_owned())
    } else {
        Err(VerifyError::Mismatch)
    }
}

/// An `Authorization` header taken apart.
struct Claim<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn read(header: &'a str) -> Result<Self, VerifyError> {
        let fields = header.trim().strip_prefix(ALGORITHM).ok_or(VerifyError::Missing)?;
        let field = |name: &'static str| {
            let mut parts = fields.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let credential = field("Credential").ok_or(VerifyError::Malformed("no Credential"))?;
        let signed = field("SignedHeaders").ok_or(VerifyError::Malformed("no SignedHeaders"))?;
        let signature = field("Signature").ok_or(VerifyError::Malformed("no Signature"))?;
        let parts: Vec<&str> = credential.rsplitn(5, '/').collect();
        let [end, service, region, date, access_key_id] = parts[..] else {
            return Err(VerifyError::Malformed("Credential has not five parts"));
        };
        if end != "aws4_request" || date.len() != 8 {
            return Err(VerifyError::Malformed("scope of Credential"));
        }
        let signed = signed.split(';').collect();
        Ok(Self { access_key_id, date, region, service, signed, signature })
    }
}

/// The canonical request over the headers of these names, which are in order.
fn canonical(request: Request<'_>, names: &[String]) -> String {
    let mut text = format!(
        "{}\n{}\n{}\n",
        request.method,
        canonical_path(request.path),
        canonical_query(request.query)
    );
    for name in names {
        let values = request.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let values: Vec<String> = values.map(|(_, value)| squeeze(value)).collect();
        text.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    text.push_str(&format!("\n{}\n{}", names.join(";"), request.body_hash));
    text
}

/// Lower case, sorted, each once. What proxies and clients change on the way is left out.
fn signed_names(headers: &[(String, String)]) -> Vec<String> {
    let unstable = ["authorization", "user-agent", "connection", "content-length", "expect"];
    let mut names: Vec<String> =
        headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.retain(|name| !unstable.contains(&name.as_str()));
    names.sort_unstable();
    names.dedup();
    names
}

/// Dots and double slashes resolved, then encoded once more.
fn canonical_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{slash}", utf8_percent_encode(&parts.join("/"), PATH))
}

/// Decoded, encoded the strict way, sorted.
fn canonical_query(query: &str) -> String {
    let encode = |text: &str| {
        let bytes: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&bytes, UNRESERVED).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    pairs.sort_unstable();
    let joined: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    joined.join("&")
}

/// Trimmed, runs of spaces made one.
fn squeeze(value: &str) -> String {
    value.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn signature(canonical: &str, secret: &str, scope: Scope<'_>, time: &str) -> String {
    let hash = hex::encode(Sha256::digest(canonical.as_bytes()));
    let to_sign = format!("{ALGORITHM}\n{time}\n{}\n{hash}", scope_text(scope, time));
    let key = hmac(format!("AWS4{secret}").as_bytes(), &time[..8]);
    let key = hmac(&hmac(&key, scope.region), scope.service);
    hex::encode(hmac(&hmac(&key, "aws4_request"), &to_sign))
}

fn scope_text(scope: Scope<'_>, time: &str) -> String {
    format!("{}/{}/{}/aws4_request", &time[..8], scope.region, scope.service)
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

/// `20150830T123600Z`.
pub fn amz_time(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{:02}Z", second % 60)
}

fn parse_amz_time(text: &str) -> Option<i64> {
    let shape = text.bytes().enumerate().all(|(at, b)| match at {
        8 => b == b'T',
        15 => b == b'Z',
        _ => b.is_ascii_digit(),
    });
    if text.len() != 16 || !shape {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let days = days_from_civil(number(0, 4)?, number(4, 6)?, number(6, 8)?);
    Some(days * 86_400 + number(9, 11)? * 3600 + number(11, 13)? * 60 + number(13, 15)?)
}

/// Year, month and day of a day counted from 1970, in eras of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests;
