//! Verdicts on definitions that come through the API.

use protocol::fault::Fault;

use crate::control::ports::Checks;

/// The checks: those of `hearth check` and of the webhook.
pub const CHECKS: Checks =
    Checks { rules: |text, _features| check::specs::rule_file(text), alert_manager: definition };

fn definition(text: &str) -> Vec<Fault> {
    check::specs::definition(text)
}
