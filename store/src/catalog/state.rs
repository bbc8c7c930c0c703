//! The catalog as it stands: records in, things out.
//!
//! Pure: the same records give the same state, and [`State::records`] gives records that make this
//! very state again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use protocol::workspace::WorkspaceId;

use crate::catalog::record::{
    DefinitionRecord, Record, SecretRecord, TokenRecord, WorkspaceRecord,
};

/// Client tokens remembered: SDKs send one a call and retry within minutes.
pub const TOKENS_MAX: usize = 10_000;

/// One workspace and what lies in it.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceState {
    /// Itself.
    pub record: Arc<WorkspaceRecord>,
    /// Rule files by name.
    pub namespaces: BTreeMap<String, Arc<DefinitionRecord>>,
    /// The alert manager definition.
    pub alert_manager: Option<Arc<DefinitionRecord>>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, Arc<SecretRecord>>,
}

/// All definitions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// By id.
    pub workspaces: BTreeMap<WorkspaceId, WorkspaceState>,
    /// Deleted, data not purged yet.
    pub purging: BTreeSet<WorkspaceId>,
    tokens: BTreeMap<String, TokenRecord>,
    token_order: VecDeque<String>,
}

impl State {
    /// Takes a record. One that speaks of a workspace that is gone changes nothing.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Workspace(record) => self.put_workspace(record),
            Record::WorkspaceDeleted(id) => {
                self.workspaces.remove(&id);
                self.purging.insert(id);
            }
            Record::WorkspacePurged(id) => drop(self.purging.remove(&id)),
            Record::Namespace(id, record) => self.within(&id, |workspace| {
                workspace.namespaces.insert(record.name.clone(), Arc::new(record));
            }),
            Record::NamespaceDeleted(id, name) => self.within(&id, |workspace| {
                workspace.namespaces.remove(&name);
            }),
            Record::AlertManager(id, record) => self.within(&id, |workspace| {
                workspace.alert_manager = Some(Arc::new(record));
            }),
            Record::AlertManagerDeleted(id) => self.within(&id, |workspace| {
                workspace.alert_manager = None;
            }),
            Record::Secret(id, record) => self.within(&id, |workspace| {
                workspace.secrets.insert(record.name.clone(), Arc::new(record));
            }),
            Record::SecretDeleted(id, name) => self.within(&id, |workspace| {
                workspace.secrets.remove(&name);
            }),
            Record::Token(record) => self.put_token(record),
        }
    }

    /// Who owns a workspace.
    pub fn owner(&self, id: &WorkspaceId) -> Option<String> {
        self.workspaces.get(id).map(|workspace| workspace.record.owner.clone())
    }

    /// The answer that a client token got.
    pub fn token(&self, key: &str) -> Option<&TokenRecord> {
        self.tokens.get(key)
    }

    /// Records that make this state, in an order that can be applied.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let workspaces =
            self.workspaces.iter().flat_map(|(id, workspace)| records_of(id, workspace));
        let purging = self.purging.iter().map(|id| Record::WorkspaceDeleted(id.clone()));
        let tokens = self.token_order.iter().filter_map(|key| self.tokens.get(key));
        purging.chain(workspaces).chain(tokens.cloned().map(Record::Token))
    }

    fn put_workspace(&mut self, record: WorkspaceRecord) {
        let record = Arc::new(record);
        self.workspaces
            .entry(record.id.clone())
            .and_modify(|workspace| workspace.record = record.clone())
            .or_insert_with(|| WorkspaceState {
                record: record.clone(),
                namespaces: BTreeMap::new(),
                alert_manager: None,
                secrets: BTreeMap::new(),
            });
    }

    fn within(&mut self, id: &WorkspaceId, change: impl FnOnce(&mut WorkspaceState)) {
        if let Some(workspace) = self.workspaces.get_mut(id) {
            change(workspace);
        }
    }

    fn put_token(&mut self, record: TokenRecord) {
        let key = record.key.clone();
        if self.tokens.insert(key.clone(), record).is_none() {
            self.token_order.push_back(key);
        }
        if self.tokens.len() > TOKENS_MAX
            && let Some(oldest) = self.token_order.pop_front()
        {
            self.tokens.remove(&oldest);
        }
    }
}

