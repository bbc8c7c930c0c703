//! The `global` section: defaults for all receivers.

use serde::Deserialize;

use crate::alertmanager_config::http::HttpConfig;
use crate::time::PromDuration;

/// How long an alert without an end lives unless it is sent again.
pub const RESOLVE_TIMEOUT: PromDuration = PromDuration::from_secs(5 * 60);

macro_rules! global {
    ($($field:ident),* $(,)?) => {
        /// Defaults of all receivers. The texts belong to receiver kinds that are not built yet;
        /// they are kept so that the reference's checks can be made.
        #[derive(Clone, Default, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Global {
            /// How long an alert without an end lives unless it is sent again.
            #[serde(default)]
            pub resolve_timeout: Option<PromDuration>,
            /// How receivers are reached.
            #[serde(default)]
            pub http_config: Option<HttpConfig>,
            /// E-mail: certificates.
            #[serde(default)]
            pub smtp_tls_config: Option<serde_json::Value>,
            /// E-mail: demand TLS.
            #[serde(default)]
            pub smtp_require_tls: Option<bool>,
            /// E-mail: TLS from the first byte.
            #[serde(default)]
            pub smtp_force_implicit_tls: Option<bool>,
            $(
                #[doc = concat!("`", stringify!($field), "`")]
                #[serde(default)]
                pub $field: Option<String>,
            )*
        }

        impl Global {
            /// A text field by its name; an empty text counts as absent.
            pub fn text(&self, name: &str) -> Option<&str> {
                let text = match name {
                    $(stringify!($field) => self.$field.as_deref(),)*
                    _ => None,
                };
                text.filter(|text| !text.is_empty())
            }

            /// The names of all text fields.
            pub const TEXT_FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];
        }
    };
}

global! {
    smtp_from, smtp_smarthost, smtp_hello, smtp_auth_username, smtp_auth_password,
    smtp_auth_password_file, smtp_auth_secret, smtp_auth_secret_file, smtp_auth_identity,
    slack_api_url, slack_api_url_file, slack_app_token, slack_app_token_file, slack_app_url,
    pagerduty_url, opsgenie_api_url, opsgenie_api_key, opsgenie_api_key_file,
    victorops_api_url, victorops_api_key, victorops_api_key_file,
    wechat_api_url, wechat_api_secret, wechat_api_secret_file, wechat_api_corp_id,
    webex_api_url, telegram_api_url, telegram_bot_token, telegram_bot_token_file,
    rocketchat_api_url, rocketchat_token, rocketchat_token_file, rocketchat_token_id,
    rocketchat_token_id_file, jira_api_url, mattermost_webhook_url, mattermost_webhook_url_file,
}

impl Global {
    /// How long an alert without an end lives.
    pub fn resolve_timeout(&self) -> PromDuration {
        self.resolve_timeout.unwrap_or(RESOLVE_TIMEOUT)
    }
}

impl std::fmt::Debug for Global {
    /// Without the texts: half of them are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Global")
            .field("resolve_timeout", &self.resolve_timeout)
            .finish_non_exhaustive()
    }
}
