//! What `http_config` means for a request.

use protocol::alertmanager_config::http::HttpConfig;
use protocol::alertmanager_config::secret::SecretText;
use world::outbox::OutboxOptions;
use world::public_addresses::is_private_host;

use crate::notify::Outcome;
use crate::ports::{PortError, SecretsPort};

/// Why a request could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// A secret or credentials could not be had; they may come.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The place is not one, or not allowed.
    #[error("{0}")]
    Url(String),
}

impl ClientError {
    /// What it means for a message.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::Port(error) => Outcome::Retry { reason: error.to_string(), after: None },
            Self::Url(reason) => Outcome::Refused { reason },
        }
    }
}

/// The value behind a secret text.
pub(crate) async fn reveal(
    secrets: &dyn SecretsPort,
    text: &SecretText,
) -> Result<String, PortError> {
    match text {
        SecretText::Inline(text) => Ok(text.expose().to_owned()),
        SecretText::Reference(reference) => secrets.secret(reference).await,
    }
}

/// The headers that a client adds.
pub(crate) async fn headers(
    secrets: &dyn SecretsPort,
    http: &HttpConfig,
) -> Result<Vec<(String, String)>, PortError> {
    let mut headers = Vec::new();
    for (name, header) in &http.http_headers {
        for value in &header.values {
            headers.push((name.clone(), value.clone()));
        }
        for secret in &header.secrets {
            headers.push((name.clone(), reveal(secrets, secret).await?));
        }
    }
    if let Some(auth) = &http.basic_auth {
        let empty = SecretText::default();
        let user = reveal(secrets, auth.username.as_ref().unwrap_or(&empty)).await?;
        let password = reveal(secrets, auth.password.as_ref().unwrap_or(&empty)).await?;
        headers.push(("authorization".to_owned(), basic_auth(&user, &password)));
    }
    if let Some(auth) = &http.authorization
        && let Some(credentials) = &auth.credentials
    {
        let kind = auth.kind.as_deref().unwrap_or("Bearer").trim();
        let value = format!("{kind} {}", reveal(secrets, credentials).await?.trim());
        headers.push(("authorization".to_owned(), value));
    }
    if let Some(token) = &http.bearer_token {
        let value = format!("Bearer {}", reveal(secrets, token).await?.trim());
        headers.push(("authorization".to_owned(), value));
    }
    Ok(headers)
}

/// How the connection is made; to addresses in the open only, unless others are allowed.
pub(crate) async fn options(
    secrets: &dyn SecretsPort,
    http: &HttpConfig,
    allow_private: bool,
) -> Result<OutboxOptions, PortError> {
    let mut options = OutboxOptions {
        public_only: !allow_private,
        follow_redirects: http.follow_redirects,
        proxy_url: http.proxy_url.clone(),
        ..OutboxOptions::default()
    };
    if let Some(tls) = &http.tls_config {
        options.insecure_skip_verify = tls.insecure_skip_verify;
        options.server_name.clone_from(&tls.server_name);
        if let Some(ca) = &tls.ca {
            options.ca_pem = Some(reveal(secrets, ca).await?);
        }
        if let (Some(cert), Some(key)) = (&tls.cert, &tls.key) {
            let cert = reveal(secrets, cert).await?;
            options.identity_pem = Some(format!("{cert}\n{}", reveal(secrets, key).await?));
        }
    }
    Ok(options)
}

/// Whether a tenant's URL may be called.
///
/// Where private receivers are not allowed, addresses written as numbers and the name `localhost`
/// are refused here; the outbox judges what names resolve to and where redirects lead.
pub fn check_url(url: &str, allow_private: bool) -> Result<(), ClientError> {
    let refuse = |reason: &str| Err(ClientError::Url(reason.to_owned()));
    let Ok(uri) = url.parse::<http::Uri>() else {
        return refuse("the URL is not valid");
    };
    let Some(host) = uri.host().filter(|host| !host.is_empty()) else {
        return refuse("the URL has no host");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return refuse("unsupported scheme for URL, http and https are known");
    }
    if !allow_private && is_private_host(host) {
        return refuse("the URL points to a private address, which receivers may not use here");
    }
    Ok(())
}

fn basic_auth(user: &str, password: &str) -> String {
    use base64::Engine;
    let pair = format!("{user}:{password}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

#[cfg(test)]
mod tests {
    use futures::future::BoxFuture;
    use protocol::alertmanager_config::secret::SecretRef;

    use super::*;

    #[test]
    fn private_places_are_refused_where_asked() {
        for url in [
            "http://127.0.0.1/",
            "http://10.1.2.3:8080/x",
            "http://169.254.169.254/latest/meta-data",
            "http://[::1]/",
            "http://[fd00::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://LOCALHOST/",
            "http://a.localhost./",
            "http://100.64.0.1/",
            "http://127.1/",
            "http://0x7f000001/",
            "http://2130706433/",
        ] {
            assert!(check_url(url, false).is_err(), "{url}");
            assert!(check_url(url, true).is_ok(), "{url}");
        }
        for url in ["https://hooks.example.com/x", "http://8.8.8.8/", "http://[2001:db8::1]/"] {
            assert!(check_url(url, false).is_ok(), "{url}");
        }
        for url in ["", "ftp://x/", "http:///x", "x", "http://a b/"] {
            assert!(check_url(url, true).is_err(), "{url}");
        }
    }

    struct NoSecrets;

    impl SecretsPort for NoSecrets {
        fn secret(&self, _: &SecretRef) -> BoxFuture<'_, Result<String, PortError>> {
            panic!("none is named")
        }
    }

    #[tokio::test]
    async fn the_outbox_is_held_to_what_is_allowed_here() {
        for allow_private in [true, false] {
            let options = options(&NoSecrets, &HttpConfig::default(), allow_private).await;
            assert_eq!(options.map(|options| options.public_only), Ok(!allow_private));
        }
    }
}
