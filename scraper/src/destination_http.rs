//! A destination over the network.

use bytes::Bytes;
use futures::future::BoxFuture;
use protocol::http_config::HttpClientConfig;

use crate::destination::WriteDestination;
use crate::http_client::HttpClient;
use crate::error_chain::chain;

/// Bytes of an answer that are kept: enough for the receiver's reason.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Posts to one URL.
pub struct HttpDestination {
    url: String,
    client: HttpClient,
}

impl HttpDestination {
    /// Towards `url`, with the credentials, headers and TLS of `config`. `Err`: why that cannot be.
    pub fn new(url: &str, config: &HttpClientConfig) -> Result<Self, String> {
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("{url:?}: {error}"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(format!("{url:?} begins with neither http:// nor https://"));
        }
        Ok(Self { url: url.to_owned(), client: HttpClient::new(config)? })
    }
}

impl WriteDestination for HttpDestination {
    fn write(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, String>> {
        Box::pin(async move {
            let mut answer = self.client.send(&self.url, request).await?;
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(|error| chain(&error))? {
                let room = ANSWER_BYTES_MAX - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if body.len() == ANSWER_BYTES_MAX {
                    break;
                }
            }
            let mut response = http::Response::new(Bytes::from(body));
            *response.status_mut() = answer.status();
            *response.headers_mut() = std::mem::take(answer.headers_mut());
            Ok(response)
        })
    }
}
