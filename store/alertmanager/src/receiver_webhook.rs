//! Webhooks: Alertmanager's JSON, version 4, by HTTP POST.
//!
//! 2xx is success; 429, 5xx and no answer are worth another try; anything else is final. The header
//! `Idempotency-Key` is the same for the same message, also after a restart.

use std::time::Duration;

use protocol::alertmanager_config::http::HttpConfig;
use protocol::alertmanager_config::receivers::WebhookConfig;
use protocol::alertmanager_config::secret::SecretText;
use world::outbox::{OutboxError, OutboxRequest, OutboxResponse};

use crate::http_client::{self, ClientError};
use crate::notify::{Outcome, Try};

/// Sends one message.
pub(crate) async fn send(attempt: &Try<'_>, config: &WebhookConfig, http: &HttpConfig) -> Outcome {
    let request = match request(attempt, config, http).await {
        Ok(request) => request,
        Err(error) => return error.outcome(),
    };
    outcome(attempt.manager.world.outbox.send(request).await)
}

async fn request(
    attempt: &Try<'_>,
    config: &WebhookConfig,
    http: &HttpConfig,
) -> Result<OutboxRequest, ClientError> {
    let manager = attempt.manager;
    let empty = SecretText::default();
    let secrets = &*manager.ports.secrets;
    let url = http_client::reveal(secrets, config.url.as_ref().unwrap_or(&empty)).await?;
    let allow_private = manager.options.allow_private_receivers;
    http_client::check_url(&url, allow_private)?;
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("user-agent".to_owned(), format!("Hearth/{}", manager.options.version)),
        ("idempotency-key".to_owned(), attempt.delivery.idempotency_key.clone()),
    ];
    headers.extend(http_client::headers(secrets, http).await?);
    let own_timeout = config.timeout.filter(|timeout| !timeout.is_zero());
    let timeout = own_timeout.map_or(attempt.timeout, |own| own.as_std().min(attempt.timeout));
    Ok(OutboxRequest {
        method: "POST".to_owned(),
        url,
        headers,
        body: attempt.data.webhook_body(&attempt.delivery.key.group_key, config.max_alerts).into(),
        timeout,
        options: http_client::options(secrets, http, allow_private).await?,
    })
}

/// What an answer means.
pub(crate) fn outcome(answer: Result<OutboxResponse, OutboxError>) -> Outcome {
    let response = match answer {
        Ok(response) => response,
        Err(error @ OutboxError::Invalid { .. }) => {
            // The error may name the URL, which may hold a secret.
            let OutboxError::Invalid { reason, .. } = error else { unreachable!("matched above") };
            return Outcome::Refused { reason: format!("request is not valid: {reason}") };
        }
        Err(error @ OutboxError::Unreachable { .. }) => {
            return Outcome::Retry { reason: error.to_string(), after: None };
        }
    };
    let status = response.status;
    if (200..300).contains(&status) {
        return Outcome::Taken;
    }
    let text = String::from_utf8_lossy(&response.body[..response.body.len().min(256)]);
    let reason = format!("unexpected status code {status}: {}", text.trim());
    if status == 429 || status >= 500 {
        let header = response.headers.iter().find(|(name, _)| name == "retry-after");
        let seconds = header.and_then(|(_, value)| value.trim().parse::<u64>().ok());
        return Outcome::Retry { reason, after: seconds.map(Duration::from_secs) };
    }
    Outcome::Refused { reason }
}
