//! Whose token: asks a Kubernetes API server.
//!
//! For every role that is asked by others: the store by collectors and people, the collector by the
//! operator.

use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::authentication::v1::{
    TokenReview, TokenReviewSpec, TokenReviewStatus, UserInfo,
};
use kube::api::PostParams;
use kube::{Api, Client, Config};
use scraper::error_chain::chain;
use store::http::access::reviews::Identity;

/// For one review, connecting included. An API server answers in milliseconds; whoever asks us
/// waits meanwhile.
pub const REVIEW_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// The token is no good, and why.
    #[error("{0}")]
    Refused(String),
    /// Nobody could say whether it is.
    #[error("{0}")]
    Unavailable(String),
}

/// Reviews tokens.
#[derive(Clone)]
pub struct TokenReviews {
    api: Api<TokenReview>,
}

impl TokenReviews {
    /// Asks by this client, which should not retry: see [`client`].
    pub fn new(client: Client) -> Self {
        Self { api: Api::all(client) }
    }

    /// Whose token this is, where it is valid now and was made for this audience.
    pub async fn review(&self, token: &str, audience: &str) -> Result<Identity, TokenFault> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: Some(token.to_owned()),
                audiences: Some(vec![audience.to_owned()]),
            },
            ..TokenReview::default()
        };
        let asked = within(self.api.create(&PostParams::default(), &review)).await;
        let answered = asked.map_err(TokenFault::Unavailable)?;
        identity(answered.status.unwrap_or_default(), audience)
    }
}

/// A client of the cluster we run in, or of KUBECONFIG's. It never retries: whoever waits for the
/// answer waits for seconds only.
pub async fn client() -> anyhow::Result<Client> {
    let config = Config::infer().await.context(
        "there is no Kubernetes API server to ask: run in a pod with a service account's token, \
         or set KUBECONFIG",
    )?;
    client_of(config)
}

/// The same, of a configuration at hand.
pub fn client_of(mut config: Config) -> anyhow::Result<Client> {
    config.default_retry = false;
    config.connect_timeout = Some(REVIEW_TIMEOUT);
    Client::try_from(config).context("the Kubernetes client")
}

/// The answer in time, or why there is none, with the cure.
pub async fn within<T>(asking: impl Future<Output = Result<T, kube::Error>>) -> Result<T, String> {
    match tokio::time::timeout(REVIEW_TIMEOUT, asking).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => Err(format!(
            "{}; bind the service account of this pod to a ClusterRole that may create \
             tokenreviews and subjectaccessreviews",
            status.message
        )),
        Ok(Err(error)) => Err(chain(&error)),
        Err(_) => Err(format!("no answer within {} seconds", REVIEW_TIMEOUT.as_secs())),
    }
}

/// What the status of a review says. An API server that knows nothing of audiences leaves them
/// out; it would take a token that was made for somebody else.
fn identity(status: TokenReviewStatus, audience: &str) -> Result<Identity, TokenFault> {
    if status.authenticated != Some(true) {
        let reason = status.error.unwrap_or_else(|| "it is not valid".to_owned());
        return Err(TokenFault::Refused(reason));
    }
    let audiences = status.audiences.unwrap_or_default();
    if !audiences.iter().any(|known| known == audience) {
        let reason = format!("it is for the audiences {audiences:?}, not for {audience:?}");
        return Err(TokenFault::Refused(reason));
    }
    let UserInfo { username, uid, groups, extra } = status.user.unwrap_or_default();
    match username {
        Some(user) if !user.is_empty() => Ok(Identity {
            user,
            uid: uid.unwrap_or_default(),
            groups: groups.unwrap_or_default(),
            extra: extra.unwrap_or_default(),
        }),
        _ => Err(TokenFault::Refused("the API server names no user for it".to_owned())),
    }
}
