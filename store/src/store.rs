//! The open store, as those who serve it see it.

pub mod opening;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use protocol::workspace::WorkspaceId;
use world::tasks::run_blocking;
use world::world::World;

use crate::catalog::Catalog;
use crate::control::api::Control;
use crate::http::access::Access;
use crate::http::access::reviews::Reviews;
use crate::http::request_metrics::RequestMetrics;
use crate::process_figures::{ProcessFigures, ProcessReader};
use crate::settings::StoreSettings;
use crate::workspaces::Workspaces;

/// Tells the targets of a workspace, as the `data` of Prometheus's `/api/v1/targets`. Called within
/// requests: it must not block.
pub type TargetsProvider = Arc<dyn Fn(&WorkspaceId) -> serde_json::Value + Send + Sync>;

/// Doors beyond the world's that only some stores need.
#[derive(Clone, Default)]
pub struct StorePorts {
    /// For access mode `kubernetes`.
    pub reviews: Option<Arc<dyn Reviews>>,
    /// For the metrics `process_*`, which are left out without it.
    pub process: Option<Arc<dyn ProcessReader>>,
}

/// An open store.
pub struct Store {
    /// All outside of it.
    pub world: World,
    /// What it was told.
    pub settings: StoreSettings,
    /// The definitions.
    pub catalog: Arc<Catalog>,
    /// What runs.
    pub workspaces: Arc<Workspaces>,
    /// The control API.
    pub control: Arc<Control>,
    /// Who may do what.
    pub access: Access,
    /// Counts of requests.
    pub request_metrics: RequestMetrics,
    /// Milliseconds since 1970.
    pub started_ms: i64,
    process: Option<Arc<dyn ProcessReader>>,
    default_workspace: RwLock<Option<WorkspaceId>>,
    targets: RwLock<Option<TargetsProvider>>,
    ready: AtomicBool,
}

impl Store {
    /// Whether all workspaces were opened.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// The workspace that answers at the root.
    pub fn default_workspace(&self) -> Option<WorkspaceId> {
        self.default_workspace.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a workspace answer at the root, or none.
    pub fn set_default_workspace(&self, id: Option<WorkspaceId>) {
        *self.default_workspace.write().unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// Who answers for `/api/v1/targets`; without one the lists are empty.
    pub fn set_targets_provider(&self, provider: TargetsProvider) {
        *self.targets.write().unwrap_or_else(PoisonError::into_inner) = Some(provider);
    }

    /// The targets of a workspace, as the provider tells them.
    pub fn targets(&self, id: &WorkspaceId) -> serde_json::Value {
        let provider = self.targets.read().unwrap_or_else(PoisonError::into_inner).clone();
        provider.map_or(serde_json::Value::Null, |provider| provider(id))
    }

    /// What the system knows of this process.
    pub async fn process_figures(&self) -> Option<ProcessFigures> {
        let reader = self.process.clone()?;
        run_blocking(self.world.tasks.as_ref(), move || reader.read()).await
    }

    /// Base URL of a workspace's data plane.
    pub fn workspace_url(&self, id: &WorkspaceId) -> String {
        self.control.naming.endpoint(id)
    }

    /// Stops what runs. Everything acknowledged is durable already.
    pub async fn shutdown(&self) {
        self.world.tasks.stop();
        self.workspaces.close().await;
    }
}