fn records_of<'a>(
    id: &'a WorkspaceId,
    workspace: &'a WorkspaceState,
) -> impl Iterator<Item = Record> + 'a {
    let WorkspaceState { record, namespaces, alert_manager, secrets } = workspace;
    let itself = std::iter::once(Record::Workspace(record.as_ref().clone()));
    let namespaces = namespaces
        .values()
        .map(|namespace| Record::Namespace(id.clone(), namespace.as_ref().clone()));
    let alert_manager = alert_manager
        .iter()
        .map(|definition| Record::AlertManager(id.clone(), definition.as_ref().clone()));
    let secrets =
        secrets.values().map(|secret| Record::Secret(id.clone(), secret.as_ref().clone()));
    itself.chain(namespaces).chain(alert_manager).chain(secrets)
}

#[cfg(test)]
mod tests {
    use protocol::amp_api::scalars::Blob;
    use protocol::amp_api::tags::Tags;

    use super::*;
    use crate::catalog::record::{self, Configuration};

    fn workspace(id: &str) -> WorkspaceRecord {
        WorkspaceRecord {
            id: id.parse().expect("a valid id"),
            alias: Some("demo".into()),
            owner: "api".into(),
            tags: Tags::new(),
            created_ms: 1,
            configuration: Configuration::default(),
        }
    }

    fn definition(name: &str) -> DefinitionRecord {
        DefinitionRecord {
            name: name.into(),
            owner: "api".into(),
            tags: Tags::new(),
            data: Blob::from("groups: []"),
            created_ms: 1,
            modified_ms: 2,
        }
    }

    fn token(n: usize) -> TokenRecord {
        let (request_hash, answer) = (String::new(), "{}".into());
        TokenRecord { key: format!("t{n}"), request_hash, answer, at_ms: 0 }
    }

    fn full_state() -> State {
        let mut state = State::default();
        let id: WorkspaceId = "ws-1".parse().expect("a valid id");
        state.apply(Record::Workspace(workspace("ws-1")));
        state.apply(Record::Namespace(id.clone(), definition("a")));
        state.apply(Record::Namespace(id.clone(), definition("b")));
        state.apply(Record::NamespaceDeleted(id.clone(), "b".into()));
        state.apply(Record::AlertManager(id.clone(), definition("")));
        let sealed = BTreeMap::from([("k".to_owned(), Blob::from("x"))]);
        let secret = SecretRecord { name: "s".into(), owner: "api".into(), sealed };
        state.apply(Record::Secret(id, secret));
        state.apply(Record::Workspace(workspace("ws-2")));
        state.apply(Record::WorkspaceDeleted("ws-2".parse().expect("a valid id")));
        state.apply(Record::Token(token(1)));
        state
    }

    #[test]
    fn a_snapshot_makes_the_same_state_again_through_bytes() {
        let state = full_state();
        let records: Vec<_> = state.records().collect();
        let bytes = record::encode(&records).expect("plain data");
        let mut again = State::default();
        record::decode(&bytes).expect("our own bytes").into_iter().for_each(|r| again.apply(r));
        assert_eq!(again, state);
    }

    #[test]
    fn applying_records_twice_changes_nothing() {
        let state = full_state();
        let mut twice = state.clone();
        state.records().for_each(|record| twice.apply(record));
        assert_eq!(twice, state);
    }

    #[test]
    fn old_client_tokens_are_forgotten() {
        let mut state = State::default();
        (0..TOKENS_MAX + 2).for_each(|n| state.apply(Record::Token(token(n))));
        assert!(state.token("t0").is_none() && state.token("t1").is_none());
        assert!(state.token("t2").is_some());
        assert_eq!(state.records().count(), TOKENS_MAX);
    }

    #[test]
    fn records_of_a_newer_version_are_refused() {
        let fault = record::decode(br#"{"version":2,"records":[{"kind":"what"}]}"#);
        assert!(fault.expect_err("newer").to_string().contains("version 2"));
    }
}
