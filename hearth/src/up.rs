//! `hearth up`: everything in one process, from manifests.
//!
//! Nothing takes a short cut: manifests go through the control API, samples through remote write,
//! the terminal's lines come from the same API that everybody else asks.

mod collectors;
mod console;
mod desired;
mod in_process;
mod reconcile;
mod source;
mod targets;
mod view;
mod watch;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use check::manifest::{Body, Manifest, ObjectKey};
use operator::control::client::ControlClient;
use operator::control::transport::Transport;
use protocol::workspace::WorkspaceId;
use scraper::scraper_spec;
use serde_json::Value;
use store::store::Store;

use crate::cli::UpArgs;
use crate::serve::{Opened, stop_signal};
use crate::up::collectors::{Collectors, Target, remote_target};
use crate::up::console::{View, changes};
use crate::up::desired::{Desired, desired, target};
use crate::up::in_process::InProcess;
use crate::up::reconcile::{Applied, Reconciler};
use crate::up::source::{Snapshot, Source};
use crate::up::watch::Watch;

/// How often the terminal looks whether something changed.
const LOOK: Duration = Duration::from_secs(1);

/// Runs until it is told to stop.
pub async fn run(args: UpArgs) -> anyhow::Result<()> {
    let mut source = Source::new(args.files.clone());
    // Before the first look, so that no change falls between.
    let mut watch = Watch::start(source.paths());
    let first = source.read();
    if first.manifests.is_empty() {
        let faults: Vec<String> = first.faults.iter().map(ToString::to_string).collect();
        anyhow::bail!("nothing to run in {:?}\n{}", args.files, faults.join("\n"));
    }
    let opened = Opened::open(&args.serve).await?;
    let mut up = Up::new(&opened.store, args.default_workspace);
    // Only what is programmed answers: whoever finds the port open finds the workspaces, too.
    up.apply(source.last()).await;
    let running = opened.serve();
    say(&[format!(
        "hearth   listens on {}, keeps its data in {}",
        running.store.settings.external_url,
        args.serve.data_dir.display()
    )]);
    let stop = stop_signal();
    tokio::pin!(stop);
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            signal = &mut stop => break signal.context("waiting for the end")?,
            () = watch.changed() => up.apply(source.read()).await,
            _ = look.tick() => up.show().await,
        }
    }
    say(&["hearth   stops".to_owned()]);
    up.collectors.shutdown().await;
    running.stop().await;
    Ok(())
}

struct Up {
    store: Arc<Store>,
    api: ControlClient,
    reconciler: Reconciler,
    collectors: Collectors,
    default_workspace: Option<String>,
    workspaces: BTreeMap<(String, String), WorkspaceId>,
    /// What is wrong with the source or with applying it.
    troubles: Vec<String>,
    /// What in the source is without effect.
    warnings: Vec<String>,
    shown: View,
    /// What `/api/v1/targets` answers, as of the last look.
    targets: Arc<RwLock<BTreeMap<WorkspaceId, Value>>>,
}

impl Up {
    fn new(store: &Arc<Store>, default_workspace: Option<String>) -> Self {
        let router = store.router();
        let targets: Arc<RwLock<BTreeMap<WorkspaceId, Value>>> = Arc::default();
        let told = Arc::clone(&targets);
        store.set_targets_provider(Arc::new(move |id| {
            let told = told.read().unwrap_or_else(PoisonError::into_inner);
            told.get(id).cloned().unwrap_or_default()
        }));
        let transport: Arc<dyn Transport> = Arc::new(InProcess::new(router.clone()));
        Self {
            store: Arc::clone(store),
            api: ControlClient::new(Arc::clone(&transport), "up"),
            reconciler: Reconciler::new(transport),
            collectors: Collectors::new(router),
            default_workspace,
            workspaces: BTreeMap::new(),
            troubles: Vec::new(),
            warnings: Vec::new(),
            shown: View::default(),
            targets,
        }
    }

