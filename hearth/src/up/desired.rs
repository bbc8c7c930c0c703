//! What manifests ask of the control API. Pure.

use std::collections::BTreeMap;

use check::manifest::{Body, Manifest, ObjectKey, SecretValues};
use crds::alert_manager_config::AlertManagerConfigSpec;
use crds::references::WorkspaceRef;
use crds::scraper::ScraperSpec;
use crds::workspace::WorkspaceSpec;
use operator::control::wanted;

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
                            let name = wanted::namespace_name(&key.namespace, &key.name, spec);
                            workspace.rules.push((name, key, wanted::rule_file(spec)));
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
    if wanted::permitted(workspace.spec, &target.0, &from.namespace) {
        return Ok(());
    }
    Err(format!(
        "{from}: Workspace {}/{} does not list the namespace {} in spec.access.namespaces",
        target.0, target.1, from.namespace
    ))
}
