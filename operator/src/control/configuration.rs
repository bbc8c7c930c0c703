//! What of a workspace's configuration must change. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crds::workspace::WorkspaceSpec;
use protocol::amp_api::configuration::{
    ConfigurationDescription, ConfigurationExtras, LabelSetLimits, LimitsPerLabelSet,
    OUT_OF_ORDER_SECONDS_DEFAULT, RETENTION_DAYS_DEFAULT, Reach, UpdateConfigurationRequest,
};
use protocol::limits::Limits;
use protocol::time::PromDuration;

/// The patch that makes a configuration what the spec asks for; `None` where it is so already.
///
/// What the spec leaves out goes back to its default. Of a workspace that was there before
/// (`workspaceId`) it stays as it is, so that adopting one never shortens what it keeps.
pub fn configuration_patch(
    spec: &WorkspaceSpec,
    now: &ConfigurationDescription,
) -> Option<UpdateConfigurationRequest> {
    let adopted = spec.workspace_id.is_some();
    let mut patch = UpdateConfigurationRequest::default();
    let mut extras = ConfigurationExtras::default();
    let running = now.hearth.clone().unwrap_or_default();
    set_retention(spec, now, &running, &mut patch, &mut extras);
    set_out_of_order(spec, now, &running, &mut patch, &mut extras);
    let offset = spec.rule_query_offset_in_seconds.or((!adopted).then_some(0));
    patch.rule_query_offset_in_seconds =
        offset.filter(|wanted| *wanted != now.rule_query_offset_in_seconds);
    let features: BTreeSet<String> = spec.features.iter().cloned().collect();
    let on: BTreeSet<String> = running.features.unwrap_or_default().into_iter().collect();
    if features != on && (!adopted || !features.is_empty()) {
        extras.features = Some(features.into_iter().collect());
    }
    let limits = limits_patch(&spec.limits, &running.limits.unwrap_or_default(), adopted);
    extras.limits = (!limits.is_empty()).then_some(limits);
    let sets = label_sets(spec);
    if sets != now.limits_per_label_set && (!adopted || !sets.is_empty()) {
        patch.limits_per_label_set = Some(sets);
    }
    if extras != ConfigurationExtras::default() {
        patch.hearth = Some(extras);
    }
    (patch != UpdateConfigurationRequest::default()).then_some(patch)
}

fn set_retention(
    spec: &WorkspaceSpec,
    now: &ConfigurationDescription,
    running: &ConfigurationExtras,
    patch: &mut UpdateConfigurationRequest,
    extras: &mut ConfigurationExtras,
) {
    if spec.retention.is_some() {
        let differs = running.retention != Some(Reach::Unlimited);
        extras.retention = differs.then_some(Reach::Unlimited);
        return;
    }
    let default = spec.workspace_id.is_none().then_some(RETENTION_DAYS_DEFAULT);
    let days = spec.retention_period_in_days.or(default);
    patch.retention_period_in_days =
        days.filter(|wanted| now.retention_period_in_days != Some(*wanted));
}

fn set_out_of_order(
    spec: &WorkspaceSpec,
    now: &ConfigurationDescription,
    running: &ConfigurationExtras,
    patch: &mut UpdateConfigurationRequest,
    extras: &mut ConfigurationExtras,
) {
    if spec.out_of_order.is_some() {
        let differs = running.out_of_order != Some(Reach::Unlimited);
        extras.out_of_order = differs.then_some(Reach::Unlimited);
        return;
    }
    let default = spec.workspace_id.is_none().then_some(u64::from(OUT_OF_ORDER_SECONDS_DEFAULT));
    let Some(seconds) = spec.out_of_order_time_window_in_seconds.or(default) else { return };
    // What does not fit into AMP's field is told as a reach, for the store to refuse by name.
    match u32::try_from(seconds) {
        Ok(seconds) if now.out_of_order_time_window_in_seconds == Some(seconds) => {}
        Ok(seconds) => patch.out_of_order_time_window_in_seconds = Some(seconds),
        Err(_) => {
            let reach = Reach::For(PromDuration::from_secs(seconds));
            extras.out_of_order = (running.out_of_order != Some(reach)).then_some(reach);
        }
    }
}

