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

/// The body of a good answer; of another one, status and text as the reason.
pub async fn get(url: &Url, headers: Vec<(String, String)>) -> Result<String, String> {
    let config = HttpClientConfig { follow_redirects: Some(false), ..HttpClientConfig::default() };
    let client = HttpClient::new(&config)?;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        let value = HeaderValue::from_str(&value).map_err(|error| error.to_string())?;
        map.insert(name, value);
    }
    let ask = async {
        let mut response = client.get(url.as_str(), map).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(format!("more than {ANSWER_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        if response.status().is_success() {
            return Ok(text);
        }
        let told: String = text.chars().take(ERROR_CHARS_MAX).collect();
        Err(format!("HTTP status {}: {}", response.status(), told.trim()))
    };
    match timeout(ANSWER_TIMEOUT, ask).await {
        Ok(answer) => {
            answer.map_err(|reason| format!("{}: {reason}", url.host_str().unwrap_or("")))
        }
        Err(_) => Err(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs())),
    }
}
