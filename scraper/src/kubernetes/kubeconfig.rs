//! Reads a kubeconfig: the current context, nothing run.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::http_config::{Authorization, BasicAuth, HttpClientConfig, TlsConfig};
use protocol::secret::Secret;
use serde::Deserialize;

use crate::kubernetes::cluster_access::{AccessError, ClusterAccess, server_url};

/// Bytes of a kubeconfig: far above any, below what a Secret can hold.
const KUBECONFIG_BYTES_MAX: usize = 1 << 20;

/// What of the file is of use; other fields are for kubectl.
#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    #[serde(rename = "current-context")]
    current_context: Option<String>,
    contexts: Option<Vec<NamedContext>>,
    clusters: Option<Vec<NamedCluster>>,
    users: Option<Vec<NamedUser>>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    #[serde(default)]
    context: Context,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    #[serde(default)]
    cluster: ServerSide,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct ServerSide {
    server: Option<String>,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: Option<bool>,
    proxy_url: Option<String>,
    tls_server_name: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    #[serde(default)]
    user: User,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct User {
    token: Option<Secret>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    username: Option<String>,
    password: Option<Secret>,
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<String>,
    client_key_data: Option<Secret>,
    exec: Option<Plugin>,
    auth_provider: Option<Plugin>,
    #[serde(rename = "as")]
    acts_as: Option<String>,
}

/// A program that would mint credentials.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Plugin {
    command: String,
    name: String,
}

/// The current context. `folder` is where files that it names lie; without one they are refused.
pub fn access(text: &str, folder: Option<&Path>) -> Result<ClusterAccess, AccessError> {
    let (cluster, user) = current(text).map_err(AccessError::Kubeconfig)?;
    let http = refuse(&cluster, &user).and_then(|()| http_config(&cluster, &user, folder));
    let http = http.map_err(AccessError::Kubeconfig)?;
    let no_server = || AccessError::Kubeconfig("the cluster has no server".to_owned());
    let server = server_url(cluster.server.as_deref().ok_or_else(no_server)?)?;
    Ok(ClusterAccess { server, http, bearer: None, own_namespace: None })
}

/// Cluster and user of the current context.
fn current(text: &str) -> Result<(ServerSide, User), String> {
    if text.len() > KUBECONFIG_BYTES_MAX {
        return Err(format!("more than {KUBECONFIG_BYTES_MAX} bytes"));
    }
    let file: Option<File> = protocol::yaml::parse(text).map_err(|fault| fault.to_string())?;
    let file = file.unwrap_or_default();
    let current = file.current_context.filter(|name| !name.is_empty());
    let name = current.ok_or("current-context is not set")?;
    let missing = |kind: &str, name: &str| format!("there is no {kind} {name:?}");
    let mut contexts = file.contexts.into_iter().flatten();
    let context = contexts.find(|named| named.name == name);
    let context = context.ok_or_else(|| missing("context", &name))?.context;
    let mut clusters = file.clusters.into_iter().flatten();
    let cluster = clusters.find(|named| named.name == context.cluster);
    let cluster = cluster.ok_or_else(|| missing("cluster", &context.cluster))?.cluster;
    if context.user.is_empty() {
        return Ok((cluster, User::default()));
    }
    let user = file.users.into_iter().flatten().find(|named| named.name == context.user);
    Ok((cluster, user.ok_or_else(|| missing("user", &context.user))?.user))
}

/// What would run programs, or act as somebody else, or cannot be done.
fn refuse(cluster: &ServerSide, user: &User) -> Result<(), String> {
    if let Some(exec) = &user.exec {
        return Err(format!(
            "user.exec: credential plugins are not run ({:?}); put a token in the kubeconfig, or \
             for Amazon EKS name the cluster in source.eks",
            exec.command
        ));
    }
    if let Some(provider) = &user.auth_provider {
        let name = &provider.name;
        return Err(format!("user.auth-provider: {name:?} is not supported; use a token"));
    }
    if user.acts_as.is_some() {
        return Err("user.as: impersonation is not supported; use the user itself".to_owned());
    }
    if cluster.tls_server_name.is_some() {
        return Err("cluster.tls-server-name is not supported".to_owned());
    }
    Ok(())
}

fn http_config(
    cluster: &ServerSide,
    user: &User,
    folder: Option<&Path>,
) -> Result<HttpClientConfig, String> {
    let file = |field: &str, path: &Option<String>| match (path, folder) {
        (None, _) => Ok(None),
        (Some(path), Some(folder)) => Ok(Some(folder.join(path).display().to_string())),
        (Some(path), None) => Err(format!(
            "{field} names the file {path:?}: put its content into the kubeconfig itself"
        )),
    };
    let key = user.client_key_data.as_ref().map(Secret::expose);
    let tls = TlsConfig {
        ca: inline("certificate-authority-data", cluster.certificate_authority_data.as_deref())?,
        ca_file: file("certificate-authority", &cluster.certificate_authority)?,
        cert: inline("client-certificate-data", user.client_certificate_data.as_deref())?,
        cert_file: file("client-certificate", &user.client_certificate)?,
        key: inline("client-key-data", key)?.map(Secret::new),
        key_file: file("client-key", &user.client_key)?,
        insecure_skip_verify: cluster.insecure_skip_tls_verify,
        ..TlsConfig::default()
    };
    let token_file = file("tokenFile", &user.token_file)?;
    let has_token = user.token.is_some() || token_file.is_some();
    let authorization = has_token.then(|| Authorization {
        scheme: None,
        credentials: user.token.clone(),
        credentials_file: token_file,
    });
    let basic_auth = user.username.as_ref().filter(|_| !has_token).map(|name| BasicAuth {
        username: name.clone(),
        password: user.password.clone(),
        ..BasicAuth::default()
    });
    Ok(HttpClientConfig {
        authorization,
        basic_auth,
        tls_config: (tls != TlsConfig::default()).then_some(tls),
        proxy_url: cluster.proxy_url.clone(),
        ..HttpClientConfig::default()
    })
}

fn inline(field: &str, data: Option<&str>) -> Result<Option<String>, String> {
    let Some(data) = data.filter(|data| !data.is_empty()) else { return Ok(None) };
    let bytes = STANDARD.decode(data.trim()).map_err(|error| format!("{field}: {error}"))?;
    String::from_utf8(bytes).map(Some).map_err(|_| format!("{field} is no PEM text"))
}

#[cfg(test)]
mod tests;
