//! What is wrong in the text of a rule file.

use promql::options::ParseOptions;
use protocol::fault::Fault;
use rules::check::{check_text, duplicate_rules};
use rules::spec::RuleSettings;

/// What rules may say in some workspace: which of it this one understands, its features tell.
pub const RULE_OPTIONS: ParseOptions = ParseOptions::ALL;

/// Judges a rule file. What only some workspaces understand is no fault of the file's.
pub fn rule_file(text: &str) -> Vec<Fault> {
    let settings = RuleSettings { parse_options: RULE_OPTIONS, ..RuleSettings::default() };
    check_text(text, &settings).err().unwrap_or_default()
}

/// What a good rule file says that needs a feature of the workspace, or is hardly meant.
pub fn rule_warnings(text: &str) -> Vec<Fault> {
    if !rule_file(text).is_empty() {
        return Vec::new();
    }
    let needs = |fault: Fault| Fault {
        message: format!("only where the workspace has the feature on: {}", fault.message),
        ..fault
    };
    match check_text(text, &RuleSettings::default()) {
        Ok(file) => duplicate_rules(&file),
        Err(faults) => faults.into_iter().map(needs).collect(),
    }
}
