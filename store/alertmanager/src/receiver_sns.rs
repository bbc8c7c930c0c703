//! Amazon SNS: Publish, form-encoded, signed.
//!
//! FIFO topics get a deduplication id of their own for each message (SNS swallows an id that it saw
//! in
//! the last five minutes) and the group as their message group.

use std::collections::BTreeMap;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::alertmanager_config::http::HttpConfig;
use protocol::alertmanager_config::receivers::SnsConfig;
use protocol::sigv4::{self, Credentials, Scope};
use sha2::{Digest, Sha256};
use templates::error::CallError;
use templates::functions_alert::alert_functions;
use templates::set::{Limits, TemplateSet};
use templates::value::Value;
use world::outbox::{OutboxError, OutboxRequest, OutboxResponse};

use crate::default_templates::template_data;
use crate::http_client::{self, ClientError};
use crate::notify::{Outcome, Try};
use crate::sns_message::{SnsMessage, sanitise};

/// The subject where none is given.
pub const DEFAULT_SUBJECT: &str = r#"{{ template "sns.default.subject" . }}"#;
/// The message where none is given.
pub const DEFAULT_MESSAGE: &str = r#"{{ template "sns.default.message" . }}"#;

/// All but the unreserved characters of RFC 3986: what AWS wants encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Longest error text that is kept of an answer.
const ERROR_CHARS_MAX: usize = 256;

/// Sends one message.
pub(crate) async fn send(
    attempt: &Try<'_>,
    config: &SnsConfig,
    http: &HttpConfig,
    templates: &TemplateSet,
) -> Outcome {
    let message = match render(attempt, config, templates) {
        Ok(message) => message,
        Err(reason) => return Outcome::Refused { reason },
    };
    let body = form(config, &message, attempt);
    match request(attempt, config, http, body).await {
        Ok(request) => outcome(attempt.manager.world.outbox.send(request).await),
        Err(error) => error.outcome(),
    }
}

/// The texts of a message. An error in a template is final: the same data fail again.
fn render(
    attempt: &Try<'_>,
    config: &SnsConfig,
    templates: &TemplateSet,
) -> Result<SnsMessage, String> {
    let route_label = |_: &str| Ok::<String, CallError>(String::new());
    let functions = alert_functions(attempt.manager.now_ms(), Arc::new(route_label));
    let templates = templates.with_functions(functions);
    let data = template_data(attempt.data);
    let text = |template: &str, data: &Value| {
        let rendered = templates.render_text(template, data, &Limits::DEFAULT);
        rendered.map_err(|error| error.to_string())
    };
    let subject = text(config.subject.as_deref().unwrap_or(DEFAULT_SUBJECT), &data)?;
    let message = text(config.message.as_deref().unwrap_or(DEFAULT_MESSAGE), &data)?;
    let mut attributes = BTreeMap::new();
    for (name, value) in &config.attributes {
        attributes.insert(text(name, &data)?, text(value, &data)?);
    }
    Ok(sanitise(&subject, &message, attributes, is_set(config.phone_number.as_ref())))
}

fn is_set(field: Option<&String>) -> bool {
    field.is_some_and(|text| !text.is_empty())
}

