//! Contexts, credentials, and what is refused by name.

use super::*;

const TOKEN: &str = "
apiVersion: v1
kind: Config
current-context: b
contexts:
- {name: a, context: {cluster: none, user: none}}
- {name: b, context: {cluster: c, user: u, namespace: n}}
clusters:
- name: c
  cluster: {server: 'https://api.example:6443/base', certificate-authority-data: UEVN}
users:
- name: u
  user: USER
";

fn with_user(user: &str) -> String {
    TOKEN.replace("USER", user)
}

fn refusal(text: &str) -> String {
    access(text, None).expect_err("a refusal").to_string()
}

#[test]
fn the_current_context_counts() {
    let found = access(&with_user("{token: t}"), None).expect("a good file");
    assert_eq!(found.server.as_str(), "https://api.example:6443/base");
    let authorization = found.http.authorization.expect("a token");
    assert_eq!(authorization.credentials, Some(Secret::new("t")));
    let tls = found.http.tls_config.expect("an authority");
    assert_eq!(tls.ca.as_deref(), Some("PEM"));
}

#[test]
fn client_certificates_and_passwords_are_taken() {
    let user = "{client-certificate-data: Q0VSVA==, client-key-data: S0VZ}";
    let tls = access(&with_user(user), None).expect("a good file").http.tls_config;
    let tls = tls.expect("an identity");
    assert_eq!((tls.cert.as_deref(), tls.key), (Some("CERT"), Some(Secret::new("KEY"))));
    let basic = access(&with_user("{username: n, password: p}"), None).expect("a good file");
    assert_eq!(basic.http.basic_auth.expect("a user").password, Some(Secret::new("p")));
}

#[test]
fn files_count_only_beside_a_file() {
    let text = with_user("{tokenFile: secret/token}");
    let refused = refusal(&text);
    assert!(refused.contains("tokenFile") && refused.contains("secret/token"), "{refused}");
    let found = access(&text, Some(Path::new("/etc/kube"))).expect("a good file");
    let file = found.http.authorization.and_then(|one| one.credentials_file);
    assert_eq!(file.as_deref(), Some("/etc/kube/secret/token"));
}

#[test]
fn nothing_is_run_and_nobody_is_impersonated() {
    for (user, word) in [
        ("{exec: {command: aws-iam-authenticator}}", "\"aws-iam-authenticator\""),
        ("{auth-provider: {name: oidc}}", "\"oidc\""),
        ("{token: t, as: root}", "impersonation"),
        ("{token: t, client-key-data: '!'}", "client-key-data"),
    ] {
        let refused = refusal(&with_user(user));
        assert!(refused.contains(word), "{user}: {refused}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (from, to, word) in [
        ("current-context: b", "current-context: z", "no context \"z\""),
        ("current-context: b", "current-context: a", "no cluster \"none\""),
        ("current-context: b", "kind2: x", "current-context is not set"),
        ("name: u\n", "name: v\n", "no user \"u\""),
        ("https://api.example:6443/base", "ftp://x", "https://"),
        ("server: 'https://api.example:6443/base', ", "", "no server"),
    ] {
        let text = with_user("{token: t}").replace(from, to);
        let refused = refusal(&text);
        assert!(refused.contains(word), "{to}: {refused}");
    }
    assert!(refusal("").contains("current-context"), "an empty file");
    assert!(refusal("[").contains("kubeconfig: "), "no YAML");
}
