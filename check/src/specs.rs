//! What a schema cannot say of a spec.

use std::collections::BTreeMap;

use alertmanager::plan::Plan as AlertPlan;
use crds::alert_manager_config::AlertManagerConfigSpec;
use crds::rule_group::RuleGroupSpec;
use crds::store::StoreSpec;
use crds::workspace::{LimitsPerLabelSet, WorkspaceSpec};
use protocol::alertmanager_config::definition::Origin;
use protocol::amp_api::configuration::{OUT_OF_ORDER_SECONDS_MAX, RETENTION_DAYS_MAX};
use protocol::fault::Fault;
use protocol::features::refusal;
use protocol::labels::is_legacy_label_name;
use protocol::limits::Limits;
use protocol::rule_file::RuleFile;
use protocol::scrape_config::ScrapeConfiguration;

use crate::judgement::{Judgement, Source};
use crate::patience::Patience;
use crate::rule_text::{rule_file, rule_warnings};
use crate::unit_test_run::Report;
use crate::unit_tests::Plan;
use crate::{pods, selectors, unit_test_run};

/// The prefix of tags that are Hearth's own.
const RESERVED_TAGS: &str = "hearth.dev/";

/// Judges a Store.
pub fn store(spec: &StoreSpec) -> Judgement {
    let mut judgement = Judgement::default();
    let StoreSpec {
        image: _,
        volume,
        resources,
        placement,
        tls: _,
        network_policy,
        deletion_policy: _,
    } = spec;
    if let Some(volume) = volume {
        pods::quantity(&mut judgement, "spec.volume.size", &volume.size);
    }
    if let Some(resources) = resources {
        pods::resources(&mut judgement, "spec.resources", resources);
    }
    if let Some(placement) = placement {
        pods::placement(&mut judgement, "spec.placement", placement);
    }
    if let Some(policy) = network_policy
        && !policy.enabled
        && !policy.from_namespaces.is_empty()
    {
        let message = "has no effect: the policy is not enabled";
        judgement.warn("spec.networkPolicy.fromNamespaces", message);
    }
    judgement
}

/// Judges a Workspace.
pub fn workspace(spec: &WorkspaceSpec) -> Judgement {
    let mut judgement = Judgement::default();
    if spec.retention.is_some() && spec.retention_period_in_days.is_some() {
        judgement.exclude("spec.retention", "spec.retentionPeriodInDays");
    }
    match spec.retention_period_in_days {
        Some(0) => {
            judgement.refuse("spec.retentionPeriodInDays", "0 is below the minimum of 1");
        }
        Some(days) if days > RETENTION_DAYS_MAX => {
            let message = format!("{days} exceeds the limit of {RETENTION_DAYS_MAX}");
            judgement.refuse("spec.retentionPeriodInDays", message);
        }
        Some(_) | None => {}
    }
    if spec.out_of_order.is_some() && spec.out_of_order_time_window_in_seconds.is_some() {
        judgement.exclude("spec.outOfOrder", "spec.outOfOrderTimeWindowInSeconds");
    }
    let window = spec.out_of_order_time_window_in_seconds;
    if let Some(window) = window.filter(|window| *window > OUT_OF_ORDER_SECONDS_MAX.into()) {
        let message = format!("{window} exceeds the limit of {OUT_OF_ORDER_SECONDS_MAX}");
        judgement.refuse("spec.outOfOrderTimeWindowInSeconds", message);
    }
    tags(&mut judgement, &spec.tags);
    for (name, value) in &spec.limits {
        if let Err(error) = Limits::default().set(name, *value) {
            judgement.refuse(&format!("spec.limits.{name}"), error.to_string());
        }
    }
    label_sets(&mut judgement, &spec.limits_per_label_set);
    for (number, flag) in spec.features.iter().enumerate() {
        if let Some(message) = refusal(flag) {
            judgement.refuse(&format!("spec.features[{number}]"), message);
        }
    }
    if let Some(rules) = &spec.rules {
        let kinds =
            [("prometheusRules", &rules.prometheus_rules), ("googleRules", &rules.google_rules)];
        for (name, selector) in kinds {
            if let Some(selector) = selector {
                selectors::objects(&mut judgement, &format!("spec.rules.{name}"), selector);
            }
        }
        if kinds.iter().all(|(_, selector)| selector.is_none()) {
            let message = "has no effect: it names neither prometheusRules nor googleRules";
            judgement.warn("spec.rules", message);
        }
    }
    judgement
}

