//! One open workspace: data, rules, alert manager.
//!
//! Runs what the definitions say, and tells what of them runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alertmanager::alertmanager::{AlertManager, Options, Ports};
use protocol::alertmanager_config::definition::{AmpDefinition, Origin};
use protocol::fault::Fault;
use protocol::rule_file::RuleFile;
use protocol::workspace::WorkspaceId;
use rules::manager::{Namespace, RuleManager};
use rules::spec::RuleSettings;
use tsdb::manifest::Names;
use world::commit_log::{Position, StreamName};
use world::tasks::run_blocking;
use world::world::World;

use crate::alert_ports::{ProcessCredentials, WorkspaceSecrets};
use crate::catalog::Catalog;
use crate::catalog::record::{Configuration, DefinitionRecord};
use crate::catalog::state::WorkspaceState;
use crate::control::ports::{Programmed, Running};
use crate::query_source::parse_options;
use crate::rule_ports::rule_ports;
use crate::settings::StoreSettings;
use crate::workspace_data::WorkspaceData;

/// The streams of the log that belong to a workspace, by the crate that writes them.
const STREAMS: [&str; 3] = ["samples", "rules", "alerts"];

/// An open workspace.
pub struct Workspace {
    /// Its data.
    pub data: Arc<WorkspaceData>,
    /// Its alert manager.
    pub alerts: Arc<AlertManager>,
    external_url: String,
    state: Mutex<State>,
}

struct State {
    rules: Arc<RuleManager>,
    settings: RuleSettings,
    /// Rule files as they were last parsed, by namespace, with the hash of their text.
    files: BTreeMap<String, (String, Result<RuleFile, String>)>,
    /// Why namespaces do not run as defined.
    refused: BTreeMap<String, String>,
    /// Why the alert manager definition does not run.
    alerts_refused: Option<String>,
}

impl Workspace {
    /// Opens everything. The definitions run after the first [`Workspace::program`].
    pub async fn open(
        world: &World,
        catalog: &Arc<Catalog>,
        defined: &WorkspaceState,
        settings: &StoreSettings,
    ) -> Result<Arc<Self>, String> {
        let id = defined.record.id.clone();
        let configuration = &defined.record.configuration;
        let data = WorkspaceData::open(world.clone(), id.clone(), configuration).await?;
        let base = settings.external_url.trim_end_matches('/');
        let external_url = format!("{base}/workspaces/{id}");
        let ports = Ports {
            secrets: Arc::new(WorkspaceSecrets { catalog: catalog.clone(), id: id.clone() }),
            credentials: Arc::new(ProcessCredentials(settings.aws_credentials.clone())),
        };
        let options = Options {
            external_url: format!("{external_url}/alertmanager"),
            allow_private_receivers: settings.allow_private_receivers,
            sns_endpoint: settings.sns_endpoint.clone(),
            version: settings.version.clone(),
            ..Options::default()
        };
        let alerts = AlertManager::open(world.clone(), id.as_str(), ports, options).await;
        let alerts = alerts.map_err(|error| error.to_string())?;
        let settings = rule_settings(configuration, &external_url);
        let rules = start_rules(&data, &alerts, settings.clone()).await?;
        let state = State {
            rules,
            settings,
            files: BTreeMap::new(),
            refused: BTreeMap::new(),
            alerts_refused: None,
        };
        Ok(Arc::new(Self { data, alerts, external_url, state: Mutex::new(state) }))
    }

    /// Its id.
    pub fn id(&self) -> &WorkspaceId {
        &self.data.id
    }

    /// Its rules as they run now.
    pub fn rules(&self) -> Arc<RuleManager> {
        self.lock().rules.clone()
    }

    /// Makes what runs equal to what is defined. One call at a time.
    pub async fn program(&self, defined: &WorkspaceState) {
        let configuration = &defined.record.configuration;
        if self.data.in_force().configuration != *configuration {
            self.data.configure(configuration);
        }
        self.program_settings(configuration).await;
        self.program_rules(&defined.namespaces).await;
        self.program_alerts(defined.alert_manager.as_deref()).await;
    }

    /// Starts the rules anew where something changed that holds for all of them.
    async fn program_settings(&self, configuration: &Configuration) {
        let wanted = rule_settings(configuration, &self.external_url);
        if self.lock().settings == wanted {
            return;
        }
        self.rules().stop().await;
        match start_rules(&self.data, &self.alerts, wanted.clone()).await {
            Ok(rules) => {
                let mut state = self.lock();
                state.rules = rules;
                state.settings = wanted;
                state.files.clear();
            }
            Err(error) => {
                tracing::error!(workspace = %self.id(), error, "rules did not start again");
            }
        }
    }

