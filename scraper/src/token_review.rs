//! Who asks for the report: a token, reviewed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::{Instant, timeout};

/// How long an answer counts: a token that is taken back is refused soon after.
const KEEP: Duration = Duration::from_secs(10);
/// Tokens remembered: only operators ask, and strangers must not fill the memory.
const KEPT_MAX: usize = 64;
/// For one review.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a token; longer ones are refused unasked.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// Why nobody is let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// No token or a bad one.
    #[error("{0}")]
    Unauthenticated(String),
    /// The API server gives no verdict: nobody comes in.
    #[error("the API server gives no verdict on the token: {0}")]
    Unavailable(String),
}

/// Tells whose token it is.
pub trait TokenReviews: Send + Sync {
    /// The user's name, for example `system:serviceaccount:NAMESPACE:NAME`.
    fn user<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<String, ReviewError>>;
}

/// Asks the API server, and remembers good answers for a few seconds.
pub struct ApiTokenReviews {
    api: Api<TokenReview>,
    audience: String,
    kept: Mutex<HashMap<String, (Instant, String)>>,
}

impl ApiTokenReviews {
    /// Tokens have to be made for this audience.
    pub fn new(client: Client, audience: String) -> Self {
        Self { api: Api::all(client), audience, kept: Mutex::default() }
    }

    async fn ask(&self, token: &str) -> Result<String, ReviewError> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                audiences: Some(vec![self.audience.clone()]),
                token: Some(token.to_owned()),
            },
            ..TokenReview::default()
        };
        let asked = PostParams::default();
        let answer = timeout(ASK_TIMEOUT, self.api.create(&asked, &review)).await;
        let answer = answer
            .map_err(|_| ReviewError::Unavailable(format!("no answer in {ASK_TIMEOUT:?}")))?
            .map_err(|error| ReviewError::Unavailable(error.to_string()))?;
        user_of(answer.status.unwrap_or_default(), &self.audience)
    }
}

impl TokenReviews for ApiTokenReviews {
    fn user<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<String, ReviewError>> {
        Box::pin(async move {
            if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
                let reason = "a bearer token is needed, of at most 16 KiB".to_owned();
                return Err(ReviewError::Unauthenticated(reason));
            }
            {
                let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((since, user)) = kept.get(token)
                    && since.elapsed() < KEEP
                {
                    return Ok(user.clone());
                }
            }
            let user = self.ask(token).await?;
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT_MAX {
                kept.retain(|_, (since, _)| since.elapsed() < KEEP);
            }
            if kept.len() < KEPT_MAX {
                kept.insert(token.to_owned(), (Instant::now(), user.clone()));
            }
            Ok(user)
        })
    }
}

/// An API server that does not know audiences answers without them: then the token proves nothing.
fn user_of(status: TokenReviewStatus, audience: &str) -> Result<String, ReviewError> {
    let refused = |reason: String| Err(ReviewError::Unauthenticated(reason));
    if status.authenticated != Some(true) {
        let why = status.error.unwrap_or_else(|| "not authenticated".to_owned());
        return refused(format!("the token is not good: {why}"));
    }
    if !status.audiences.iter().flatten().any(|found| found == audience) {
        return refused(format!("the token is not made for the audience {audience:?}"));
    }
    match status.user.and_then(|user| user.username) {
        Some(user) if !user.is_empty() => Ok(user),
        _ => refused("the token names no user".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::authentication::v1::UserInfo;

    use super::*;

    fn status(authenticated: bool, audiences: &[&str], user: &str) -> TokenReviewStatus {
        TokenReviewStatus {
            authenticated: Some(authenticated),
            audiences: Some(audiences.iter().map(|a| (*a).to_owned()).collect()),
            user: Some(UserInfo { username: Some(user.to_owned()), ..UserInfo::default() }),
            ..TokenReviewStatus::default()
        }
    }

    #[test]
    fn only_a_good_token_of_the_audience_names_a_user() {
        assert_eq!(user_of(status(true, &["a", "b"], "u"), "b"), Ok("u".to_owned()));
        for bad in [status(false, &["b"], "u"), status(true, &["a"], "u"), status(true, &["b"], "")]
        {
            assert!(user_of(bad, "b").is_err());
        }
        assert!(user_of(TokenReviewStatus::default(), "b").is_err());
    }
}