fn label_sets(judgement: &mut Judgement, sets: &[LimitsPerLabelSet]) {
    for (number, set) in sets.iter().enumerate() {
        let path = format!("spec.limitsPerLabelSet[{number}].labelSet");
        let good = |(name, value): (&String, &String)| {
            is_legacy_label_name(name) && !value.is_empty() && value.is_ascii()
        };
        if !set.label_set.iter().all(good) {
            let message = "names of letters, digits and _, and values of ASCII characters only";
            judgement.refuse(&path, message);
        }
        if sets[..number].iter().any(|other| other.label_set == set.label_set) {
            judgement.refuse(&path, "these labels stand already in an earlier set");
        }
    }
}

/// Judges tags: those of Hearth's own prefix are not the user's.
pub fn tags(judgement: &mut Judgement, tags: &BTreeMap<String, String>) {
    if let Some(tag) = tags.keys().find(|tag| tag.starts_with(RESERVED_TAGS)) {
        judgement.refuse("spec.tags", format!("the prefix of {tag:?} is reserved"));
    }
}

/// Judges a RuleGroup, the rules in it, and what their unit tests say.
pub fn rule_group(spec: &RuleGroupSpec, source: Source<'_>, patience: &Patience) -> Judgement {
    let mut judgement = Judgement::default();
    // Lines of the JSON say nothing to the user: the path finds the place in the manifest.
    let bare = |fault: Fault| Fault { line: 0, column: 0, ..fault }.below("spec");
    let text = match (&spec.configuration, spec.groups.is_empty()) {
        (Some(_), false) => {
            judgement.exclude("spec.configuration", "spec.groups");
            return judgement;
        }
        (None, true) => {
            judgement.refuse("spec", "one of groups and configuration must be given");
            return judgement;
        }
        (Some(configuration), true) => {
            let told = |faults| source.embed("spec.configuration", faults);
            judgement.faults = told(rule_file(configuration));
            judgement.warnings = told(rule_warnings(configuration));
            configuration.clone()
        }
        (None, false) => {
            let file = serde_json::json!({ "groups": spec.groups }).to_string();
            judgement.faults = rule_file(&file).into_iter().map(bare).collect();
            judgement.warnings = rule_warnings(&file).into_iter().map(bare).collect();
            file
        }
    };
    if spec.tests.is_empty() || !judgement.faults.is_empty() {
        return judgement;
    }
    let report = match (Plan::from_values(&spec.tests), RuleFile::parse(&text)) {
        (Ok(plan), Ok(file)) => unit_test_run::run(&plan, &[("rules".to_owned(), file)], patience),
        (Err(faults), _) | (_, Err(faults)) => Report { faults, ..Report::default() },
    };
    judgement.faults = report.faults.into_iter().map(bare).collect();
    judgement.warnings.extend(report.warnings.into_iter().map(bare));
    judgement.unfinished = report.unfinished;
    judgement
}

/// Judges an AlertManagerConfig and the definition in it.
pub fn alert_manager_config(spec: &AlertManagerConfigSpec, source: Source<'_>) -> Judgement {
    let faults = source.embed("spec.definition", definition(&spec.definition));
    Judgement { faults, ..Judgement::default() }
}

/// Judges a scrape configuration.
pub fn scrape_configuration(text: &str) -> Vec<Fault> {
    ScrapeConfiguration::parse(text).err().unwrap_or_default()
}

/// Judges an alert manager definition, or a plain alert manager configuration.
pub fn definition(text: &str) -> Vec<Fault> {
    AlertPlan::check(text, Origin::Api).err().unwrap_or_default()
}
