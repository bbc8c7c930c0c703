//! AWS credentials: keys, the pod's identity, an assumed role.

use std::sync::Arc;

use protocol::sigv4::{self, Credentials, Request, Scope};
use reqwest::Url;
use tokio::sync::Mutex;

use crate::clock::WallClock;
use crate::kubernetes::aws_request;

/// How long credentials of a role are asked for: the default of AWS.
const ROLE_SECONDS: i64 = 3600;
/// How long they are used: well before they end.
const ROLE_USE_SECONDS: i64 = 45 * 60;
/// Names our sessions in AWS's logs.
const SESSION_NAME: &str = "hearth-collector";

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsSource {
    /// Keys.
    Keys(Credentials),
    /// A role that the pod's service account may take (IRSA); the file is read each time.
    WebIdentity {
        /// The role.
        role_arn: String,
        /// A token that the cluster renews.
        token_file: String,
    },
}

impl AwsSource {
    /// As AWS's tools find them in the environment; `read` gives a variable.
    pub fn from_environment(read: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let read = |name: &str| read(name).filter(|value| !value.is_empty());
        if let (Some(access_key_id), Some(secret_access_key)) =
            (read("AWS_ACCESS_KEY_ID"), read("AWS_SECRET_ACCESS_KEY"))
        {
            let session_token = read("AWS_SESSION_TOKEN");
            return Ok(Self::Keys(Credentials { access_key_id, secret_access_key, session_token }));
        }
        match (read("AWS_ROLE_ARN"), read("AWS_WEB_IDENTITY_TOKEN_FILE")) {
            (Some(role_arn), Some(token_file)) => Ok(Self::WebIdentity { role_arn, token_file }),
            _ => {
                Err("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give \
                      the service account a role (AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE)"
                    .to_owned())
            }
        }
    }
}

/// Gives credentials that are good now.
pub struct AwsCredentials {
    source: AwsSource,
    /// Assumed with those of the source.
    role_arn: Option<String>,
    region: String,
    sts: Url,
    clock: Arc<dyn WallClock>,
    /// Those of a role, and when they were got, in seconds.
    cached: Mutex<Option<(Credentials, i64)>>,
}

impl AwsCredentials {
    /// Asks nothing yet.
    pub fn new(
        source: AwsSource,
        role_arn: Option<String>,
        region: String,
        sts: Url,
        clock: Arc<dyn WallClock>,
    ) -> Self {
        Self { source, role_arn, region, sts, clock, cached: Mutex::new(None) }
    }

    /// Now, in seconds since 1970.
    pub fn now_seconds(&self) -> i64 {
        self.clock.now_ms() / 1000
    }

    /// The service that signs for an identity.
    pub fn sts(&self) -> &Url {
        &self.sts
    }

    /// Good for some minutes at least.
    pub async fn get(&self) -> Result<Credentials, String> {
        if let (AwsSource::Keys(keys), None) = (&self.source, &self.role_arn) {
            return Ok(keys.clone());
        }
        let mut cached = self.cached.lock().await;
        let now = self.now_seconds();
        if let Some((known, since)) = &*cached
            && (0..ROLE_USE_SECONDS).contains(&(now - since))
        {
            return Ok(known.clone());
        }
        let base = match &self.source {
            AwsSource::Keys(keys) => keys.clone(),
            AwsSource::WebIdentity { role_arn, token_file } => {
                self.by_web_identity(role_arn, token_file).await?
            }
        };
        let found = match &self.role_arn {
            Some(role) => self.assume(role, &base).await?,
            None => base,
        };
        *cached = Some((found.clone(), now));
        Ok(found)
    }

    async fn by_web_identity(&self, role: &str, file: &str) -> Result<Credentials, String> {
        let token =
            tokio::fs::read_to_string(file).await.map_err(|error| format!("{file}: {error}"))?;
        let mut url = self.sts.clone();
        url.query_pairs_mut()
            .append_pair("Action", "AssumeRoleWithWebIdentity")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", role)
            .append_pair("RoleSessionName", SESSION_NAME)
            .append_pair("DurationSeconds", &ROLE_SECONDS.to_string())
            .append_pair("WebIdentityToken", token.trim());
        let answer = aws_request::get(&url, Vec::new()).await;
        let answer = answer.map_err(|reason| format!("AssumeRoleWithWebIdentity: {reason}"))?;
        credentials_of(&answer)
            .ok_or_else(|| "AssumeRoleWithWebIdentity: no credentials".to_owned())
    }

    async fn assume(&self, role: &str, base: &Credentials) -> Result<Credentials, String> {
        let mut url = self.sts.clone();
        url.query_pairs_mut()
            .append_pair("Action", "AssumeRole")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", role)
            .append_pair("RoleSessionName", SESSION_NAME)
            .append_pair("DurationSeconds", &ROLE_SECONDS.to_string());
        let scope = Scope { region: &self.region, service: "sts" };
        let signed = signed_get(&url, base, scope, self.now_seconds());
        let answer = aws_request::get(&url, signed).await;
        let answer = answer.map_err(|reason| format!("AssumeRole {role}: {reason}"))?;
        credentials_of(&answer).ok_or_else(|| format!("AssumeRole {role}: no credentials"))
    }
}

/// The headers that sign a GET.
pub fn signed_get(
    url: &Url,
    credentials: &Credentials,
    scope: Scope<'_>,
    now_seconds: i64,
) -> Vec<(String, String)> {
    let headers = [("host".to_owned(), authority(url))];
    let hash = sigv4::body_hash(b"");
    let query = url.query().unwrap_or("");
    let request =
        Request { method: "GET", path: url.path(), query, headers: &headers, body_hash: &hash };
    sigv4::sign(request, credentials, scope, now_seconds)
}

/// Host, and port where it is not the usual one.
pub fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or("");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// From STS's XML, whose values need no unescaping.
fn credentials_of(xml: &str) -> Option<Credentials> {
    let value = |name: &str| {
        let (_, rest) = xml.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once(&format!("</{name}>"))?;
        Some(value.trim().to_owned())
    };
    Some(Credentials {
        access_key_id: value("AccessKeyId")?,
        secret_access_key: value("SecretAccessKey")?,
        session_token: Some(value("SessionToken")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_win_over_the_pods_identity() {
        let all = |name: &str| Some(format!("v-{name}"));
        let found = AwsSource::from_environment(all).expect("keys");
        assert!(matches!(&found, AwsSource::Keys(keys) if keys.access_key_id.ends_with("KEY_ID")));
        let no_keys = |name: &str| (!name.contains("KEY")).then(|| name.to_owned());
        let found = AwsSource::from_environment(no_keys).expect("an identity");
        assert!(matches!(found, AwsSource::WebIdentity { .. }));
        let nothing = AwsSource::from_environment(|_| None).expect_err("nothing");
        assert!(nothing.contains("AWS_ROLE_ARN"), "{nothing}");
    }

    #[test]
    fn the_answer_of_sts_is_read() {
        let xml = "<R><Credentials><AccessKeyId>a</AccessKeyId>\
                   <SecretAccessKey>s/+=</SecretAccessKey><SessionToken> t </SessionToken>\
                   </Credentials></R>";
        let found = credentials_of(xml).expect("credentials");
        assert_eq!((found.access_key_id.as_str(), found.secret_access_key.as_str()), ("a", "s/+="));
        assert_eq!(found.session_token.as_deref(), Some("t"));
        assert_eq!(credentials_of("<Error/>"), None);
    }
}
