//! One GET to an API of AWS.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use protocol::http_config::HttpClientConfig;
use reqwest::Url;
use tokio::time::timeout;

use crate::http_client::HttpClient;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer: a description of a cluster is a few kilobytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Characters of an error that are told.
const ERROR_CHARS_MAX: usize = 300;

/// Why there is no good answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AwsFault {
    /// It said no.
    #[error("{host}: HTTP status {status}: {text}")]
    Refused {
        /// Who.
        host: String,
        /// How.
        status: u16,
        /// In its words, shortened.
        text: String,
    },
    /// It could not be asked, or not be understood.
    #[error("{host}: {reason}")]
    Unreachable {
        /// Who.
        host: String,
        /// What happened.
        reason: String,
    },
}

/// The body of a good answer.
pub async fn get(url: &Url, headers: Vec<(String, String)>) -> Result<String, AwsFault> {
    let host = url.host_str().unwrap_or("").to_owned();
    let answer = match timeout(ANSWER_TIMEOUT, ask(url, headers)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs())),
    };
    match answer {
        Ok((200..=299, text)) => Ok(text),
        Ok((status, text)) => {
            let text: String = text.trim().chars().take(ERROR_CHARS_MAX).collect();
            Err(AwsFault::Refused { host, status, text })
        }
        Err(reason) => Err(AwsFault::Unreachable { host, reason }),
    }
}

/// Status and text of any answer.
async fn ask(url: &Url, headers: Vec<(String, String)>) -> Result<(u16, String), String> {
    let config = HttpClientConfig { follow_redirects: Some(false), ..HttpClientConfig::default() };
    let client = HttpClient::new(&config)?;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        let value = HeaderValue::from_str(&value).map_err(|error| error.to_string())?;
        map.insert(name, value);
    }
    let mut response = client.get(url.as_str(), map).await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(format!("more than {ANSWER_BYTES_MAX} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
}
