//! The data of an open workspace and what it obeys.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use protocol::amp_api::configuration::Reach;
use protocol::workspace::WorkspaceId;
use tokio::sync::Semaphore;
use tsdb::label_sets::LabelSetLimit;
use tsdb::options::{SeriesLimits, TsdbOptions};
use tsdb::tsdb::Tsdb;
use world::world::World;

use crate::catalog::record::Configuration;
use crate::ingest_metrics::IngestMetrics;
use crate::quota::{Quota, TokenBucket};

/// What queries, writes and rules of a workspace work on.
pub struct WorkspaceData {
    /// Whose.
    pub id: WorkspaceId,
    /// All outside.
    pub world: World,
    /// The samples.
    pub tsdb: Arc<Tsdb>,
    /// What was taken and refused.
    pub ingest_metrics: IngestMetrics,
    in_force: RwLock<Arc<InForce>>,
    ingested: Mutex<TokenBucket>,
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
        let permits = |limit: u64| match usize::try_from(limit) {
            Ok(limit @ 1..) => limit.min(Semaphore::MAX_PERMITS),
            _ => Semaphore::MAX_PERMITS,
        };
        Arc::new(Self {
            configuration: configuration.clone(),
            hash: configuration.hash(),
            queries: Arc::new(Semaphore::new(permits(limits.queries_at_once_max))),
            writes: Arc::new(Semaphore::new(permits(limits.writes_at_once_max))),
        })
    }
}

impl WorkspaceData {
    /// Opens the database.
    pub async fn open(
        world: World,
        id: WorkspaceId,
        configuration: &Configuration,
    ) -> Result<Arc<Self>, String> {
        let tsdb = Tsdb::open(world.clone(), id.as_str(), tsdb_options(configuration)).await;
        let tsdb = tsdb.map_err(|error| error.to_string())?;
        let in_force = RwLock::new(InForce::new(configuration));
        let ingest_metrics = IngestMetrics::default();
        let ingested = Mutex::new(TokenBucket::full());
        Ok(Arc::new(Self { id, world, tsdb, ingest_metrics, in_force, ingested }))
    }

    /// The configuration in force.
    pub fn in_force(&self) -> Arc<InForce> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether remote writes may bring so much now; else the quota and how long to wait.
    pub fn may_ingest(&self, samples: u64) -> Result<(), (Quota, Duration)> {
        let limits = self.in_force().configuration.limits();
        let quota = Quota {
            per_second: limits.ingested_samples_per_second_max,
            burst: limits.ingested_samples_burst_max,
        };
        let now = self.world.clock.steady();
        let mut bucket = self.ingested.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(quota, now, samples).map_err(|wait| (quota, wait))
    }

    /// Obeys another configuration from now on; what is under way keeps the old one.
    pub fn configure(&self, configuration: &Configuration) {
        self.tsdb.configure(tsdb_options(configuration));
        let in_force = InForce::new(configuration);
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = in_force;
    }
}

/// What the configuration means to the database.
fn tsdb_options(configuration: &Configuration) -> TsdbOptions {
    let limits = configuration.limits();
    let reach = |reach: Reach| match reach {
        Reach::Unlimited => None,
        Reach::For(duration) => Some(duration.as_millis()),
    };
    let size = |limit: u64| match usize::try_from(limit) {
        Ok(limit @ 1..) => limit,
        _ => usize::MAX,
    };
    let label_sets = configuration.limits_per_label_set.iter().map(|set| LabelSetLimit {
        labels: set.label_set.clone().into_iter().collect(),
        // AMP: 0 counts and does not limit.
        series_max: set.limits.max_series.filter(|max| *max > 0),
    });
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
            label_sets: label_sets.collect(),
            ..SeriesLimits::default()
        },
        ..TsdbOptions::default()
    }
}
