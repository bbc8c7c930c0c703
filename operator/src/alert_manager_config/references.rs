//! Which Secrets a definition refers to.                 (pure)

use std::collections::{BTreeMap, BTreeSet};

use protocol::amp_api::secrets::SECRET_SCHEME;
use protocol::yaml;
use serde_json::Value;

/// Keys by the Secret's name.
pub type References = BTreeMap<String, BTreeSet<String>>;

/// The Secrets and keys that a definition refers to as `secret://NAME/KEY`. Of a text that is no
/// valid definition: none, since it is refused anyway.
pub fn references(definition: &str) -> References {
    let mut found = References::new();
    let Ok(document) = yaml::parse::<Value>(definition) else { return found };
    // A definition holds the configuration as text; a plain configuration is one itself.
    let inner = document.get("alertmanager_config").and_then(Value::as_str);
    match inner.map(yaml::parse::<Value>) {
        Some(Ok(configuration)) => gather(&configuration, &mut found),
        Some(Err(_)) => {}
        None => gather(&document, &mut found),
    }
    found
}

fn gather(value: &Value, found: &mut References) {
    match value {
        Value::String(text) => {
            let place = text.strip_prefix(SECRET_SCHEME).and_then(|place| place.split_once('/'));
            if let Some((name, key)) = place {
                found.entry(name.to_owned()).or_default().insert(key.to_owned());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| gather(field, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &str = "route: {receiver: a} # secret://no/comment
receivers:
  - name: a
    webhook_configs:
      - {url: 'secret://hooks/url', http_config: {authorization: {credentials: 'secret://hooks/token'}}}
    pagerduty_configs: [{routing_key: 'secret://pager/key'}]
";

    fn expected() -> References {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        References::from([
            ("hooks".to_owned(), keys(&["token", "url"])),
            ("pager".to_owned(), keys(&["key"])),
        ])
    }

    #[test]
    fn both_forms_of_a_definition_are_looked_through() {
        assert_eq!(references(CONFIGURATION), expected());
        let lines = CONFIGURATION.replace('\n', "\n  ");
        assert_eq!(references(&format!("alertmanager_config: |\n  {lines}")), expected());
        assert_eq!(references("route: ["), References::new());
    }
}
