//! Targets asked for over HTTP.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use protocol::scrape_config_discovery::HttpSdConfig;
use tokio::time::{sleep, timeout};

use crate::discovery_document::{DOCUMENT_BYTES_MAX, parse_groups, refresh};
use crate::discovery_news::Teller;
use crate::http_client::HttpClient;
use crate::target_labels::TargetGroup;

/// How often where nothing is configured.
const DEFAULT_REFRESH: Duration = Duration::from_mins(1);
/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The label that says which URL a target was learnt from.
const META_LABEL: &str = "__meta_url";

/// Runs until nobody listens. What was found last stays while the URL fails.
pub async fn run(config: HttpSdConfig, teller: Teller) {
    let refresh = refresh(config.refresh_interval, DEFAULT_REFRESH);
    let client = match HttpClient::new(&config.http_client()) {
        Ok(client) => client,
        Err(reason) => {
            teller.tell_all(Err(reason)).await;
            return;
        }
    };
    loop {
        let found = match timeout(ANSWER_TIMEOUT, ask(&client, &config.url, refresh)).await {
            Ok(found) => found,
            Err(_) => Err(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs())),
        };
        let found = found.map_err(|reason| format!("{}: {reason}", config.url));
        if !teller.tell_all(found).await {
            return;
        }
        sleep(refresh).await;
    }
}

async fn ask(
    client: &HttpClient,
    url: &str,
    refresh: Duration,
) -> Result<Vec<TargetGroup>, String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Ok(seconds) = HeaderValue::from_str(&refresh.as_secs_f64().to_string()) {
        headers.insert("x-prometheus-refresh-interval-seconds", seconds);
    }
    let mut response = client.get(url, headers).await?;
    if response.status() != StatusCode::OK {
        return Err(format!("server returned HTTP status {}", response.status()));
    }
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = content_type.split(';').next().unwrap_or("").trim();
    if !media.eq_ignore_ascii_case("application/json") {
        return Err(format!("the Content-Type is {content_type:?}, not application/json"));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
        if body.len() + chunk.len() > DOCUMENT_BYTES_MAX {
            return Err(format!("more than {DOCUMENT_BYTES_MAX} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(body).map_err(|error| error.to_string())?;
    parse_groups(&text, true, url, META_LABEL)
}
