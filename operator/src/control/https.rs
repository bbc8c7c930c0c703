//! Requests to a store over HTTPS.
//!
//! Bounded in time and size, with one policy of retries: what a moment may cure is tried again at
//! once, everything else is the caller's next round.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};

use crate::control::error::retry_after;
use crate::control::transport::{NoAnswer, OWNER_HEADER, Transport};
use crate::error_chain::chain;

/// Largest answer: the rules of one namespace with the alerts that fire, or a page of a listing.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Pauses before the second and the third attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];
/// A store that asks for a longer pause is asked again in the caller's next round.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Gives the token that shows who we are.
pub trait TokenSource: Send + Sync + 'static {
    /// A token that is valid for a while still. The error says why there is none.
    fn token(&self) -> BoxFuture<'_, Result<String, String>>;

    /// Says that the store refused the last token, so that the next one is new.
    fn refused(&self);
}

/// The transport.
pub struct HttpsTransport {
    /// Base URL, without a slash at its end.
    url: String,
    client: reqwest::Client,
    tokens: Arc<dyn TokenSource>,
}

impl HttpsTransport {
    /// Calls the store at `url` with a client that trusts its authority and bounds the time of
    /// connections and requests, showing tokens of `tokens`.
    pub fn new(url: &str, client: reqwest::Client, tokens: Arc<dyn TokenSource>) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), client, tokens }
    }

    async fn attempt(
        &self,
        owner: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Failed> {
        let token = self.tokens.token().await.map_err(Failed::last)?;
        let url = format!("{}{}", self.url, request.uri());
        let bearer = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Failed::last("the token is no header's value".to_owned()))?;
        let sent = self
            .client
            .request(request.method().clone(), url)
            .headers(request.headers().clone())
            .header(AUTHORIZATION, bearer)
            .header(OWNER_HEADER, owner)
            .body(request.body().clone())
            .send()
            .await
            .map_err(|error| Failed { again: error.is_connect(), reason: chain(&error) })?;
        let (status, headers) = (sent.status(), sent.headers().clone());
        let body = read(sent).await.map_err(Failed::last)?;
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    async fn persist(
        &self,
        owner: &str,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, NoAnswer> {
        let mut pauses = PAUSES.iter();
        let mut token_renewed = false;
        loop {
            let answered = self.attempt(owner, &request).await;
            if let Ok(answer) = &answered
                && answer.status() == StatusCode::UNAUTHORIZED
                && !token_renewed
            {
                self.tokens.refused();
                token_renewed = true;
                continue;
            }
            let Some(pause) = pauses.next().and_then(|pause| pause_after(&answered, *pause)) else {
                return answered.map_err(|failed| NoAnswer(failed.reason));
            };
            tokio::time::sleep(pause).await;
        }
    }
}

impl fmt::Debug for HttpsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsTransport").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Transport for HttpsTransport {
    fn call(
        &self,
        owner: &str,
        request: Request<Bytes>,
    ) -> BoxFuture<'_, Result<Response<Bytes>, NoAnswer>> {
        let owner = owner.to_owned();
        Box::pin(async move { self.persist(&owner, request).await })
    }
}

/// An attempt without an answer.
#[derive(Debug)]
struct Failed {
    /// Whether nothing was sent, so that another attempt does no harm.
    again: bool,
    reason: String,
}

impl Failed {
    fn last(reason: String) -> Self {
        Self { again: false, reason }
    }
}

/// How long to wait before another attempt; `None`: this was the last.
fn pause_after(answered: &Result<Response<Bytes>, Failed>, pause: Duration) -> Option<Duration> {
    match answered {
        Err(failed) => failed.again.then_some(pause),
        Ok(answer) => {
            let passes = matches!(
                answer.status(),
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::INTERNAL_SERVER_ERROR
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
            );
            let asked = retry_after(answer.headers()).unwrap_or_default().max(pause);
            (passes && asked <= PAUSE_MAX).then_some(asked)
        }
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Bytes, String> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| chain(&error))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(format!("the answer exceeds the limit of {ANSWER_BYTES_MAX} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests;
