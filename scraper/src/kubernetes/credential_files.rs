//! Which files a configuration may name.
//!
//! AMP's configurations name the service account's token and authority at the paths where a pod
//! finds them; a managed collector takes these paths for what they mean - the credentials of the
//! cluster it looks into - whatever lies there, and refuses all others.

use protocol::http_config::{HttpClientConfig, TlsConfig};
use protocol::scrape_config_discovery::KubernetesSdConfig;
use protocol::scrape_config_resolve::ResolvedJob;

use crate::kubernetes::cluster_access::{ClusterAccess, SERVICE_ACCOUNT_DIR};
use crate::kubernetes::scrape_route::api_url;

/// Whose files a configuration may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialFiles {
    /// Those of the machine: whoever writes the configuration owns it.
    #[default]
    Any,
    /// None but the service account's token and authority at their usual paths: a managed collector
    /// runs configurations of people who must not read its files.
    ServiceAccountOnly,
}

/// A job whose files were looked at.
#[derive(Clone, Debug)]
pub struct Cleared {
    /// Without the service account's token, its authority put in its place.
    pub job: ResolvedJob,
    /// Whether scrapes bear the token of the cluster.
    pub wants_token: bool,
}

/// Looks at every file that a job names; `access` is the cluster it looks into.
pub fn clear(
    job: &ResolvedJob,
    files: CredentialFiles,
    access: Option<&ClusterAccess>,
) -> Result<Cleared, String> {
    let mut job = job.clone();
    if files == CredentialFiles::Any {
        return Ok(Cleared { job, wants_token: false });
    }
    if let Some(config) = job.file_sd_configs.first() {
        let file = config.files.first().map_or("", String::as_str);
        return Err(refusal("file_sd_configs.files", file));
    }
    for config in &job.http_sd_configs {
        check("http_sd_configs.", &config.http_client())?;
    }
    for config in &mut job.kubernetes_sd_configs {
        clear_discovery(config, access)?;
    }
    let wants_token = take_token(&mut job.http);
    if wants_token {
        if access.is_none() {
            return Err("the service account's token is asked for outside of a cluster".to_owned());
        }
        if job.http.proxy_url.as_deref().is_some_and(|url| !url.is_empty()) {
            return Err("proxy_url: the service account's token does not go through a proxy".into());
        }
    }
    if let (Some(tls), Some(access)) = (&mut job.http.tls_config, access) {
        take_authority(tls, access);
    }
    check("", &job.http)?;
    Ok(Cleared { job, wants_token })
}

/// A discovery that names the collector's own cluster by its address is one that names none.
fn clear_discovery(
    config: &mut KubernetesSdConfig,
    access: Option<&ClusterAccess>,
) -> Result<(), String> {
    if let Some(file) = config.kubeconfig_file.as_deref().filter(|file| !file.is_empty()) {
        return Err(refusal("kubernetes_sd_configs.kubeconfig_file", file));
    }
    let mut http = config.http_client();
    let server = config.api_server.as_deref().and_then(|url| reqwest::Url::parse(url).ok());
    let is_own = match (&server, access) {
        (Some(server), Some(access)) => api_url(&access.server, server).is_some(),
        _ => false,
    };
    if is_own && take_token(&mut http) {
        *config = KubernetesSdConfig {
            role: config.role,
            namespaces: config.namespaces.clone(),
            selectors: config.selectors.clone(),
            attach_metadata: config.attach_metadata,
            ..KubernetesSdConfig::default()
        };
        return Ok(());
    }
    check("kubernetes_sd_configs.", &http)
}

/// Removes the service account's token; whether it was there.
fn take_token(http: &mut HttpClientConfig) -> bool {
    let is_token =
        |file: Option<&String>| file.is_some_and(|file| is_service_account(file, "token"));
    let by_authorization =
        http.authorization.as_ref().is_some_and(|one| is_token(one.credentials_file.as_ref()));
    if by_authorization {
        http.authorization = None;
    }
    let by_old_name = is_token(http.bearer_token_file.as_ref());
    if by_old_name {
        http.bearer_token_file = None;
    }
    by_authorization || by_old_name
}

/// Puts the cluster's authority where the path of the service account's stands.
fn take_authority(tls: &mut TlsConfig, access: &ClusterAccess) {
    if !tls.ca_file.as_ref().is_some_and(|file| is_service_account(file, "ca.crt")) {
        return;
    }
    let own = access.http.tls_config.clone().unwrap_or_default();
    tls.ca_file = None;
    tls.ca = own.ca.or_else(|| own.ca_file.and_then(|file| std::fs::read_to_string(file).ok()));
    tls.insecure_skip_verify = tls.insecure_skip_verify.or(own.insecure_skip_verify);
}

/// `/var/run` is a link to `/run` in most images, and both are written.
fn is_service_account(path: &str, file: &str) -> bool {
    let path = path.strip_prefix("/var").unwrap_or(path);
    let dir = SERVICE_ACCOUNT_DIR.strip_prefix("/var").unwrap_or(SERVICE_ACCOUNT_DIR);
    path.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/')) == Some(file)
}

/// Refuses every file that is still named.
fn check(prefix: &str, http: &HttpClientConfig) -> Result<(), String> {
    let tls = |name: &str, tls: &Option<TlsConfig>| {
        let tls = tls.clone().unwrap_or_default();
        [("ca_file", tls.ca_file), ("cert_file", tls.cert_file), ("key_file", tls.key_file)]
            .map(|(field, file)| (format!("{name}.{field}"), file))
    };
    let mut named: Vec<(String, Option<String>)> = Vec::new();
    if let Some(basic) = &http.basic_auth {
        named.push(("basic_auth.username_file".to_owned(), basic.username_file.clone()));
        named.push(("basic_auth.password_file".to_owned(), basic.password_file.clone()));
    }
    if let Some(authorization) = &http.authorization {
        let file = authorization.credentials_file.clone();
        named.push(("authorization.credentials_file".to_owned(), file));
    }
    named.push(("bearer_token_file".to_owned(), http.bearer_token_file.clone()));
    named.extend(tls("tls_config", &http.tls_config));
    if let Some(oauth2) = &http.oauth2 {
        let key = oauth2.client_certificate_key_file.clone();
        named.push(("oauth2.client_secret_file".to_owned(), oauth2.client_secret_file.clone()));
        named.push(("oauth2.client_certificate_key_file".to_owned(), key));
        named.extend(tls("oauth2.tls_config", &oauth2.tls_config));
    }
    for values in http.http_headers.values() {
        named.push(("http_headers.files".to_owned(), values.files.first().cloned()));
    }
    let first = named
        .into_iter()
        .find_map(|(field, file)| file.filter(|file| !file.is_empty()).map(|file| (field, file)));
    match first {
        Some((field, file)) => Err(refusal(&format!("{prefix}{field}"), &file)),
        None => Ok(()),
    }
}

fn refusal(field: &str, file: &str) -> String {
    format!(
        "{field}: a managed collector does not read {file:?}; only {SERVICE_ACCOUNT_DIR}/token and \
         /ca.crt may be named, and the token goes to the API server and to kubelets only"
    )
}

#[cfg(test)]
mod tests;