    /// Makes everything what the source says.
    async fn apply(&mut self, snapshot: &Snapshot) {
        let mut troubles: Vec<String> = snapshot.faults.iter().map(ToString::to_string).collect();
        let wanted = desired(&snapshot.manifests);
        let Applied { workspaces, problems } =
            self.reconciler.round(&wanted, snapshot.complete).await;
        troubles.extend(problems);
        self.workspaces = workspaces;
        troubles.extend(self.choose_default());
        let targets = self.targets(&wanted, &snapshot.manifests, &mut troubles);
        troubles.extend(self.collectors.apply(targets).await);
        let mut warnings: Vec<String> = snapshot.warnings.iter().map(ToString::to_string).collect();
        for (key, spec) in &wanted.scrapers {
            let without_effect = scraper_spec::needs_cluster(spec);
            warnings.extend(without_effect.iter().map(|what| format!("{key}: {what}")));
        }
        say(&news("wrong", &troubles, &self.troubles));
        say(&news("warning", &warnings, &self.warnings));
        if troubles.is_empty() && !self.troubles.is_empty() {
            say(&["manifests  all good again".to_owned()]);
        }
        (self.troubles, self.warnings) = (troubles, warnings);
    }

    /// Makes the workspace of `--default-workspace`, or the only one, answer at the root.
    fn choose_default(&self) -> Option<String> {
        let chosen = match &self.default_workspace {
            Some(name) => self.workspaces.iter().find(|((_, at), _)| at == name),
            None if self.workspaces.len() == 1 => self.workspaces.iter().next(),
            None => None,
        };
        self.store.set_default_workspace(chosen.map(|(_, id)| id.clone()));
        let name = self.default_workspace.as_ref().filter(|_| chosen.is_none())?;
        Some(format!("--default-workspace: there is no Workspace {name:?}"))
    }

    fn targets<'a>(
        &self,
        wanted: &Desired<'a>,
        manifests: &'a BTreeMap<ObjectKey, Manifest>,
        troubles: &mut Vec<String>,
    ) -> Vec<(&'a ObjectKey, &'a crds::scraper::ScraperSpec, Target)> {
        let secrets: Vec<_> = manifests
            .iter()
            .filter_map(|(key, manifest)| match &manifest.body {
                Body::Secret(values) => Some((key, values)),
                _ => None,
            })
            .collect();
        let mut targets = Vec::new();
        for (key, spec) in &wanted.scrapers {
            let destination = &spec.destination;
            let found = match (&destination.workspace_ref, &destination.remote_write) {
                (Some(reference), _) => match self.workspaces.get(&target(key, reference)) {
                    Some(id) => Ok(Target::Local(id.clone())),
                    None => Err(format!("{key}: its Workspace could not be made")),
                },
                (None, Some(remote)) => remote_target(key, remote, &secrets),
                (None, None) => Err(format!("{key}: no destination")),
            };
            match found {
                Ok(found) => targets.push((*key, *spec, found)),
                Err(trouble) => troubles.push(trouble),
            }
        }
        targets
    }

    /// Tells what changed since the last look.
    async fn show(&mut self) {
        let mut view = View::default();
        let statuses = self.collectors.status();
        view::add_targets(&mut view, &statuses);
        let told = self.workspaces.values().map(|id| {
            let own = statuses.iter().filter(|(_, at, _)| **at == Target::Local(id.clone()));
            (id.clone(), targets::answer(own.map(|(_, _, status)| status)))
        });
        *self.targets.write().unwrap_or_else(PoisonError::into_inner) = told.collect();
        for ((_, name), id) in &self.workspaces {
            let root = self.store.default_workspace().as_ref() == Some(id);
            let url = if root {
                format!("{}/", self.store.settings.external_url)
            } else {
                self.store.workspace_url(id)
            };
            view.put(
                format!("workspace {name}"),
                format!("{id}  query {url}api/v1/query  write {url}api/v1/write  alerts {url}alertmanager"),
            );
            let base = format!("/workspaces/{id}");
            if let Ok(rules) = self.api.get::<Value>(&format!("{base}/api/v1/rules")).await {
                view::add_rules(&mut view, name, &rules);
            }
            if let Ok(alerts) = self.api.get::<Value>(&format!("{base}/api/v1/alerts")).await {
                view::add_alerts(&mut view, name, &alerts);
            }
            if let Ok(sent) = self.api.get::<Value>(&format!("{base}/hearth/deliveries")).await {
                view::add_deliveries(&mut view, name, &sent);
            }
        }
        say(&changes(&self.shown, &view));
        self.shown = view;
    }
}

/// What was not told before, a line each.
fn news(word: &str, now: &[String], before: &[String]) -> Vec<String> {
    let new = now.iter().filter(|line| !before.contains(line));
    new.map(|line| format!("{word:<8} {line}")).collect()
}

fn say(lines: &[String]) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        // A closed terminal is no reason to stop serving.
        let _ = writeln!(out, "{line}");
    }
}
