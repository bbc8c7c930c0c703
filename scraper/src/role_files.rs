//! Which files a scrape configuration may name in a cluster.
//!
//! Whoever writes a Scraper does not thereby read the collector's disk: of all files only the pod's
//! own token and the cluster's authorities may be named, as AMP's configurations do.

use protocol::http_config::HttpClientConfig;
use protocol::scrape_config::ScrapeConfiguration;

use crate::home_cluster::HOME_DEFAULT;

/// Every file that may not be named, in words.
pub fn refused_files(configuration: &ScrapeConfiguration) -> Vec<String> {
    let mut refused = Vec::new();
    for (at, job) in configuration.scrape_configs.iter().enumerate() {
        let Some(job) = job else { continue };
        let path = format!("scrape_configs[{at}]");
        check(&path, &job.http_client(), &mut refused);
        if !job.file_sd_configs.is_empty() {
            refused.push(format!(
                "{path}.file_sd_configs: files are refused in a cluster; use http_sd_configs or \
                 kubernetes_sd_configs"
            ));
        }
        for (at, config) in job.http_sd_configs.iter().enumerate() {
            let path = format!("{path}.http_sd_configs[{at}]");
            check(&path, &config.http_client(), &mut refused);
        }
        for (at, config) in job.kubernetes_sd_configs.iter().enumerate() {
            let path = format!("{path}.kubernetes_sd_configs[{at}]");
            if config.kubeconfig_file.as_ref().is_some_and(|file| !file.is_empty()) {
                refused.push(format!(
                    "{path}.kubeconfig_file: files are refused in a cluster; use the Scraper's \
                     source"
                ));
            }
            check(&path, &config.http_client(), &mut refused);
        }
    }
    refused
}

fn check(path: &str, http: &HttpClientConfig, refused: &mut Vec<String>) {
    let mut files: Vec<(&str, Option<&String>)> = Vec::new();
    files.push(("bearer_token_file", http.bearer_token_file.as_ref()));
    if let Some(basic) = &http.basic_auth {
        files.push(("basic_auth.username_file", basic.username_file.as_ref()));
        files.push(("basic_auth.password_file", basic.password_file.as_ref()));
    }
    if let Some(authorization) = &http.authorization {
        files.push(("authorization.credentials_file", authorization.credentials_file.as_ref()));
    }
    if let Some(tls) = &http.tls_config {
        files.push(("tls_config.ca_file", tls.ca_file.as_ref()));
        files.push(("tls_config.cert_file", tls.cert_file.as_ref()));
        files.push(("tls_config.key_file", tls.key_file.as_ref()));
    }
    for values in http.http_headers.values() {
        files.extend(values.files.iter().map(|file| ("http_headers", Some(file))));
    }
    let own = [format!("{HOME_DEFAULT}/token"), format!("{HOME_DEFAULT}/ca.crt")];
    for (field, file) in files {
        let Some(file) = file.filter(|file| !file.is_empty() && !own.contains(file)) else {
            continue;
        };
        refused.push(format!(
            "{path}.{field}: {file:?} is refused: in a cluster only {} and {} may be read",
            own[0], own[1]
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Vec<String> {
        refused_files(&ScrapeConfiguration::parse(text).expect("it is valid"))
    }

    #[test]
    fn the_conventions_of_amp_pass() {
        let text = "
scrape_configs:
  - job_name: kubelet
    scheme: https
    tls_config: {ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt}
    bearer_token_file: /var/run/secrets/kubernetes.io/serviceaccount/token
    kubernetes_sd_configs: [{role: node}]
";
        assert_eq!(refused(text), Vec::<String>::new());
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let text = "
scrape_configs:
  - job_name: a
    authorization: {credentials_file: /etc/shadow}
    static_configs: [{targets: ['x:1']}]
  - job_name: b
    http_headers: {x: {files: [/data/token]}}
    file_sd_configs: [{files: [/data/x.json]}]
    http_sd_configs: [{url: 'http://x/', basic_auth: {username: u, password_file: /p}}]
";
        let refused = refused(text);
        assert_eq!(refused.len(), 4, "{refused:?}");
        assert!(refused[0].starts_with("scrape_configs[0].authorization.credentials_file"));
        assert!(refused[3].contains("http_sd_configs[0].basic_auth.password_file"), "{refused:?}");
    }
}
