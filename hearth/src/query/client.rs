//! Asks a store's query API over HTTP.

use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::Response;

use crate::cli::QueryArgs;
use crate::query::answer::Answer;

/// An answer larger than this does not fit a terminal anyway.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The store gives up after two minutes by itself.
const TIMEOUT: Duration = Duration::from_secs(150);

/// Posts a form and reads the answer, an error of the API included.
pub async fn ask(args: &QueryArgs, url: &str, form: &[(&str, String)]) -> anyhow::Result<Answer> {
    let mut client = reqwest::Client::builder().timeout(TIMEOUT);
    if let Some(file) = &args.ca_file {
        let read = || anyhow::Ok(reqwest::Certificate::from_pem_bundle(&std::fs::read(file)?)?);
        let trusted = read().with_context(|| format!("--ca-file {}", file.display()))?;
        client = client.tls_certs_only(trusted);
    }
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let body: Vec<String> =
        form.iter().map(|(key, value)| format!("{key}={}", encode(value))).collect();
    let mut request = client
        .build()?
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.join("&"));
    if let Some(file) = &args.token_file {
        let token = std::fs::read_to_string(file);
        let token = token.with_context(|| format!("--token-file {}", file.display()))?;
        request = request.bearer_auth(token.trim());
    }
    let response = request
        .send()
        .await
        .with_context(|| format!("no answer from {url}; does Hearth run there?"))?;
    let status = response.status();
    let bytes = bounded(response).await?;
    serde_json::from_slice(&bytes).with_context(|| {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        format!("{url} answered {status} with something else than the query API's JSON: {text}")
    })
}

async fn bounded(mut response: Response) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            bail!("the answer exceeds the limit of {ANSWER_BYTES_MAX} bytes; ask for less");
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