/// Limits that differ; those set and no longer asked for go back to their default.
fn limits_patch(
    wanted: &BTreeMap<String, u64>,
    set: &BTreeMap<String, u64>,
    adopted: bool,
) -> BTreeMap<String, u64> {
    let defaults = Limits::default();
    let now = |name: &str| set.get(name).copied().or_else(|| defaults.get(name));
    let differ = wanted.iter().filter(|(name, value)| now(name) != Some(**value));
    let mut patch: BTreeMap<String, u64> =
        differ.map(|(name, value)| (name.clone(), *value)).collect();
    let gone = set.iter().filter(|(name, _)| !adopted && !wanted.contains_key(*name));
    let reset = gone.filter_map(|(name, value)| {
        let default = defaults.get(name)?;
        (default != *value).then(|| (name.clone(), default))
    });
    patch.extend(reset);
    patch
}

fn label_sets(spec: &WorkspaceSpec) -> Vec<LimitsPerLabelSet> {
    let one = |set: &crds::workspace::LimitsPerLabelSet| LimitsPerLabelSet {
        limits: LabelSetLimits { max_series: Some(set.limits.max_series) },
        label_set: set.label_set.clone(),
    };
    spec.limits_per_label_set.iter().map(one).collect()
}

/// All limits that are in force, by name.
pub fn effective_limits(now: &ConfigurationDescription) -> BTreeMap<String, u64> {
    let set = now.hearth.as_ref().and_then(|extras| extras.limits.clone()).unwrap_or_default();
    let defaults = protocol::limits::LIMITS.iter();
    let mut limits: BTreeMap<String, u64> =
        defaults.map(|info| (info.name.to_owned(), info.default)).collect();
    limits.extend(set);
    limits
}

#[cfg(test)]
mod tests {
    use crds::workspace::Unlimited;
    use protocol::amp_api::status::Status;

    use super::*;

    fn fresh() -> ConfigurationDescription {
        ConfigurationDescription {
            status: Status::active(),
            limits_per_label_set: Vec::new(),
            retention_period_in_days: Some(RETENTION_DAYS_DEFAULT),
            out_of_order_time_window_in_seconds: Some(OUT_OF_ORDER_SECONDS_DEFAULT),
            rule_query_offset_in_seconds: 0,
            hearth: Some(ConfigurationExtras {
                features: Some(Vec::new()),
                ..ConfigurationExtras::default()
            }),
        }
    }

    fn limits(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn a_fresh_workspace_of_an_empty_spec_needs_nothing() {
        assert_eq!(configuration_patch(&WorkspaceSpec::default(), &fresh()), None);
    }

    #[test]
    fn what_the_spec_no_longer_says_goes_back_to_its_default() {
        let mut now = fresh();
        now.retention_period_in_days = None;
        let extras = now.hearth.as_mut().expect("there");
        extras.retention = Some(Reach::Unlimited);
        extras.limits = Some(limits(&[("activeSeries", 5), ("secrets", 3)]));
        let spec = WorkspaceSpec { limits: limits(&[("secrets", 3)]), ..WorkspaceSpec::default() };
        let patch = configuration_patch(&spec, &now).expect("a difference");
        assert_eq!(patch.retention_period_in_days, Some(RETENTION_DAYS_DEFAULT));
        let extras = patch.hearth.expect("limits");
        assert_eq!(extras.limits, Some(limits(&[("activeSeries", 10_000_000)])));
    }

    #[test]
    fn adopting_changes_only_what_is_asked_for() {
        let mut now = fresh();
        now.retention_period_in_days = Some(400);
        now.rule_query_offset_in_seconds = 60;
        let mut spec =
            WorkspaceSpec { workspace_id: Some("ws-1".into()), ..WorkspaceSpec::default() };
        assert_eq!(configuration_patch(&spec, &now), None);
        spec.rule_query_offset_in_seconds = Some(30);
        let patch = configuration_patch(&spec, &now).expect("a difference");
        assert_eq!(patch.rule_query_offset_in_seconds, Some(30));
        assert_eq!(patch.retention_period_in_days, None);
    }

    #[test]
    fn features_are_a_set_and_unlimited_is_asked_once() {
        let mut now = fresh();
        let on = vec!["a".to_owned(), "b".to_owned()];
        let extras = now.hearth.as_mut().expect("there");
        (extras.features, extras.retention) = (Some(on), Some(Reach::Unlimited));
        now.retention_period_in_days = None;
        let spec = WorkspaceSpec {
            features: vec!["b".into(), "a".into(), "b".into()],
            retention: Some(Unlimited::Unlimited),
            ..WorkspaceSpec::default()
        };
        assert_eq!(configuration_patch(&spec, &now), None);
    }
}
