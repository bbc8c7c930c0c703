//! The store: opens everything and wires it together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use futures::FutureExt;
use protocol::workspace::WorkspaceId;
use world::tasks::run_blocking;
use world::world::World;

use crate::background;
use crate::catalog::Catalog;
use crate::catalog::error::CatalogError;
use crate::control::api::{Control, Naming};
use crate::definitions;
use crate::http::access::reviews::Reviews;
use crate::http::access::{Access, AccessRefusal};
use crate::http::request_metrics::RequestMetrics;
use crate::http::router;
use crate::process_figures::{ProcessFigures, ProcessReader};
use crate::settings::StoreSettings;
use crate::workspaces::Workspaces;

/// Why the store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// The definitions.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

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
    /// Reads the definitions and begins to open the workspaces; [`Store::is_ready`] says when all
    /// are open. Each answers as soon as it is.
    pub async fn open(world: World, settings: StoreSettings) -> Result<Arc<Self>, OpenError> {
        Self::open_with(world, settings, StorePorts::default()).await
    }

    /// The same, with what the settings need besides.
    pub async fn open_with(
        world: World,
        settings: StoreSettings,
        ports: StorePorts,
    ) -> Result<Arc<Self>, OpenError> {
        let StorePorts { reviews, process } = ports;
        let access = Access::new(&settings, reviews, &world.clock)?;
        let catalog = Catalog::open(world.clone()).await?;
        let external_url = settings.external_url.trim_end_matches('/').to_owned();
        let workspaces = Workspaces::new(world.clone(), catalog.clone(), settings.clone());
        let control = Control {
            catalog: catalog.clone(),
            data_plane: workspaces.clone(),
            checks: definitions::CHECKS,
            naming: Naming {
                region: settings.region.clone(),
                account: settings.account.clone(),
                external_url,
            },
            world: world.clone(),
        };
        let store = Arc::new(Self {
            started_ms: world.clock.now_ms(),
            default_workspace: RwLock::new(settings.default_workspace.clone()),
            targets: RwLock::default(),
            access,
            process,
            settings,
            catalog,
            workspaces,
            control: Arc::new(control),
            request_metrics: RequestMetrics::default(),
            ready: AtomicBool::new(false),
            world,
        });
        let opening = store.clone();
        let open_all = async move {
            opening.workspaces.program_all().await;
            opening.ready.store(true, Ordering::Release);
        };
        store.world.tasks.spawn("open workspaces", open_all.boxed());
        background::start(&store);
        Ok(store)
    }

    /// All paths, as a tower service: for sockets, and for callers inside the process, which put a
    /// [`crate::principal::Principal`] into the extensions of their requests.
    pub fn router(self: &Arc<Self>) -> Router {
        router::router(self.clone())
    }

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
