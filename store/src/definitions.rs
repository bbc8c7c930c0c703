//! Verdicts on definitions that come through the API.

use protocol::fault::Fault;
use rules::check::check_text;
use rules::spec::RuleSettings;

use crate::control::ports::Checks;
use crate::query_source::parse_options_of;

/// The checks: those of `hearth check` and of the webhook, under the workspace's feature flags.
pub const CHECKS: Checks = Checks { rules: rule_file, alert_manager: check::specs::definition };

fn rule_file(text: &str, features: &[String]) -> Vec<Fault> {
    let has = |name: &str| features.iter().any(|feature| feature == name);
    let settings = RuleSettings { parse_options: parse_options_of(has), ..RuleSettings::default() };
    check_text(text, &settings).err().unwrap_or_default()
}
