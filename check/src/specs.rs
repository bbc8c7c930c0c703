//! What a schema cannot say of a spec.

use crds::alert_manager_config::AlertManagerConfigSpec;
use crds::rule_group::RuleGroupSpec;
use crds::scraper::ScraperSpec;
use crds::workspace::WorkspaceSpec;
use protocol::fault::Fault;

/// Judges a Workspace.
pub fn workspace(spec: &WorkspaceSpec) -> Vec<Fault> {
    let mut faults = Vec::new();
    if spec.retention.is_some() && spec.retention_period_in_days.is_some() {
        faults.push(excluded("spec.retention", "spec.retentionPeriodInDays"));
    }
    if spec.retention_period_in_days == Some(0) {
        faults.push(Fault::at_path("spec.retentionPeriodInDays", "0 is below the minimum of 1"));
    }
    if spec.out_of_order.is_some() && spec.out_of_order_time_window_in_seconds.is_some() {
        faults.push(excluded("spec.outOfOrder", "spec.outOfOrderTimeWindowInSeconds"));
    }
    if let Some(offset) = spec.rule_query_offset_in_seconds.filter(|&offset| offset > 86_400) {
        let message = format!("{offset} exceeds the limit of 86400");
        faults.push(Fault::at_path("spec.ruleQueryOffsetInSeconds", message));
    }
    if let Some(tag) = spec.tags.keys().find(|tag| tag.starts_with("hearth.dev/")) {
        faults.push(Fault::at_path("spec.tags", format!("the prefix of {tag:?} is reserved")));
    }
    faults
}

/// Judges a Scraper and the scrape configuration in it.
pub fn scraper(spec: &ScraperSpec, _text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    match (&spec.destination.workspace_ref, &spec.destination.remote_write) {
        (Some(_), Some(_)) => {
            faults.push(excluded("spec.destination.workspaceRef", "spec.destination.remoteWrite"))
        }
        (None, None) => faults.push(Fault::at_path(
            "spec.destination",
            "one of workspaceRef and remoteWrite must be given",
        )),
        _ => {}
    }
    faults
}

/// Judges a RuleGroup and the rules in it.
pub fn rule_group(spec: &RuleGroupSpec, _text: &str) -> Vec<Fault> {
    match (&spec.configuration, spec.groups.is_empty()) {
        (Some(_), false) => vec![excluded("spec.configuration", "spec.groups")],
        (None, true) => {
            vec![Fault::at_path("spec", "one of groups and configuration must be given")]
        }
        _ => Vec::new(),
    }
}

/// Judges an AlertManagerConfig and the definition in it.
pub fn alert_manager_config(_spec: &AlertManagerConfigSpec, _text: &str) -> Vec<Fault> {
    Vec::new()
}

fn excluded(path: &str, other: &str) -> Fault {
    Fault::at_path(path, format!("cannot stand beside {other}"))
}
