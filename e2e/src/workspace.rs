//! A workspace in the cluster, as its users reach it.

use std::time::Duration;

use serde_json::Value;

use crate::install;
use crate::kubernetes::{Namespace, must};
use crate::process::install_crypto;

/// A client with one token.
pub struct WorkspaceClient {
    /// `https://STORE:9090/workspaces/ID`
    pub url: String,
    token: String,
    client: reqwest::Client,
}

impl WorkspaceClient {
    /// Of a Workspace that is ready, with a token of an account in the given namespace.
    pub async fn of(workspace: &Namespace, name: &str, account: (&Namespace, &str)) -> Self {
        let object = workspace.get("workspace", name).await.expect("the workspace is there");
        let url = object["status"]["prometheusEndpoint"].as_str();
        let url = url.unwrap_or_else(|| panic!("no endpoint: {}", object["status"]));
        let token = account.0.token(account.1, install::AUDIENCE).await;
        Self::new(url, &token).await
    }

    /// At this address with this token, trusting the default store's authority.
    pub async fn new(url: &str, token: &str) -> Self {
        Self::trusting(&authority().await, url, token)
    }

    /// At this address with this token, trusting these authorities, PEM.
    pub fn trusting(authorities: &[u8], url: &str, token: &str) -> Self {
        install_crypto();
        let authorities = reqwest::Certificate::from_pem_bundle(authorities);
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .tls_certs_only(authorities.expect("ca.crt is PEM"))
            .build()
            .expect("plain options");
        Self { url: url.trim_end_matches('/').to_owned(), token: token.to_owned(), client }
    }

    /// The same address with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { url: self.url.clone(), token: token.to_owned(), client: self.client.clone() }
    }

    /// Status and body of a request below the workspace.
    pub async fn call(&self, method: &str, path: &str, body: &str) -> Result<(u16, Value), String> {
        let method = method.parse().map_err(|_| format!("no method {method}"))?;
        let request = self.client.request(method, format!("{}{path}", self.url));
        let request = request.bearer_auth(&self.token);
        let request = match body {
            "" => request,
            body => request.header("content-type", "application/json").body(body.to_owned()),
        };
        answer(request).await
    }

    /// An instant query's result list.
    pub async fn query(&self, expr: &str) -> Result<Vec<Value>, String> {
        let path = format!("/api/v1/query?query={}", crate::process::escape(expr));
        let (status, answer) = self.call("GET", &path, "").await?;
        let result = answer["data"]["result"].as_array().cloned();
        result.filter(|_| status == 200).ok_or_else(|| format!("{status}: {answer}"))
    }

    /// A result with at least one element.
    pub async fn some(&self, expr: &str) -> Result<Vec<Value>, String> {
        let result = self.query(expr).await?;
        if result.is_empty() { Err(format!("nothing at {expr}")) } else { Ok(result) }
    }

    /// The first element's value.
    pub async fn value(&self, expr: &str) -> Result<f64, String> {
        let result = self.some(expr).await?;
        let text = result[0]["value"][1].as_str().unwrap_or_default();
        text.parse().map_err(|_| format!("no number: {text}"))
    }

    /// Remote write 1.0 of a body that is compressed already.
    pub async fn write(&self, body: Vec<u8>) -> Result<(u16, Value), String> {
        let request = self.client.post(format!("{}/api/v1/remote_write", self.url)).body(body);
        let request = request
            .bearer_auth(&self.token)
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .header("x-prometheus-remote-write-version", "0.1.0");
        answer(request).await
    }
}

/// What clients of the default store trust, PEM.
pub async fn authority() -> Vec<u8> {
    let path = "jsonpath={.data.ca\\.crt}";
    let args = ["-n", install::NAMESPACE, "get", "secret", "hearth-store-tls", "-o", path];
    crate::base64::decode(must(&args).await.trim())
}

async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Value), String> {
    let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}
