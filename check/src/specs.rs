//! What a schema cannot say of a spec.

use alertmanager::plan::Plan;
use crds::alert_manager_config::AlertManagerConfigSpec;
use crds::rule_group::RuleGroupSpec;
use crds::scraper::ScraperSpec;
use crds::workspace::WorkspaceSpec;
use protocol::alertmanager_config::definition::Origin;
use protocol::fault::Fault;
use protocol::scrape_config::ScrapeConfiguration;
use protocol::yaml;
use rules::check::check_text;
use rules::spec::RuleSettings;

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
pub fn scraper(spec: &ScraperSpec, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    match (&spec.destination.workspace_ref, &spec.destination.remote_write) {
        (Some(_), Some(_)) => {
            faults.push(excluded("spec.destination.workspaceRef", "spec.destination.remoteWrite"));
        }
        (None, None) => faults.push(Fault::at_path(
            "spec.destination",
            "one of workspaceRef and remoteWrite must be given",
        )),
        _ => {}
    }
    if let Some(configuration) = &spec.scrape_configuration {
        let inner = scrape_configuration(configuration);
        faults.extend(yaml::embed(text, "spec.scrapeConfiguration", inner));
    } else if spec.monitors.is_none() {
        let message = "one of scrapeConfiguration and monitors must be given";
        faults.push(Fault::at_path("spec", message));
    }
    faults
}

/// Judges a RuleGroup and the rules in it.
pub fn rule_group(spec: &RuleGroupSpec, text: &str) -> Vec<Fault> {
    match (&spec.configuration, spec.groups.is_empty()) {
        (Some(_), false) => vec![excluded("spec.configuration", "spec.groups")],
        (None, true) => {
            vec![Fault::at_path("spec", "one of groups and configuration must be given")]
        }
        (Some(configuration), true) => {
            yaml::embed(text, "spec.configuration", rule_file(configuration))
        }
        (None, false) => {
            let file = serde_json::json!({ "groups": spec.groups }).to_string();
            // Lines of the JSON say nothing to the user: the path finds the place in the manifest.
            let bare = |fault: Fault| Fault { line: 0, column: 0, ..fault }.below("spec");
            rule_file(&file).into_iter().map(bare).collect()
        }
    }
}

/// Judges a rule file.
pub fn rule_file(text: &str) -> Vec<Fault> {
    check_text(text, &RuleSettings::default()).err().unwrap_or_default()
}

/// Judges an AlertManagerConfig and the definition in it.
pub fn alert_manager_config(spec: &AlertManagerConfigSpec, text: &str) -> Vec<Fault> {
    yaml::embed(text, "spec.definition", definition(&spec.definition))
}

/// Judges a scrape configuration.
pub fn scrape_configuration(text: &str) -> Vec<Fault> {
    ScrapeConfiguration::parse(text).err().unwrap_or_default()
}

/// Judges an alert manager definition, or a plain alert manager configuration.
pub fn definition(text: &str) -> Vec<Fault> {
    Plan::check(text, Origin::Api).err().unwrap_or_default()
}

fn excluded(path: &str, other: &str) -> Fault {
    Fault::at_path(path, format!("cannot stand beside {other}"))
}
