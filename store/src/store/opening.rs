//! From settings to an open store, all wired together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use futures::FutureExt;
use world::world::World;

use crate::background;
use crate::catalog::Catalog;
use crate::catalog::error::CatalogError;
use crate::control::api::{Control, Naming};
use crate::definitions;
use crate::http::access::{Access, AccessRefusal};
use crate::http::request_metrics::RequestMetrics;
use crate::settings::StoreSettings;
use crate::store::{Store, StorePorts};
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
}
