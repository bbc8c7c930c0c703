//! What errors show of a URL.

use reqwest::Url;

/// Host and port: the rest may hold a secret.
pub(crate) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or("(no host)");
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
