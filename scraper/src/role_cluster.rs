//! Keeps the cluster to look into what its credentials say.
//!
//! A kubeconfig is read again and again, a cluster of Amazon EKS asked for until it is found and
//! then now and again. What cannot be used is told, with its cure, and leaves the last good one in
//! force; nothing of it ends the process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::clock::WallClock;
use crate::kubernetes::backoff::Backoff;
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::cluster_access::{AccessError, ClusterAccess};
use crate::kubernetes::clusters::OwnCluster;
use crate::kubernetes::eks::{self, EksSettings};
use crate::role::RoleSettings;
use crate::role_http::RoleState;
use crate::target::Fnv64;

/// Between two looks at a kubeconfig. A mounted Secret takes up to a minute to change by itself, so
/// that this adds little.
pub const FILE_LOOK: Duration = Duration::from_secs(2);
/// Between two looks at a cluster of Amazon EKS that was found: its address changes only where it
/// is made anew, and AWS counts requests.
const EKS_LOOK: Duration = Duration::from_mins(15);
/// The first wait after a look at Amazon EKS that failed.
const EKS_WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest such wait: what was cured is seen within a minute or so.
const EKS_WAIT_MAX: Duration = Duration::from_mins(1);
/// Bytes of a kubeconfig: what a Secret can hold.
const KUBECONFIG_BYTES_MAX: u64 = 1 << 20;

/// Where address and credentials of the cluster come from.
#[derive(Clone, Debug)]
pub enum ClusterSource {
    /// The pod's own, in this folder.
    Home(PathBuf),
    /// A kubeconfig.
    Kubeconfig(PathBuf),
    /// A description by Amazon EKS.
    Eks(Box<EksSettings>),
}

impl ClusterSource {
    /// Another cluster where one is named, else the one at home.
    pub fn of(settings: &RoleSettings) -> Self {
        match (&settings.kubeconfig, &settings.eks) {
            (_, Some(eks)) => Self::Eks(Box::new(eks.clone())),
            (Some(file), None) => Self::Kubeconfig(file.clone()),
            (None, None) => Self::Home(settings.home.clone()),
        }
    }

    async fn access(&self, clock: &Arc<dyn WallClock>) -> Result<ClusterAccess, AccessError> {
        match self {
            Self::Home(home) => ClusterAccess::in_cluster(home),
            Self::Kubeconfig(file) => kubeconfig(file).await,
            Self::Eks(settings) => eks::access(settings, Arc::clone(clock)).await,
        }
    }

    /// How one would cure what is wrong with it, where the reason does not say.
    fn cure(&self) -> &'static str {
        match self {
            Self::Home(_) | Self::Eks(_) => "",
            Self::Kubeconfig(_) => "; mend the Secret of source.kubeconfig, no restart is needed",
        }
    }
}

async fn kubeconfig(file: &Path) -> Result<ClusterAccess, AccessError> {
    let told = |reason: String| AccessError::Kubeconfig(format!("{}: {reason}", file.display()));
    let io = |error: std::io::Error| told(error.to_string());
    let size = tokio::fs::metadata(file).await.map_err(io)?.len();
    if size > KUBECONFIG_BYTES_MAX {
        return Err(told(format!("more than {KUBECONFIG_BYTES_MAX} bytes")));
    }
    ClusterAccess::from_kubeconfig(&tokio::fs::read_to_string(file).await.map_err(io)?)
}

/// Owns what is in force.
pub struct ClusterKeeper {
    source: ClusterSource,
    proxy: bool,
    clock: Arc<dyn WallClock>,
    state: Arc<RoleState>,
    in_force: Option<Arc<Cluster>>,
    backoff: Backoff,
}

impl ClusterKeeper {
    /// Nothing is known yet.
    pub fn new(settings: &RoleSettings, clock: Arc<dyn WallClock>, state: Arc<RoleState>) -> Self {
        let mut salt = Fnv64::default();
        salt.write(settings.namespace.as_bytes());
        salt.write(settings.name.as_bytes());
        salt.write(&settings.shard.to_be_bytes());
        Self {
            source: ClusterSource::of(settings),
            proxy: settings.proxy,
            clock,
            state,
            in_force: None,
            backoff: Backoff::new(EKS_WAIT_MIN, EKS_WAIT_MAX, salt.0),
        }
    }

    /// Follows the credentials; never returns.
    pub async fn run(mut self) {
        loop {
            let wait = self.look().await;
            self.tell(|told| told.cluster_looked_for = true);
            match wait {
                Some(wait) => sleep(wait).await,
                None => return std::future::pending().await,
            }
        }
    }

    /// One look; when the next one is due.
    async fn look(&mut self) -> Option<Duration> {
        let found = match self.source.access(&self.clock).await {
            // Outside of a cluster only jobs that look for Kubernetes are without targets.
            Err(error @ AccessError::NotInCluster) => {
                self.state.collector.look_into(OwnCluster::Unknown(error.to_string())).await;
                return None;
            }
            found => found,
        };
        let is_good = match found {
            Ok(access) => match self.take(access).await {
                Ok(()) => {
                    self.well();
                    true
                }
                Err(error) => self.complain(&error).await,
            },
            Err(error) => self.complain(&error).await,
        };
        match self.source {
            // Its files are read for each request.
            ClusterSource::Home(_) => None,
            ClusterSource::Kubeconfig(_) => Some(FILE_LOOK),
            ClusterSource::Eks(_) if is_good => {
                self.backoff.reset();
                Some(EKS_LOOK)
            }
            ClusterSource::Eks(_) => Some(self.backoff.next_wait()),
        }
    }

    /// Puts it in force where it is another one.
    async fn take(&mut self, access: ClusterAccess) -> Result<(), AccessError> {
        let same = |known: &Arc<Cluster>| {
            known.access().server == access.server && known.access().http == access.http
        };
        if self.in_force.as_ref().is_some_and(same) {
            return Ok(());
        }
        let server = access.server.to_string();
        let cluster = Arc::new(Cluster::new(access)?.through_proxy(self.proxy));
        let is_change = self.in_force.replace(Arc::clone(&cluster)).is_some();
        self.state.collector.look_into(OwnCluster::Known(cluster)).await;
        if is_change {
            tracing::info!(server, "the cluster's address or credentials have changed: in force");
        } else {
            tracing::info!(server, "discovering targets in this cluster");
        }
        Ok(())
    }

    fn well(&self) {
        let mut was_in_trouble = false;
        self.tell(|told| was_in_trouble = told.cluster_trouble.take().is_some());
        if was_in_trouble {
            tracing::info!("the cluster to discover targets in can be reached again");
        }
    }

    /// Tells what is wrong; `false`, always.
    async fn complain(&mut self, error: &AccessError) -> bool {
        let cure = self.source.cure();
        let mut reason = format!("the cluster to discover targets in: {error}{cure}");
        if self.in_force.is_some() {
            reason.push_str("; what was known before stays in force");
        }
        let mut is_news = false;
        self.tell(|told| {
            is_news = told.cluster_trouble.as_ref() != Some(&reason);
            told.cluster_trouble = Some(reason.clone());
        });
        if is_news {
            // What goes wrong in another way is on its way to be cured.
            self.backoff.reset();
            tracing::warn!(reason, "trying again");
            if self.in_force.is_none() {
                self.state.collector.look_into(OwnCluster::Unknown(reason)).await;
            }
        }
        false
    }

    fn tell(&self, act: impl FnOnce(&mut crate::role_report::Told)) {
        act(&mut self.state.told.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
