//! Receivers: who can be told, and by what.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::alertmanager_config::http::HttpConfig;
use crate::alertmanager_config::secret::SecretText;
use crate::empty_field::null_as_default;
use crate::time::PromDuration;

/// A receiver with its integrations. The kinds that we do not send to yet are kept as they were
/// written, so that the reference's checks on them can be made.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// Unique in the file.
    #[serde(default)]
    pub name: String,
    /// Labels by which the API finds receivers.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: BTreeMap<String, String>,
    /// HTTP requests with JSON.
    #[serde(default, deserialize_with = "null_as_default")]
    pub webhook_configs: Vec<Option<WebhookConfig>>,
    /// Amazon SNS.
    #[serde(default, deserialize_with = "null_as_default")]
    pub sns_configs: Vec<Option<SnsConfig>>,
    /// PagerDuty.
    #[serde(default, deserialize_with = "null_as_default")]
    pub pagerduty_configs: Vec<Option<PagerdutyConfig>>,
    /// Discord.
    #[serde(default, deserialize_with = "null_as_default")]
    pub discord_configs: Vec<Written>,
    /// E-mail.
    #[serde(default, deserialize_with = "null_as_default")]
    pub email_configs: Vec<Written>,
    /// incident.io.
    #[serde(default, deserialize_with = "null_as_default")]
    pub incidentio_configs: Vec<Written>,
    /// Jira.
    #[serde(default, deserialize_with = "null_as_default")]
    pub jira_configs: Vec<Written>,
    /// Mattermost.
    #[serde(default, deserialize_with = "null_as_default")]
    pub mattermost_configs: Vec<Written>,
    /// Microsoft Teams, connectors.
    #[serde(default, deserialize_with = "null_as_default")]
    pub msteams_configs: Vec<Written>,
    /// Microsoft Teams, workflows.
    #[serde(default, deserialize_with = "null_as_default")]
    pub msteamsv2_configs: Vec<Written>,
    /// Opsgenie.
    #[serde(default, deserialize_with = "null_as_default")]
    pub opsgenie_configs: Vec<Written>,
    /// Pushover.
    #[serde(default, deserialize_with = "null_as_default")]
    pub pushover_configs: Vec<Written>,
    /// Rocket.Chat.
    #[serde(default, deserialize_with = "null_as_default")]
    pub rocketchat_configs: Vec<Written>,
    /// Slack.
    #[serde(default, deserialize_with = "null_as_default")]
    pub slack_configs: Vec<Written>,
    /// Telegram.
    #[serde(default, deserialize_with = "null_as_default")]
    pub telegram_configs: Vec<Written>,
    /// VictorOps.
    #[serde(default, deserialize_with = "null_as_default")]
    pub victorops_configs: Vec<Written>,
    /// Webex.
    #[serde(default, deserialize_with = "null_as_default")]
    pub webex_configs: Vec<Written>,
    /// WeChat.
    #[serde(default, deserialize_with = "null_as_default")]
    pub wechat_configs: Vec<Written>,
}

/// A configuration kept as it was written; `None` for an empty list element.
pub type Written = Option<BTreeMap<String, serde_json::Value>>;

impl Receiver {
    /// The kinds that are kept as written: name of the field, and its elements.
    pub fn written(&self) -> [(&'static str, &Vec<Written>); 15] {
        [
            ("discord_configs", &self.discord_configs),
            ("email_configs", &self.email_configs),
            ("incidentio_configs", &self.incidentio_configs),
            ("jira_configs", &self.jira_configs),
            ("mattermost_configs", &self.mattermost_configs),
            ("msteams_configs", &self.msteams_configs),
            ("msteamsv2_configs", &self.msteamsv2_configs),
            ("opsgenie_configs", &self.opsgenie_configs),
            ("pushover_configs", &self.pushover_configs),
            ("rocketchat_configs", &self.rocketchat_configs),
            ("slack_configs", &self.slack_configs),
            ("telegram_configs", &self.telegram_configs),
            ("victorops_configs", &self.victorops_configs),
            ("webex_configs", &self.webex_configs),
            ("wechat_configs", &self.wechat_configs),
        ]
    }

    /// The webhooks; empty elements do not pass the checks.
    pub fn webhooks(&self) -> impl Iterator<Item = &WebhookConfig> {
        self.webhook_configs.iter().flatten()
    }

    /// The SNS topics; empty elements do not pass the checks.
    pub fn sns(&self) -> impl Iterator<Item = &SnsConfig> {
        self.sns_configs.iter().flatten()
    }
}

/// An HTTP request with JSON for each message.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Whether resolved alerts are told; yes where absent.
    #[serde(default = "yes")]
    pub send_resolved: bool,
    /// Where to.
    #[serde(default)]
    pub url: Option<SecretText>,
    /// A file that holds the URL.
    #[serde(default)]
    pub url_file: Option<String>,
    /// How; the global one where absent.
    #[serde(default)]
    pub http_config: Option<HttpConfig>,
    /// Most alerts in one message; 0: all.
    #[serde(default)]
    pub max_alerts: u64,
    /// For one request; no more than the group interval allows where absent or 0.
    #[serde(default)]
    pub timeout: Option<PromDuration>,
    /// A body of the user's own.
    #[serde(default)]
    pub payload: Option<serde_json::Value>,
}

