//! Opens workspaces and makes them run what is defined.
//!
//! Level-triggered: `program` compares what runs with what is defined, whoever calls it and however
//! often.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use futures::FutureExt;
use futures::future::BoxFuture;
use protocol::workspace::WorkspaceId;
use world::world::World;

use crate::catalog::error::CatalogError;
use crate::catalog::record::Record;
use crate::catalog::state::WorkspaceState;
use crate::catalog::{Catalog, Change};
use crate::control::ports::{DataPlane, Running};
use crate::settings::StoreSettings;
use crate::workspace::{Purged, Workspace};

/// Why a workspace does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// There is none of this id.
    #[error("workspace {0} does not exist")]
    Missing(String),
    /// It is there and does not open.
    #[error("workspace {id} is not open: {reason}")]
    Failed {
        /// Which.
        id: WorkspaceId,
        /// Why.
        reason: String,
    },
}

/// One workspace, open or not.
#[derive(Default)]
struct Slot {
    /// Programmed by one at a time.
    gate: tokio::sync::Mutex<()>,
    state: RwLock<SlotState>,
}

#[derive(Clone, Default)]
struct SlotState {
    workspace: Option<Arc<Workspace>>,
    /// Why the last attempt to open it failed.
    failure: Option<String>,
}

impl Slot {
    fn state(&self) -> SlotState {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, state: SlotState) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// All workspaces of the store.
pub struct Workspaces {
    world: World,
    catalog: Arc<Catalog>,
    settings: StoreSettings,
    slots: RwLock<BTreeMap<WorkspaceId, Arc<Slot>>>,
}

impl Workspaces {
    /// None is open yet.
    pub fn new(world: World, catalog: Arc<Catalog>, settings: StoreSettings) -> Arc<Self> {
        Arc::new(Self { world, catalog, settings, slots: RwLock::default() })
    }

    /// An open workspace; opened now where it is not yet.
    pub async fn get(&self, id: &WorkspaceId) -> Result<Arc<Workspace>, Unopened> {
        if let Some(workspace) = self.known(id).and_then(|slot| slot.state().workspace) {
            return Ok(workspace);
        }
        self.program(id).await;
        let state = self.known(id).map(|slot| slot.state()).unwrap_or_default();
        match (state.workspace, state.failure) {
            (Some(workspace), _) => Ok(workspace),
            (None, Some(reason)) => Err(Unopened::Failed { id: id.clone(), reason }),
            (None, None) => Err(Unopened::Missing(id.to_string())),
        }
    }

    /// Those that are open, in order of their ids.
    pub fn open(&self) -> Vec<Arc<Workspace>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.values().filter_map(|slot| slot.state().workspace).collect()
    }

    /// Opens all that are defined, one after another, and purges what a crash left of deleted ones.
    pub async fn program_all(&self) {
        let ids: Vec<_> = self
            .catalog
            .read(|state| state.workspaces.keys().chain(&state.purging).cloned().collect());
        for id in ids {
            self.program(&id).await;
        }
    }

    /// Closes all; what they hold in memory stays in the log.
    pub async fn close(&self) {
        for workspace in self.open() {
            workspace.close().await;
        }
        self.slots.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn known(&self, id: &WorkspaceId) -> Option<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn slot(&self, id: &WorkspaceId) -> Arc<Slot> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        slots.entry(id.clone()).or_default().clone()
    }

    async fn program_defined(&self, slot: &Slot, defined: &WorkspaceState) {
        let id = &defined.record.id;
        let opened = match slot.state().workspace {
            Some(workspace) => Ok(workspace),
            None => Workspace::open(&self.world, &self.catalog, defined, &self.settings).await,
        };
        match opened {
            Ok(workspace) => {
                workspace.program(defined).await;
                slot.set(SlotState { workspace: Some(workspace), failure: None });
            }
            Err(reason) => {
                tracing::error!(workspace = %id, reason, "workspace does not open");
                slot.set(SlotState { workspace: None, failure: Some(reason) });
            }
        }
    }

    /// Purges again what was written late to workspaces that were deleted.
    pub async fn sweep(&self) {
        let purging: Vec<_> = self.catalog.read(|state| state.purging.iter().cloned().collect());
        for id in purging {
            self.program(&id).await;
        }
    }

    /// Noted as done only once nothing was found: tasks that were under way when the workspace was
    /// closed may still append, and an unknown stream would keep the log from shrinking for ever.
    async fn purge(&self, id: &WorkspaceId, slot: &Slot) {
        let opened = slot.state().workspace;
        let was_open = opened.is_some();
        if let Some(workspace) = opened {
            workspace.close().await;
        }
        slot.set(SlotState::default());
        self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        match crate::workspace::purge(&self.world, id).await {
            Ok(Purged::Nothing) if !was_open => {}
            Ok(Purged::Nothing | Purged::Something) => return,
            Err(reason) => {
                tracing::error!(workspace = %id, reason, "deleted workspace not purged yet");
                return;
            }
        }
        let purged = |_: &_| {
            let records = vec![Record::WorkspacePurged(id.clone())];
            Ok::<_, CatalogError>(Change { records, answer: () })
        };
        if let Err(error) = self.catalog.change(None, purged).await {
            tracing::error!(workspace = %id, %error, "purge not noted; it runs again at the start");
        }
    }
}

impl DataPlane for Workspaces {
    fn program(&self, id: &WorkspaceId) -> BoxFuture<'_, ()> {
        let id = id.clone();
        async move {
            let look = || {
                self.catalog
                    .read(|state| (state.workspaces.get(&id).cloned(), state.purging.contains(&id)))
            };
            // A stranger's id must not leave a slot behind.
            if let (None, false) = look() {
                return;
            }
            let slot = self.slot(&id);
            let _alone = slot.gate.lock().await;
            match look() {
                (Some(defined), _) => self.program_defined(&slot, &defined).await,
                (None, true) => self.purge(&id, &slot).await,
                (None, false) => {}
            }
        }
        .boxed()
    }

    fn running(&self, id: &WorkspaceId) -> Running {
        let state = self.known(id).map(|slot| slot.state()).unwrap_or_default();
        match (state.workspace, state.failure) {
            (Some(workspace), _) => workspace.running(),
            (None, failure) => Running { configuration: failure.map(Err), ..Running::default() },
        }
    }
}
