//! What manifests ask of the control API. Pure.

use std::collections::BTreeMap;

use check::manifest::{Body, Manifest, ObjectKey, SecretValues};
use crds::alert_manager_config::AlertManagerConfigSpec;
use crds::references::WorkspaceRef;
use crds::rule_group::RuleGroupSpec;
use crds::scraper::ScraperSpec;
use crds::workspace::WorkspaceSpec;
use protocol::amp_api::configuration::{
    ConfigurationDescription, ConfigurationExtras, LabelSetLimits, LimitsPerLabelSet, Reach,
    UpdateConfigurationRequest,
};

/// The manifests by what they belong to.
#[derive(Debug, Default)]
pub struct Desired<'a> {
    /// By namespace and name.
    pub workspaces: BTreeMap<(String, String), WantedWorkspace<'a>>,
    /// Collectors, with the workspace they write to (none: a remote receiver).
    pub scrapers: Vec<(&'a ObjectKey, &'a ScraperSpec)>,
    /// What refers to something that is not there.
    pub dangling: Vec<String>,
}

/// One workspace and what hangs on it.
#[derive(Debug)]
pub struct WantedWorkspace<'a> {
    /// The object.
    pub key: &'a ObjectKey,
    /// What it asks for.
    pub spec: &'a WorkspaceSpec,
    /// Rule groups namespaces: name, owner's key, content.
    pub rules: Vec<(String, &'a ObjectKey, String)>,
    /// The alert manager definition.
    pub alert_manager: Option<(&'a ObjectKey, &'a AlertManagerConfigSpec)>,
    /// Secrets of the same namespace.
    pub secrets: Vec<(&'a ObjectKey, &'a SecretValues)>,
}

/// The owner that `up` writes into what it makes for a manifest.
pub fn owner(key: &ObjectKey) -> String {
    match key.namespace.as_str() {
        check::manifest::DEFAULT_NAMESPACE => format!("up/{}", key.name),
        namespace => format!("up/{namespace}/{}", key.name),
    }
}

/// Sorts manifests by the workspace they belong to.
pub fn desired(manifests: &BTreeMap<ObjectKey, Manifest>) -> Desired<'_> {
    let mut desired = Desired::default();
    for (key, manifest) in manifests {
        if let Body::Workspace(spec) = &manifest.body {
            let wanted = WantedWorkspace {
                key,
                spec,
                rules: Vec::new(),
                alert_manager: None,
                secrets: Vec::new(),
            };
            desired.workspaces.insert((key.namespace.clone(), key.name.clone()), wanted);
        }
    }
    for (key, manifest) in manifests {
        match &manifest.body {
            // A Store is what this process is; its shape belongs to a cluster.
            Body::Workspace(_) | Body::Store(_) => {}
            Body::Secret(values) => {
                let same =
                    |(at, _): &(&(String, String), &mut WantedWorkspace<'_>)| at.0 == key.namespace;
                for (_, workspace) in desired.workspaces.iter_mut().filter(same) {
                    workspace.secrets.push((key, values));
                }
            }
            Body::Scraper(spec) => {
                if let Some(reference) = &spec.destination.workspace_ref {
                    let target = target(key, reference);
                    if let Err(reason) = permitted(&desired, key, &target) {
                        desired.dangling.push(reason);
                        continue;
                    }
                }
                desired.scrapers.push((key, spec));
            }
            Body::RuleGroup(spec) => {
                let target = target(key, &spec.workspace_ref);
                match permitted(&desired, key, &target) {
                    Ok(()) => {
                        if let Some(workspace) = desired.workspaces.get_mut(&target) {
                            workspace.rules.push((namespace_name(key, spec), key, rule_file(spec)));
                        }
                    }
                    Err(reason) => desired.dangling.push(reason),
                }
            }
            Body::AlertManagerConfig(spec) => {
                let target = target(key, &spec.workspace_ref);
                if let Err(reason) = permitted(&desired, key, &target) {
                    desired.dangling.push(reason);
                    continue;
                }
                let Some(workspace) = desired.workspaces.get_mut(&target) else { continue };
                match workspace.alert_manager {
                    None => workspace.alert_manager = Some((key, spec)),
                    Some((first, _)) => desired.dangling.push(format!(
                        "{key}: Workspace {} has the definition of {first} already; one each",
                        target.1
                    )),
                }
            }
        }
    }
    desired
}