/// A message on an SNS topic.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnsConfig {
    /// Whether resolved alerts are told; yes where absent.
    #[serde(default = "yes")]
    pub send_resolved: bool,
    /// Another endpoint than AWS's own.
    #[serde(default)]
    pub api_url: Option<String>,
    /// How; the global one where absent.
    #[serde(default)]
    pub http_config: Option<HttpConfig>,
    /// Who signs.
    #[serde(default)]
    pub sigv4: SigV4Config,
    /// The topic.
    #[serde(default)]
    pub topic_arn: Option<String>,
    /// A telephone number instead.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// A mobile endpoint instead.
    #[serde(default)]
    pub target_arn: Option<String>,
    /// Template; `{{ template "sns.default.subject" .}}` where absent.
    #[serde(default)]
    pub subject: Option<String>,
    /// Template; `{{ template "sns.default.message" .}}` where absent.
    #[serde(default)]
    pub message: Option<String>,
    /// Templates.
    #[serde(default, deserialize_with = "null_as_default")]
    pub attributes: BTreeMap<String, String>,
}

/// Who signs requests to AWS.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigV4Config {
    /// The region; AMP requires it.
    #[serde(default)]
    pub region: Option<String>,
    /// Access key; the process's own credentials where absent.
    #[serde(default)]
    pub access_key: Option<String>,
    /// Its secret.
    #[serde(default)]
    pub secret_key: Option<SecretText>,
    /// A named profile of the process's own files.
    #[serde(default)]
    pub profile: Option<String>,
    /// A role to assume.
    #[serde(default)]
    pub role_arn: Option<String>,
    /// For the role's trust policy.
    #[serde(default)]
    pub external_id: Option<String>,
    /// FIPS endpoints.
    #[serde(default)]
    pub use_fips_sts_endpoint: bool,
}

/// An event of PagerDuty.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PagerdutyConfig {
    /// Whether resolved alerts are told; yes where absent.
    #[serde(default = "yes")]
    pub send_resolved: bool,
    /// How; the global one where absent.
    #[serde(default)]
    pub http_config: Option<HttpConfig>,
    /// Key of API version 1.
    #[serde(default)]
    pub service_key: Option<KeySource>,
    /// A file that holds it.
    #[serde(default)]
    pub service_key_file: Option<String>,
    /// Key of API version 2.
    #[serde(default)]
    pub routing_key: Option<KeySource>,
    /// A file that holds it.
    #[serde(default)]
    pub routing_key_file: Option<String>,
    /// Another endpoint; the global one where absent.
    #[serde(default)]
    pub url: Option<String>,
    /// Template.
    #[serde(default)]
    pub client: Option<String>,
    /// Template.
    #[serde(default)]
    pub client_url: Option<String>,
    /// Template.
    #[serde(default)]
    pub description: Option<String>,
    /// Templates, nested at will.
    #[serde(default, deserialize_with = "null_as_default")]
    pub details: BTreeMap<String, serde_json::Value>,
    /// Pictures.
    #[serde(default, deserialize_with = "null_as_default")]
    pub images: Vec<BTreeMap<String, String>>,
    /// Links.
    #[serde(default, deserialize_with = "null_as_default")]
    pub links: Vec<BTreeMap<String, String>>,
    /// Template.
    #[serde(default)]
    pub source: Option<String>,
    /// Template.
    #[serde(default)]
    pub severity: Option<String>,
    /// Template.
    #[serde(default)]
    pub class: Option<String>,
    /// Template.
    #[serde(default)]
    pub component: Option<String>,
    /// Template.
    #[serde(default)]
    pub group: Option<String>,
    /// For one request.
    #[serde(default)]
    pub timeout: Option<PromDuration>,
}

/// A key: written out, referenced, or AMP's way of naming a secret of AWS.
#[derive(Clone, Debug, PartialEq)]
pub enum KeySource {
    /// A text or a `secret://` reference.
    Secret(SecretText),
    /// AMP's `aws_secrets_manager`.
    AwsSecretsManager(AwsSecret),
}

/// A secret kept by AWS.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsSecret {
    /// Which.
    pub secret_arn: String,
    /// The entry in it.
    #[serde(default)]
    pub secret_key: Option<String>,
    /// How often it is read again.
    #[serde(default)]
    pub refresh_interval: Option<PromDuration>,
}

impl<'de> Deserialize<'de> for KeySource {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wrapped {
            aws_secrets_manager: AwsSecret,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Aws(Wrapped),
        }
        match Either::deserialize(from)? {
            Either::Text(text) => text.parse().map(Self::Secret).map_err(serde::de::Error::custom),
            Either::Aws(wrapped) => Ok(Self::AwsSecretsManager(wrapped.aws_secrets_manager)),
        }
    }
}

fn yes() -> bool {
    true
}
