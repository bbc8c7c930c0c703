//! What may be named, and what becomes of it.

use protocol::scrape_config::ScrapeConfiguration;
use protocol::secret::Secret;

use super::*;
use crate::kubernetes::cluster_access::server_url;

const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const CA: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

fn job(fields: &str) -> ResolvedJob {
    let text = format!("scrape_configs: [{{job_name: j, {fields}}}]");
    let config = ScrapeConfiguration::parse(&text).unwrap_or_else(|faults| panic!("{faults:?}"));
    config.jobs().remove(0)
}

fn access() -> ClusterAccess {
    let tls = TlsConfig { ca: Some("CA".to_owned()), ..TlsConfig::default() };
    ClusterAccess {
        server: server_url("https://10.96.0.1:443").expect("a URL"),
        http: HttpClientConfig { tls_config: Some(tls), ..HttpClientConfig::default() },
        bearer: None,
        own_namespace: None,
    }
}

fn managed(fields: &str) -> Result<Cleared, String> {
    clear(&job(fields), CredentialFiles::ServiceAccountOnly, Some(&access()))
}

#[test]
fn the_service_account_stands_for_the_cluster() {
    for fields in [
        format!("bearer_token_file: {TOKEN}"),
        format!("authorization: {{credentials_file: {TOKEN}}}"),
        "bearer_token_file: /run/secrets/kubernetes.io/serviceaccount/token".to_owned(),
    ] {
        let fields = format!("{fields}, scheme: https, tls_config: {{ca_file: {CA}}}");
        let cleared = managed(&fields).expect("allowed");
        assert!(cleared.wants_token, "{fields}");
        let http = cleared.job.http;
        assert_eq!((&http.authorization, &http.bearer_token_file), (&None, &None));
        let tls = http.tls_config.expect("an authority");
        assert_eq!((tls.ca.as_deref(), tls.ca_file), (Some("CA"), None));
    }
    let plain = managed("scheme: https").expect("allowed");
    assert!(!plain.wants_token);
}

#[test]
fn every_other_file_is_refused_by_name() {
    for (fields, field) in [
        ("file_sd_configs: [{files: [/etc/x.yml]}]", "file_sd_configs.files"),
        ("bearer_token_file: /etc/x", "bearer_token_file"),
        ("bearer_token_file: /var/run/secrets/kubernetes.io/serviceaccount/../x", "bearer_token"),
        ("authorization: {credentials_file: /etc/x}", "authorization.credentials_file"),
        ("basic_auth: {username: u, password_file: /etc/x}", "basic_auth.password_file"),
        ("basic_auth: {username_file: /etc/x, password: p}", "basic_auth.username_file"),
        ("tls_config: {ca_file: /etc/x}", "tls_config.ca_file"),
        ("tls_config: {cert_file: /etc/x, key_file: /etc/y}", "tls_config.cert_file"),
        ("http_headers: {x-a: {files: [/etc/x]}}", "http_headers.files"),
        ("http_sd_configs: [{url: 'http://h/', bearer_token_file: /etc/x}]", "http_sd_configs.b"),
        (
            "kubernetes_sd_configs: [{role: pod, kubeconfig_file: /etc/x}]",
            "kubernetes_sd_configs.kubeconfig_file",
        ),
        (
            "kubernetes_sd_configs: [{role: pod, api_server: 'https://k', \
             tls_config: {ca_file: /etc/x}}]",
            "kubernetes_sd_configs.tls_config.ca_file",
        ),
    ] {
        let reason = managed(fields).expect_err(fields);
        assert!(reason.starts_with(field), "{fields}: {reason}");
        let free = clear(&job(fields), CredentialFiles::Any, None).expect("files are free");
        assert!(!free.wants_token);
    }
}

#[test]
fn the_token_is_for_scrapes_and_the_own_api_server_only() {
    let sd = |server: &str| {
        format!(
            "kubernetes_sd_configs: [{{role: pod, api_server: '{server}', \
             bearer_token_file: {TOKEN}, tls_config: {{ca_file: {CA}}}}}]"
        )
    };
    for own in ["https://10.96.0.1:443", "https://kubernetes.default.svc:443"] {
        let cleared = managed(&sd(own)).expect("the own one");
        assert_eq!(cleared.job.kubernetes_sd_configs[0].api_server, None, "{own}");
        assert_eq!(cleared.job.kubernetes_sd_configs[0].bearer_token_file, None, "{own}");
    }
    assert!(managed(&sd("https://evil.example")).is_err());
    let http_sd = format!("http_sd_configs: [{{url: 'https://h/', bearer_token_file: {TOKEN}}}]");
    assert!(managed(&http_sd).is_err());
    let through_proxy = format!("bearer_token_file: {TOKEN}, proxy_url: 'http://evil'");
    let reason = managed(&through_proxy).expect_err("a proxy could read it");
    assert!(reason.contains("proxy_url"), "{reason}");
    let nowhere = clear(
        &job(&format!("bearer_token_file: {TOKEN}")),
        CredentialFiles::ServiceAccountOnly,
        None,
    );
    assert!(nowhere.expect_err("no cluster").contains("outside of a cluster"));
}

#[test]
fn what_stands_in_the_text_itself_is_free() {
    let cleared = managed("authorization: {credentials: s}").expect("allowed");
    let authorization = cleared.job.http.authorization.expect("kept");
    assert_eq!(authorization.credentials, Some(Secret::new("s")));
    assert!(!cleared.wants_token);
}
