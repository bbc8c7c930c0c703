//! Amazon EKS: found by ARN, asked with signed tokens.
//!
//! Nothing is installed in that cluster. Its API server takes as a bearer token the URL of a call
//! to STS that says who signed it; signing is local, so a new token costs no request.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures::future::BoxFuture;
use protocol::http_config::{HttpClientConfig, TlsConfig};
use protocol::sigv4::{self, Credentials, Request, Scope};
use reqwest::Url;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::clock::WallClock;
use crate::http_client::Bearer;
use crate::kubernetes::aws_credentials::{AwsCredentials, AwsSource, authority, signed_get};
use crate::kubernetes::aws_request::{self, AwsFault};
use crate::kubernetes::cluster_access::{AccessError, ClusterAccess, server_url};

/// What the API server knows these tokens by.
const TOKEN_PREFIX: &str = "k8s-aws-v1.";
/// The header that binds a token to one cluster.
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
/// How long the URL itself counts; the API server grants 15 minutes from its date on regardless.
const URL_SECONDS: u32 = 60;
/// When a token is renewed: well before those 15 minutes have passed.
const TOKEN_USE_SECONDS: i64 = 10 * 60;

/// Which cluster, and by whom it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EksSettings {
    /// `arn:aws:eks:REGION:ACCOUNT:cluster/NAME`
    pub cluster_arn: String,
    /// Assumed first.
    pub role_arn: Option<String>,
    /// Instead of AWS's own.
    pub eks_endpoint: Option<String>,
    /// Instead of AWS's own.
    pub sts_endpoint: Option<String>,
    /// Instead of AWS's own, by the word of whoever runs the process, who owns its identity: that
    /// goes nowhere else.
    pub trusted_sts: Option<String>,
    /// Whose credentials.
    pub source: AwsSource,
}

/// Asks EKS where the cluster's API server is. Tokens are minted as they are needed.
pub async fn access(
    settings: &EksSettings,
    clock: Arc<dyn WallClock>,
) -> Result<ClusterAccess, AccessError> {
    let arn = Arn::parse(&settings.cluster_arn).map_err(AccessError::Eks)?;
    let is_web_identity = matches!(settings.source, AwsSource::WebIdentity { .. });
    if is_web_identity && settings.sts_endpoint.is_some() {
        // The pod's own token would go wherever that points.
        let reason = "stsEndpoint needs keys of its own in credentialsSecretName";
        return Err(AccessError::Eks(reason.to_owned()));
    }
    let given = settings.sts_endpoint.as_deref().or(settings.trusted_sts.as_deref());
    let sts = arn.endpoint("sts", given)?;
    let eks = arn.endpoint("eks", settings.eks_endpoint.as_deref())?;
    let (role, region) = (settings.role_arn.clone(), arn.region.to_owned());
    let aws = AwsCredentials::new(settings.source.clone(), role, region, sts, clock);
    let told =
        |reason: String| AccessError::Eks(format!("DescribeCluster {}: {reason}", arn.cluster));
    let described = describe(&aws, &arn, &eks).await.map_err(told)?;
    let (endpoint, ca) = described.ready().map_err(told)?;
    let tls = TlsConfig { ca: Some(ca).filter(|ca| !ca.is_empty()), ..TlsConfig::default() };
    let bearer = EksBearer {
        aws,
        region: arn.region.to_owned(),
        cluster: arn.cluster.to_owned(),
        minted: Mutex::new(None),
    };
    Ok(ClusterAccess {
        server: server_url(&endpoint)?,
        http: HttpClientConfig { tls_config: Some(tls), ..HttpClientConfig::default() },
        bearer: Some(Arc::new(bearer)),
        own_namespace: None,
    })
}

/// The parts of a cluster's ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Arn<'a> {
    partition: &'a str,
    region: &'a str,
    cluster: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let is_name = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        if let ["arn", partition, "eks", region, _, rest] = parts[..]
            && let Some(cluster) = rest.strip_prefix("cluster/")
            && [partition, region, cluster].into_iter().all(is_name)
        {
            return Ok(Self { partition, region, cluster });
        }
        Err(format!("{text:?} is no ARN like arn:aws:eks:REGION:ACCOUNT:cluster/NAME"))
    }

    fn endpoint(&self, service: &str, given: Option<&str>) -> Result<Url, AccessError> {
        let end = if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        let own = format!("https://{service}.{}.{end}/", self.region);
        server_url(given.unwrap_or(&own))
    }
}