    async fn program_rules(&self, defined: &BTreeMap<String, Arc<DefinitionRecord>>) {
        let mut files = std::mem::take(&mut self.lock().files);
        files.retain(|name, _| defined.contains_key(name));
        let (mut wanted, mut refused) = (BTreeMap::new(), BTreeMap::new());
        for (name, record) in defined {
            let hash = record.hash();
            if files.get(name).is_none_or(|(known, _)| *known != hash) {
                let file = self.parse_rules(record.clone()).await;
                files.insert(name.clone(), (hash.clone(), file));
            }
            match &files[name].1 {
                Ok(file) => {
                    wanted.insert(name.clone(), Namespace { file: file.clone(), hash });
                }
                Err(reason) => drop(refused.insert(name.clone(), reason.clone())),
            }
        }
        let rules = self.rules();
        for (name, faults) in rules.apply(wanted).await {
            refused.insert(name, joined(&faults));
        }
        let mut state = self.lock();
        state.files = files;
        state.refused = refused;
    }

    async fn parse_rules(&self, record: Arc<DefinitionRecord>) -> Result<RuleFile, String> {
        let parse = move || {
            RuleFile::parse(&String::from_utf8_lossy(&record.data.0))
                .map_err(|faults| joined(&faults))
        };
        run_blocking(self.data.world.tasks.as_ref(), parse).await
    }

    async fn program_alerts(&self, defined: Option<&DefinitionRecord>) {
        let Some(record) = defined else {
            if self.alerts.programmed_hash().is_some() {
                self.alerts.remove_definition();
            }
            self.lock().alerts_refused = None;
            return;
        };
        let hash = record.hash();
        if self.alerts.programmed_hash().as_ref() == Some(&hash) {
            return;
        }
        let text = String::from_utf8_lossy(&record.data.0).into_owned();
        let parse = move || AmpDefinition::parse(&text, Origin::Api).map_err(|f| joined(&f));
        let parsed = run_blocking(self.data.world.tasks.as_ref(), parse).await;
        let applied = parsed.and_then(|definition| {
            self.alerts.apply(definition, hash).map_err(|error| error.to_string())
        });
        self.lock().alerts_refused = applied.err();
    }

    /// What runs.
    pub fn running(&self) -> Running {
        let state = self.lock();
        let programmed = |name: &String| -> Option<(String, Programmed)> {
            if let Some(reason) = state.refused.get(name) {
                return Some((name.clone(), Err(reason.clone())));
            }
            Some((name.clone(), Ok(state.rules.programmed_hash(name)?)))
        };
        let alert_manager = match &state.alerts_refused {
            Some(reason) => Some(Err(reason.clone())),
            None => self.alerts.programmed_hash().map(Ok),
        };
        Running {
            configuration: Some(Ok(self.data.in_force().hash.clone())),
            namespaces: state.files.keys().filter_map(programmed).collect(),
            alert_manager,
        }
    }

    /// Stops what runs.
    pub async fn close(&self) {
        self.rules().stop().await;
        self.alerts.stop().await;
        self.data.tsdb.close().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was there to be purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purged {
    /// Neither objects nor records.
    Nothing,
    /// Something; it is gone now.
    Something,
}

/// Removes the data of a workspace that is closed.
pub async fn purge(world: &World, id: &WorkspaceId) -> Result<Purged, String> {
    let objects = world.bucket.list(Names::new(id.as_str()).all()).await;
    let objects = objects.map_err(|error| error.to_string())?;
    let streams = STREAMS.map(|kind| StreamName::new(format!("{kind}/{id}")));
    let held = world.log.streams();
    let found = !objects.is_empty() || streams.iter().any(|stream| held.contains(stream));
    for object in objects {
        let deleted = world.bucket.delete(&object.name).await;
        deleted.map_err(|error| error.to_string())?;
    }
    for stream in &streams {
        // All there is, wherever it ends: no id is ever given twice.
        world.log.trim(stream, Position(u64::MAX));
    }
    Ok(if found { Purged::Something } else { Purged::Nothing })
}

async fn start_rules(
    data: &Arc<WorkspaceData>,
    alerts: &Arc<AlertManager>,
    settings: RuleSettings,
) -> Result<Arc<RuleManager>, String> {
    let (world, ports, id) = (data.world.clone(), rule_ports(data, alerts), data.id.clone());
    let start = move || RuleManager::start(world, ports, settings, id.as_str());
    run_blocking(data.world.tasks.as_ref(), start).await.map_err(|error| error.to_string())
}

fn rule_settings(configuration: &Configuration, external_url: &str) -> RuleSettings {
    RuleSettings {
        external_url: external_url.to_owned(),
        query_offset_ms: i64::from(configuration.rule_query_offset_seconds) * 1000,
        parse_options: parse_options(configuration),
        ..RuleSettings::default()
    }
}

fn joined(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