/// The body of the request.
fn form(config: &SnsConfig, message: &SnsMessage, attempt: &Try<'_>) -> String {
    let mut fields: Vec<(String, &str)> =
        vec![("Action".to_owned(), "Publish"), ("Version".to_owned(), "2010-03-31")];
    for (name, value) in [
        ("TopicArn", &config.topic_arn),
        ("TargetArn", &config.target_arn),
        ("PhoneNumber", &config.phone_number),
    ] {
        let value = value.as_deref().filter(|value| !value.is_empty());
        fields.extend(value.map(|value| (name.to_owned(), value)));
    }
    fields.push(("Message".to_owned(), &message.message));
    fields.extend(message.subject.as_deref().map(|subject| ("Subject".to_owned(), subject)));
    for (number, (name, value)) in (1..).zip(&message.attributes) {
        let entry = format!("MessageAttributes.entry.{number}");
        fields.push((format!("{entry}.Name"), name));
        fields.push((format!("{entry}.Value.DataType"), "String"));
        fields.push((format!("{entry}.Value.StringValue"), value));
    }
    let group = hex::encode(Sha256::digest(attempt.delivery.key.group_key.as_bytes()));
    if config.topic_arn.as_ref().is_some_and(|topic| topic.strip_suffix(".fifo").is_some()) {
        fields.push(("MessageGroupId".to_owned(), &group));
        let id = attempt.delivery.idempotency_key.as_str();
        fields.push(("MessageDeduplicationId".to_owned(), id));
    }
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

async fn request(
    attempt: &Try<'_>,
    config: &SnsConfig,
    http: &HttpConfig,
    body: String,
) -> Result<OutboxRequest, ClientError> {
    let manager = attempt.manager;
    let region = config.sigv4.region.as_deref().unwrap_or_default();
    let given = manager.options.sns_endpoint.clone().or_else(|| config.api_url.clone());
    let url = given.unwrap_or_else(|| endpoint(region));
    // An endpoint given by the machine's owner may be anywhere; a tenant's may not.
    let trusted = manager.options.sns_endpoint.is_some() || manager.options.allow_private_receivers;
    http_client::check_url(&url, trusted)?;
    let uri: http::Uri =
        url.parse().map_err(|_| ClientError::Url("the URL is not valid".into()))?;
    let host = uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    let secrets = &*manager.ports.secrets;
    let credentials = credentials(attempt, config).await?;
    let content_type = "application/x-www-form-urlencoded; charset=utf-8";
    let mut headers =
        vec![("content-type".to_owned(), content_type.to_owned()), ("host".to_owned(), host)];
    let body_hash = sigv4::body_hash(body.as_bytes());
    let request = sigv4::Request {
        method: "POST",
        path: uri.path(),
        query: uri.query().unwrap_or(""),
        headers: &headers,
        body_hash: &body_hash,
    };
    let scope = Scope { region, service: "sns" };
    let signed = sigv4::sign(request, &credentials, scope, manager.now_ms().div_euclid(1000));
    // The connection writes the host itself.
    headers.pop();
    headers.extend(signed);
    headers.push(("user-agent".to_owned(), format!("Hearth/{}", manager.options.version)));
    Ok(OutboxRequest {
        method: "POST".to_owned(),
        url,
        headers,
        body: body.into(),
        timeout: attempt.timeout,
        options: http_client::options(secrets, http, trusted).await?,
    })
}

async fn credentials(attempt: &Try<'_>, config: &SnsConfig) -> Result<Credentials, ClientError> {
    let ports = &attempt.manager.ports;
    match (&config.sigv4.access_key, &config.sigv4.secret_key) {
        (Some(access_key), Some(secret_key)) => Ok(Credentials {
            access_key_id: access_key.clone(),
            secret_access_key: http_client::reveal(&*ports.secrets, secret_key).await?,
            session_token: None,
        }),
        _ => Ok(ports.credentials.credentials().await?),
    }
}

/// AWS's endpoint of a region.
fn endpoint(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://sns.{region}.{suffix}/")
}

/// What an answer means. Throttling comes with status 400 and 403 from AWS.
fn outcome(answer: Result<OutboxResponse, OutboxError>) -> Outcome {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return crate::receiver_webhook::outcome(Err(error)),
    };
    let status = response.status;
    if (200..300).contains(&status) {
        return Outcome::Taken;
    }
    let text = String::from_utf8_lossy(&response.body);
    let told = element(&text, "Message").unwrap_or(&text);
    let code = element(&text, "Code").unwrap_or("");
    let told: String = told.chars().take(ERROR_CHARS_MAX).collect();
    let reason = format!("SNS answered {status} {code}: {}", told.trim());
    let throttled = code.contains("Throttl") || code.contains("TooManyRequests");
    if status >= 500 || status == 429 || throttled {
        Outcome::Retry { reason, after: None }
    } else {
        Outcome::Refused { reason }
    }
}

/// The text of the first element of this name in an XML answer.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_sns_are_told_apart() {
        let answer = |status, code: &str| {
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
                 <Message>because</Message></Error></ErrorResponse>"
            );
            outcome(Ok(OutboxResponse { status, headers: Vec::new(), body: body.into() }))
        };
        assert_eq!(answer(200, ""), Outcome::Taken);
        let reason = "SNS answered 404 NotFound: because".to_owned();
        assert_eq!(answer(404, "NotFound"), Outcome::Refused { reason });
        for (status, code) in [(503, "Down"), (400, "Throttling"), (429, "TooManyRequests")] {
            assert!(matches!(answer(status, code), Outcome::Retry { .. }), "{status} {code}");
        }
    }

    #[test]
    fn regions_have_their_endpoints() {
        assert_eq!(endpoint("eu-west-1"), "https://sns.eu-west-1.amazonaws.com/");
        assert_eq!(endpoint("cn-north-1"), "https://sns.cn-north-1.amazonaws.com.cn/");
    }
}
