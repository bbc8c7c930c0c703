//! A configuration as it may be shown: secrets masked.

use serde_json::Value;

use crate::secret::REDACTED;

/// The configuration as YAML with every inline secret masked; references stay readable. A text that
/// is no YAML is masked whole.
pub fn masked(config_text: &str) -> String {
    let Ok(mut value) = crate::yaml::from_str::<Value>(config_text) else {
        return REDACTED.to_owned();
    };
    mask(&mut value, "", false);
    serde_saphyr::to_string(&value).unwrap_or_else(|_| REDACTED.to_owned())
}

/// `secret`: the field that holds this value says that it is one. `section`: the nearest list's
/// name.
fn mask(value: &mut Value, section: &str, secret: bool) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let lists = matches!(value, Value::Array(_) | Value::Object(_));
                let inner = if lists { name.as_str() } else { section };
                mask(value, inner, secret || is_secret(section, name));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, section, secret)),
        Value::String(text) if secret && !text.starts_with("secret://") && !text.is_empty() => {
            REDACTED.clone_into(text);
        }
        Value::Number(_) | Value::Bool(_) if secret => *value = Value::String(REDACTED.to_owned()),
        _ => {}
    }
}

fn is_secret(section: &str, name: &str) -> bool {
    let ends = ["password", "secret", "secrets", "token", "credentials", "credential"];
    let keys = ["key", "secret_key", "routing_key", "service_key", "api_key", "user_key"];
    let urls = ["slack_api_url", "webhook_url", "mattermost_webhook_url"];
    ends.iter().any(|end| name.ends_with(end))
        || keys.contains(&name)
        || name.ends_with("api_key")
        || urls.contains(&name)
        || (name == "url" && section == "webhook_configs")
        || (name == "api_url" && section == "slack_configs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_references_are_not() {
        let shown = masked(
            "global: {slack_api_url: 'http://s3cret/', smtp_auth_password: \"a\\ns3cret\"}\n\
             route: {receiver: a, group_by: [url]}\n\
             receivers:\n- name: a\n  webhook_configs:\n  - url: http://s3cret/\n    http_config:\n      \
             basic_auth: {username: bob, password: 's3cret'}\n      \
             http_headers: {X: {secrets: [s3cret]}}\n  - url: secret://hooks/url\n",
        );
        assert!(!shown.contains("s3cret"), "{shown}");
        for kept in ["receiver: a", "bob", "secret://hooks/url", REDACTED] {
            assert!(shown.contains(kept), "{kept} in {shown}");
        }
    }
}
