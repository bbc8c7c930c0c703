//! AWS credentials: keys, the pod's identity, an assumed role.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::sigv4::{self, Credentials, Request, Scope};
use reqwest::Url;
use tokio::sync::Mutex;

use crate::clock::WallClock;
use crate::kubernetes::aws_request::{self, AwsFault};

/// How long credentials of a role are asked for: the default of AWS.
const ROLE_SECONDS: i64 = 3600;
/// How long they are used: well before they end.
const ROLE_USE_SECONDS: i64 = 45 * 60;
/// Bytes of a file with a key or a token: those are two kilobytes at most.
const FILE_BYTES_MAX: u64 = 64 << 10;
/// Names our sessions in AWS's logs.
const SESSION_NAME: &str = "hearth-collector";

/// What to do where there are none.
const NO_CREDENTIALS: &str = "no AWS credentials: name a Secret with AWS_ACCESS_KEY_ID and \
    AWS_SECRET_ACCESS_KEY in source.eks.credentialsSecretName, or give the collector's service \
    account a role (AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE in its environment)";

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsSource {
    /// Keys.
    Keys(Credentials),
    /// A folder with a file for each key, named like AWS's environment variables and read each
    /// time, so that changed keys are used without a restart.
    KeyFiles(PathBuf),
    /// A role that the pod's service account may take (IRSA); the file is read each time.
    WebIdentity {
        /// The role.
        role_arn: String,
        /// A token that the cluster renews.
        token_file: String,
    },
    /// None at all: a collector says so and goes on.
    Missing,
}

impl AwsSource {
    /// As AWS's tools find them in the environment; `read` gives a variable.
    pub fn from_environment(read: impl Fn(&str) -> Option<String>) -> Self {
        let read = |name: &str| read(name).filter(|value| !value.is_empty());
        if let (Some(access_key_id), Some(secret_access_key)) =
            (read("AWS_ACCESS_KEY_ID"), read("AWS_SECRET_ACCESS_KEY"))
        {
            let session_token = read("AWS_SESSION_TOKEN");
            return Self::Keys(Credentials { access_key_id, secret_access_key, session_token });
        }
        match (read("AWS_ROLE_ARN"), read("AWS_WEB_IDENTITY_TOKEN_FILE")) {
            (Some(role_arn), Some(token_file)) => Self::WebIdentity { role_arn, token_file },
            _ => Self::Missing,
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
        if self.role_arn.is_none() {
            match &self.source {
                AwsSource::Keys(keys) => return Ok(keys.clone()),
                AwsSource::KeyFiles(folder) => return key_files(folder).await,
                AwsSource::WebIdentity { .. } | AwsSource::Missing => {}
            }
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
            AwsSource::KeyFiles(folder) => key_files(folder).await?,
            AwsSource::WebIdentity { role_arn, token_file } => {
                self.by_web_identity(role_arn, token_file).await?
            }
            AwsSource::Missing => return Err(NO_CREDENTIALS.to_owned()),
        };
        let found = match &self.role_arn {
            Some(role) => self.assume(role, &base).await?,
            None => base,
        };
        *cached = Some((found.clone(), now));
        Ok(found)
    }

    async fn by_web_identity(&self, role: &str, file: &str) -> Result<Credentials, String> {
        let token = read_file(Path::new(file)).await?;
        let mut url = self.sts.clone();
        url.query_pairs_mut()
            .append_pair("Action", "AssumeRoleWithWebIdentity")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", role)
            .append_pair("RoleSessionName", SESSION_NAME)
            .append_pair("DurationSeconds", &ROLE_SECONDS.to_string())
            .append_pair("WebIdentityToken", &token);
        let answer = aws_request::get(&url, Vec::new()).await;
        let answer = answer.map_err(|fault| {
            let cure = "let the role's trust policy admit the collector's service account";
            format!("AssumeRoleWithWebIdentity {role}: {}", with_cure(&fault, cure))
        })?;
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
        let answer = answer.map_err(|fault| {
            let cure = "let the role's trust policy admit the collector's identity";
            format!("AssumeRole {role}: {}", with_cure(&fault, cure))
        })?;
        credentials_of(&answer).ok_or_else(|| format!("AssumeRole {role}: no credentials"))
    }
}

/// A refusal with what would cure it; all else with the fault alone.
fn with_cure(fault: &AwsFault, cure: &str) -> String {
    match fault {
        AwsFault::Refused { status: 400..=403, .. } => format!("{fault}; {cure}"),
        AwsFault::Refused { .. } | AwsFault::Unreachable { .. } => fault.to_string(),
    }
}

async fn key_files(folder: &Path) -> Result<Credentials, String> {
    // A mounted Secret changes as a whole by this link: the files must be of one version.
    let version = tokio::fs::canonicalize(folder.join("..data")).await;
    let folder = version.unwrap_or_else(|_| folder.to_owned());
    let token = folder.join("AWS_SESSION_TOKEN");
    let session_token = match tokio::fs::try_exists(&token).await {
        Ok(true) => Some(read_file(&token).await?).filter(|token| !token.is_empty()),
        _ => None,
    };
    Ok(Credentials {
        access_key_id: read_file(&folder.join("AWS_ACCESS_KEY_ID")).await?,
        secret_access_key: read_file(&folder.join("AWS_SECRET_ACCESS_KEY")).await?,
        session_token,
    })
}

/// The content of a small file, without space around it.
async fn read_file(path: &Path) -> Result<String, String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let size = tokio::fs::metadata(path).await.map_err(told)?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!("{}: more than {FILE_BYTES_MAX} bytes", path.display()));
    }
    Ok(tokio::fs::read_to_string(path).await.map_err(told)?.trim().to_owned())
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
        let found = AwsSource::from_environment(all);
        assert!(matches!(&found, AwsSource::Keys(keys) if keys.access_key_id.ends_with("KEY_ID")));
        let no_keys = |name: &str| (!name.contains("KEY")).then(|| name.to_owned());
        let found = AwsSource::from_environment(no_keys);
        assert!(matches!(found, AwsSource::WebIdentity { .. }));
        assert_eq!(AwsSource::from_environment(|_| None), AwsSource::Missing);
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