/// The workspace that a reference means.
pub fn target(from: &ObjectKey, reference: &WorkspaceRef) -> (String, String) {
    let namespace = reference.namespace.clone().unwrap_or_else(|| from.namespace.clone());
    (namespace, reference.name.clone())
}

fn permitted(
    desired: &Desired<'_>,
    from: &ObjectKey,
    target: &(String, String),
) -> Result<(), String> {
    let Some(workspace) = desired.workspaces.get(target) else {
        return Err(format!("{from}: there is no Workspace {}/{}", target.0, target.1));
    };
    let listed = workspace.spec.access.as_ref().is_some_and(|access| {
        access.namespaces.iter().any(|name| name == "*" || *name == from.namespace)
    });
    if target.0 == from.namespace || listed {
        return Ok(());
    }
    Err(format!(
        "{from}: Workspace {}/{} does not list the namespace {} in spec.access.namespaces",
        target.0, target.1, from.namespace
    ))
}

fn namespace_name(key: &ObjectKey, spec: &RuleGroupSpec) -> String {
    spec.namespace_name.clone().unwrap_or_else(|| format!("{}-{}", key.namespace, key.name))
}

/// The rule file that a RuleGroup stands for. JSON is YAML, too.
pub fn rule_file(spec: &RuleGroupSpec) -> String {
    match &spec.configuration {
        Some(text) => text.clone(),
        None => serde_json::json!({ "groups": spec.groups }).to_string(),
    }
}

/// The patch that makes a configuration what the spec asks for; `None` where it is so already.
pub fn configuration_patch(
    spec: &WorkspaceSpec,
    now: &ConfigurationDescription,
) -> Option<UpdateConfigurationRequest> {
    let mut patch = UpdateConfigurationRequest::default();
    let mut extras = ConfigurationExtras::default();
    let running = now.hearth.clone().unwrap_or_default();
    let differs = |wanted: &Option<u32>, now: Option<u32>| wanted.is_some() && *wanted != now;
    if differs(&spec.retention_period_in_days, now.retention_period_in_days) {
        patch.retention_period_in_days = spec.retention_period_in_days;
    }
    if spec.retention.is_some() && running.retention != Some(Reach::Unlimited) {
        extras.retention = Some(Reach::Unlimited);
    }
    let window = spec.out_of_order_time_window_in_seconds.map(|seconds| seconds as u32);
    if differs(&window, now.out_of_order_time_window_in_seconds) {
        patch.out_of_order_time_window_in_seconds = window;
    }
    if spec.out_of_order.is_some() && running.out_of_order != Some(Reach::Unlimited) {
        extras.out_of_order = Some(Reach::Unlimited);
    }
    if differs(&spec.rule_query_offset_in_seconds, Some(now.rule_query_offset_in_seconds)) {
        patch.rule_query_offset_in_seconds = spec.rule_query_offset_in_seconds;
    }
    let features = running.features.unwrap_or_default();
    if spec.features.iter().any(|f| !features.contains(f)) || spec.features.len() != features.len()
    {
        extras.features = Some(spec.features.clone());
    }
    let limits = running.limits.unwrap_or_default();
    if spec.limits.iter().any(|(name, value)| limits.get(name) != Some(value)) {
        extras.limits = Some(spec.limits.clone());
    }
    let sets: Vec<LimitsPerLabelSet> = spec
        .limits_per_label_set
        .iter()
        .map(|set| LimitsPerLabelSet {
            limits: LabelSetLimits { max_series: Some(set.limits.max_series) },
            label_set: set.label_set.clone(),
        })
        .collect();
    if sets != now.limits_per_label_set {
        patch.limits_per_label_set = Some(sets);
    }
    if extras != ConfigurationExtras::default() {
        patch.hearth = Some(extras);
    }
    (patch != UpdateConfigurationRequest::default()).then_some(patch)
}
