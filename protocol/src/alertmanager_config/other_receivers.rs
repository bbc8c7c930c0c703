//! The reference's checks on receivers that are not built yet.
//!
//! They are refused all the same, but a file that Alertmanager itself would refuse is told so
//! first.

use std::collections::BTreeMap;

use crate::alertmanager_config::global::Global;

/// Where Slack takes messages by token.
pub const SLACK_POST_URL: &str = "https://slack.com/api/chat.postMessage";

/// Two global fields of which at most one may be set.
pub const GLOBAL_EITHER_OR: [[&str; 2]; 10] = [
    ["slack_api_url", "slack_api_url_file"],
    ["slack_app_token", "slack_app_token_file"],
    ["opsgenie_api_key", "opsgenie_api_key_file"],
    ["victorops_api_key", "victorops_api_key_file"],
    ["wechat_api_secret", "wechat_api_secret_file"],
    ["telegram_bot_token", "telegram_bot_token_file"],
    ["rocketchat_token", "rocketchat_token_file"],
    ["rocketchat_token_id", "rocketchat_token_id_file"],
    ["smtp_auth_password", "smtp_auth_password_file"],
    ["mattermost_webhook_url", "mattermost_webhook_url_file"],
];

/// What one kind needs: one of its own fields or of the global ones, else the message.
struct Need {
    kind: &'static str,
    own: &'static [&'static str],
    global: &'static [&'static str],
    message: &'static str,
}

const fn need(
    kind: &'static str,
    own: &'static [&'static str],
    global: &'static [&'static str],
    message: &'static str,
) -> Need {
    Need { kind, own, global, message }
}

/// In the order in which Alertmanager looks.
const NEEDS: [Need; 11] = [
    need(
        "mattermost_configs",
        &["webhook_url", "webhook_url_file"],
        &["mattermost_webhook_url", "mattermost_webhook_url_file"],
        "missing webhook_url or webhook_url_file on mattermost_config",
    ),
    need(
        "opsgenie_configs",
        &["api_key", "api_key_file"],
        &["opsgenie_api_key", "opsgenie_api_key_file"],
        "no global OpsGenie API Key set either inline or in a file",
    ),
    need(
        "rocketchat_configs",
        &["token", "token_file"],
        &["rocketchat_token", "rocketchat_token_file"],
        "no global Rocketchat Token set either inline or in a file",
    ),
    need(
        "rocketchat_configs",
        &["token_id", "token_id_file"],
        &["rocketchat_token_id", "rocketchat_token_id_file"],
        "no global Rocketchat TokenID set either inline or in a file",
    ),
    need(
        "slack_configs",
        &["api_url", "api_url_file", "app_token", "app_token_file"],
        &["slack_api_url", "slack_api_url_file", "slack_app_token", "slack_app_token_file"],
        "no Slack API URL nor App token set either inline or in a file",
    ),
    need(
        "telegram_configs",
        &["bot_token", "bot_token_file"],
        &["telegram_bot_token", "telegram_bot_token_file"],
        "missing bot_token or bot_token_file on telegram_config",
    ),
    need(
        "victorops_configs",
        &["api_key", "api_key_file"],
        &["victorops_api_key", "victorops_api_key_file"],
        "no global VictorOps API Key set",
    ),
    need(
        "wechat_configs",
        &["api_secret", "api_secret_file"],
        &["wechat_api_secret", "wechat_api_secret_file"],
        "no global Wechat Api Secret set either inline or in a file",
    ),
    need("email_configs", &["to"], &[], "missing to address in email config"),
    need("email_configs", &["smarthost"], &["smtp_smarthost"], "no global SMTP smarthost set"),
    need("email_configs", &["from"], &["smtp_from"], "no global SMTP from set"),
];

/// What Alertmanager says to one configuration of a kind, given the global section.
pub fn faults(
    field: &str,
    config: &BTreeMap<String, serde_json::Value>,
    global: &Global,
) -> Vec<String> {
    let is_met = |need: &Need| {
        need.own.iter().any(|name| has(config, name))
            || need.global.iter().any(|name| global.text(name).is_some())
    };
    let unmet = NEEDS.iter().filter(|need| need.kind == field && !is_met(need));
    let mut faults: Vec<String> = unmet.map(|need| need.message.to_owned()).collect();
    faults.extend(shape_faults(field, config));
    faults
}

/// Faults that do not depend on the global section.
fn shape_faults(field: &str, config: &BTreeMap<String, serde_json::Value>) -> Vec<String> {
    let mut faults = Vec::new();
    for file in config.keys().filter_map(|name| name.strip_suffix("_file")) {
        if has(config, file) {
            faults.push(format!("at most one of {file} & {file}_file must be configured"));
        }
    }
    // Slack: only the method that posts by token can edit what it posted.
    let edits = config.get("update_message").is_some_and(|value| value == true);
    let posts = SLACK_POST_URL;
    let url = config.get("api_url").and_then(|value| value.as_str());
    if field == "slack_configs" && edits && url.is_some_and(|url| url != posts) {
        faults.push(format!(
            "update_message can only be used with bot tokens. api_url must be set to {posts}"
        ));
    }
    // Opsgenie: the old way of naming teams is gone.
    for gone in ["teams", "recipients"] {
        if field == "opsgenie_configs" && config.contains_key(gone) {
            faults.push(format!("field {gone} not found in opsgenie_configs"));
        }
    }
    faults
}

fn has(config: &BTreeMap<String, serde_json::Value>, name: &str) -> bool {
    match config.get(name) {
        None | Some(serde_json::Value::Null) => false,
        Some(serde_json::Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}
