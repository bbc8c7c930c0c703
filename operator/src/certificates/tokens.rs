//! Tokens of the operator's own service account.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::{Api, ObjectMeta, PostParams};

use crate::runtime::context::Clock;
use crate::runtime::error::ReconcileError;
use crate::settings::OperatorSettings;

/// How long a token is asked to be valid; the API server gives at least ten minutes.
const LIFE_SECONDS: i64 = 3600;
/// Audiences kept at most: one a Store, and the collectors'.
const AUDIENCES_MAX: usize = 1024;

/// Tokens by audience, asked for when needed and renewed after 80 % of their lives.
pub struct Tokens {
    api: Api<ServiceAccount>,
    account: String,
    clock: Arc<dyn Clock>,
    known: Mutex<BTreeMap<String, Token>>,
}

#[derive(Clone)]
struct Token {
    text: String,
    renewal: Timestamp,
}

impl Tokens {
    /// No token yet.
    pub fn new(client: kube::Client, settings: &OperatorSettings, clock: Arc<dyn Clock>) -> Self {
        let api = Api::namespaced(client, &settings.namespace);
        let account = settings.service_account.clone();
        Self { api, account, clock, known: Mutex::default() }
    }

    /// A token for this audience.
    ///
    /// # Errors
    /// What the API server says; the right to `create` `serviceaccounts/token` may be missing.
    pub async fn get(&self, audience: &str) -> Result<String, ReconcileError> {
        let now = self.clock.now();
        if let Some(token) = self.known(audience).filter(|token| now < token.renewal) {
            return Ok(token.text);
        }
        let request = TokenRequest {
            metadata: ObjectMeta::default(),
            spec: TokenRequestSpec {
                audiences: vec![audience.to_owned()],
                expiration_seconds: Some(LIFE_SECONDS),
                bound_object_ref: None,
            },
            status: None,
        };
        let doing = format!("get a token for {audience}");
        let answer = self
            .api
            .create_token_request(&self.account, &PostParams::default(), &request)
            .await
            .map_err(ReconcileError::api(doing.clone()))?;
        let status = answer.status.ok_or_else(|| ReconcileError::Remote {
            reason: "NoToken",
            message: format!("could not {doing}: the API server's answer holds none"),
        })?;
        let renewal = renewal(now, status.expiration_timestamp.0);
        self.remember(audience, Token { text: status.token.clone(), renewal });
        Ok(status.token)
    }

    /// Forgets the token of an audience: its receiver refused it.
    pub fn forget(&self, audience: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(audience);
    }

    fn known(&self, audience: &str) -> Option<Token> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(audience).cloned()
    }

    fn remember(&self, audience: &str, token: Token) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= AUDIENCES_MAX {
            known.clear();
        }
        known.insert(audience.to_owned(), token);
    }
}

/// After 80 % of a life that begins now.
fn renewal(now: Timestamp, end: Timestamp) -> Timestamp {
    now + SignedDuration::from_secs(end.duration_since(now).as_secs() * 4 / 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_while_a_fifth_of_its_life_is_left() {
        let now = Timestamp::from_second(1000).unwrap();
        assert_eq!(renewal(now, now + SignedDuration::from_secs(3600)).as_second(), 1000 + 2880);
        let past = now - SignedDuration::from_secs(10);
        assert!(renewal(now, past) <= now, "a token that is over is not used again");
    }
}