#[derive(Deserialize)]
struct Described {
    cluster: DescribedCluster,
}

/// A cluster that is being made has neither address nor authority.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribedCluster {
    #[serde(default)]
    status: String,
    endpoint: Option<String>,
    certificate_authority: Option<CertificateAuthority>,
}

#[derive(Deserialize)]
struct CertificateAuthority {
    data: Option<String>,
}

impl DescribedCluster {
    /// Address and authority, PEM, of a cluster that can be asked.
    fn ready(self) -> Result<(String, String), String> {
        match self.status.as_str() {
            // A cluster that is updated serves meanwhile. Private clouds may leave the word out.
            "ACTIVE" | "UPDATING" | "" => {}
            "CREATING" | "PENDING" => {
                return Err(format!("the cluster is {}; waiting until it is ACTIVE", self.status));
            }
            status => {
                return Err(format!(
                    "the cluster is {status}, not ACTIVE; mend it or name another one in \
                     source.eks.clusterArn"
                ));
            }
        }
        let ca = self.certificate_authority.and_then(|authority| authority.data);
        let (Some(endpoint), Some(ca)) = (self.endpoint, ca) else {
            return Err("the answer lacks endpoint or certificateAuthority.data".to_owned());
        };
        let ca = STANDARD.decode(ca.trim()).ok().and_then(|pem| String::from_utf8(pem).ok());
        Ok((endpoint, ca.ok_or("certificateAuthority.data is no PEM text")?))
    }
}

async fn describe(
    aws: &AwsCredentials,
    arn: &Arn<'_>,
    eks: &Url,
) -> Result<DescribedCluster, String> {
    let mut url = eks.clone();
    url.set_path(&format!("{}/clusters/{}", eks.path().trim_end_matches('/'), arn.cluster));
    let scope = Scope { region: arn.region, service: "eks" };
    let headers = signed_get(&url, &aws.get().await?, scope, aws.now_seconds());
    let answer = aws_request::get(&url, headers).await.map_err(|fault| cured(&fault, arn))?;
    let described: Described = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
    Ok(described.cluster)
}

/// What happened, and what the one who reads it can do.
fn cured(fault: &AwsFault, arn: &Arn<'_>) -> String {
    match fault {
        AwsFault::Refused { status: 401 | 403, .. } => format!(
            "{fault}; allow eks:DescribeCluster on the cluster to the identity of the collector, \
             and look whether its keys are still good"
        ),
        AwsFault::Refused { status: 404, .. } => format!(
            "{fault}; look at the name and the region {} in source.eks.clusterArn",
            arn.region
        ),
        AwsFault::Unreachable { .. } => format!(
            "{fault}; let the collector reach it, or name another address in source.eks.eksEndpoint"
        ),
        AwsFault::Refused { .. } => fault.to_string(),
    }
}

/// Mints tokens for one cluster.
struct EksBearer {
    aws: AwsCredentials,
    region: String,
    cluster: String,
    /// The newest one, and when it was minted, in seconds.
    minted: Mutex<Option<(String, i64)>>,
}

impl Bearer for EksBearer {
    fn token(&self) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            let mut minted = self.minted.lock().await;
            let now = self.aws.now_seconds();
            if let Some((token, since)) = &*minted
                && (0..TOKEN_USE_SECONDS).contains(&(now - since))
            {
                return Ok(token.clone());
            }
            let credentials = self.aws.get().await?;
            let token = token(self.aws.sts(), &self.cluster, &self.region, &credentials, now);
            *minted = Some((token.clone(), now));
            Ok(token)
        })
    }
}

/// A token that says to one cluster whose these credentials are.
fn token(
    sts: &Url,
    cluster: &str,
    region: &str,
    credentials: &Credentials,
    now_seconds: i64,
) -> String {
    let headers =
        [("host".to_owned(), authority(sts)), (CLUSTER_HEADER.to_owned(), cluster.to_owned())];
    let hash = sigv4::body_hash(b"");
    let request = Request {
        method: "GET",
        path: sts.path(),
        query: "Action=GetCallerIdentity&Version=2011-06-15",
        headers: &headers,
        body_hash: &hash,
    };
    let scope = Scope { region, service: "sts" };
    let query = sigv4::presign(request, credentials, scope, now_seconds, URL_SECONDS);
    let mut url = sts.clone();
    url.set_query(Some(&query));
    format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(url.as_str()))
}

#[cfg(test)]
mod tests;
