//! One open workspace: database, rules, alert manager.

use std::sync::{Arc, PoisonError, RwLock};

use protocol::amp_api::configuration::Reach;
use protocol::workspace::WorkspaceId;
use tokio::sync::Semaphore;
use tsdb::options::{SeriesLimits, TsdbOptions};
use tsdb::tsdb::Tsdb;
use world::world::World;

use crate::catalog::Catalog;
use crate::catalog::record::Configuration;
use crate::catalog::state::WorkspaceState;
use crate::control::ports::Running;
use crate::ingest_metrics::IngestMetrics;

/// An open workspace.
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its samples.
    pub tsdb: Arc<Tsdb>,
    /// What it took and refused.
    pub ingest_metrics: IngestMetrics,
    in_force: RwLock<Arc<InForce>>,
}

/// The configuration in force and what is made of it.
pub struct InForce {
    /// The configuration.
    pub configuration: Configuration,
    /// Its hash.
    pub hash: String,
    /// Queries take a permit each and wait for it.
    pub queries: Arc<Semaphore>,
    /// Remote writes take a permit each or are told to come again.
    pub writes: Arc<Semaphore>,
}

impl InForce {
    fn new(configuration: &Configuration) -> Arc<Self> {
        let limits = configuration.limits();
        let permits = |limit: u64| match limit {
            0 => Semaphore::MAX_PERMITS,
            limit => usize::try_from(limit).map_or(Semaphore::MAX_PERMITS, |limit| {
                limit.min(Semaphore::MAX_PERMITS)
            }),
        };
        Arc::new(Self {
            configuration: configuration.clone(),
            hash: configuration.hash(),
            queries: Arc::new(Semaphore::new(permits(limits.queries_at_once_max))),
            writes: Arc::new(Semaphore::new(permits(limits.writes_at_once_max))),
        })
    }
}

impl Workspace {
    /// Opens the database. The definitions run after the first [`Workspace::program`].
    pub async fn open(
        world: World,
        _catalog: Arc<Catalog>,
        defined: &WorkspaceState,
        _external_url: &str,
    ) -> Result<Arc<Self>, String> {
        let id = defined.record.id.clone();
        let configuration = &defined.record.configuration;
        let tsdb = Tsdb::open(world, id.as_str(), tsdb_options(configuration)).await;
        let tsdb = tsdb.map_err(|error| error.to_string())?;
        let in_force = RwLock::new(InForce::new(configuration));
        Ok(Arc::new(Self { id, tsdb, ingest_metrics: IngestMetrics::default(), in_force }))
    }

    /// The configuration in force.
    pub fn in_force(&self) -> Arc<InForce> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes what runs equal to what is defined.
    pub async fn program(&self, defined: &WorkspaceState) {
        let configuration = &defined.record.configuration;
        if self.in_force().configuration != *configuration {
            self.tsdb.configure(tsdb_options(configuration));
            let in_force = InForce::new(configuration);
            *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = in_force;
        }
    }

    /// What runs.
    pub fn running(&self) -> Running {
        Running { configuration: Some(Ok(self.in_force().hash.clone())), ..Running::default() }
    }

    /// Stops what runs.
    pub async fn close(&self) {}
}

/// Removes the data of a workspace that is closed.
pub async fn purge(_world: &World, _id: &WorkspaceId) -> Result<(), String> {
    Ok(())
}

/// What the configuration means to the database.
fn tsdb_options(configuration: &Configuration) -> TsdbOptions {
    let limits = configuration.limits();
    let reach = |reach: Reach| match reach {
        Reach::Unlimited => None,
        Reach::For(duration) => Some(duration.as_millis()),
    };
    let size = |limit: u64| match limit {
        0 => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let active_series_max = match limits.active_series_max {
        0 => u64::MAX,
        limit => limit,
    };
    TsdbOptions {
        retention_ms: reach(configuration.retention),
        out_of_order_window_ms: reach(configuration.out_of_order),
        limits: SeriesLimits {
            active_series_max,
            label_names_max: size(limits.labels_per_series_max),
            label_name_bytes_max: size(limits.label_name_bytes_max),
            label_value_bytes_max: size(limits.label_value_bytes_max),
            ..SeriesLimits::default()
        },
        ..TsdbOptions::default()
    }
}
