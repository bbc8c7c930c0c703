//! One workspace's alert manager.
//!
//! It takes alerts, keeps them in the journal, and wakes when a group is due. Without a definition
//! it
//! takes and lists alerts and sends nothing, as an AMP workspace without one.

pub mod opening;
mod running;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use protocol::alertmanager_config::definition::AmpDefinition;
use tokio::sync::{Notify, RwLock, Semaphore, watch};
use world::commit_log::{LogError, Position, StreamName};
use world::tasks::TaskHandle;
use world::world::World;

use crate::alert::PostableAlert;
use crate::journal::{self, RECORDS_PER_PAYLOAD_MAX, Record};
use crate::plan::{Plan, PlanError};
use crate::ports::{CredentialsPort, SecretsPort};
use crate::silence::{Silence, SilenceError, SilenceRequest};
use crate::state::{Limits, State};

/// Messages under way at once in one workspace: enough to hide slow receivers, few enough to keep
/// sockets for the rest of the store.
pub const SENDS_MAX: usize = 64;

/// How often ends that passed are noted, and old things forgotten.
pub const SWEEP_MS: i64 = 15_000;

/// Journal records after which everything is written again, at the least; else twice what is held.
pub const SNAPSHOT_RECORDS_MIN: usize = 4096;

/// What an alert manager asks of the store.
#[derive(Clone)]
pub struct Ports {
    /// Values of secret references.
    pub secrets: Arc<dyn SecretsPort>,
    /// The process's own credentials at AWS.
    pub credentials: Arc<dyn CredentialsPort>,
}

/// How an alert manager behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where people find us, for messages.
    pub external_url: String,
    /// Bounds of the workspace.
    pub limits: Limits,
    /// Whether receivers may stand on loopback, private and link-local addresses. No on a server
    /// that
    /// strangers share.
    pub allow_private_receivers: bool,
    /// In place of `https://sns.<region>.amazonaws.com`, for tests.
    pub sns_endpoint: Option<String>,
    /// The version in `User-Agent` and in the status.
    pub version: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            external_url: String::new(),
            limits: Limits::default(),
            allow_private_receivers: true,
            sns_endpoint: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Why alerts were not all taken.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// Some are wrong; the others were taken. The text is for the answer with status 400.
    #[error("{}", .0.join("; "))]
    Refused(Vec<String>),
    /// They were taken, but are not durable: post them again.
    #[error("alerts are not durable: {0}")]
    NotDurable(LogError),
}

/// Why a silence was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SetSilenceError {
    /// It is wrong, unknown or one too many.
    #[error(transparent)]
    Refused(#[from] SilenceError),
    /// It is in force but not durable: ask again.
    #[error("silence is not durable: {0}")]
    NotDurable(LogError),
}

/// Where messages go: a receiver by its name, and one kind of integration in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// The receiver's name.
    pub receiver: String,
    /// `webhook`, `sns`.
    pub integration: &'static str,
}

/// How the messages to one receiver fare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryHealth {
    /// When the last message was taken.
    pub last_success_ms: Option<i64>,
    /// When the last try failed.
    pub last_failure_ms: Option<i64>,
    /// Why.
    pub last_failure: Option<String>,
    /// Whether the last try failed.
    pub failing: bool,
    /// Messages taken since the start.
    pub delivered: u64,
    /// Messages given up since the start.
    pub failed: u64,
}

/// One workspace's alert manager.
pub struct AlertManager {
    pub(crate) world: World,
    pub(crate) workspace: String,
    pub(crate) ports: Ports,
    pub(crate) options: Options,
    pub(crate) sends: Semaphore,
    pub(crate) started_at: Timestamp,
    stream: StreamName,
    inner: Mutex<Inner>,
    wake: Notify,
    /// Every flush under way holds it for reading.
    pub(crate) under_way: RwLock<()>,
    stopping: watch::Sender<bool>,
    task: Mutex<Option<TaskHandle>>,
}

struct Inner {
    state: State,
    health: BTreeMap<Destination, DeliveryHealth>,
    /// Records appended since the last snapshot.
    records: usize,
    snapshot_running: bool,
}

type Append = BoxFuture<'static, Result<Option<Position>, LogError>>;

impl AlertManager {
    /// Runs this definition from now on. Groups whose route kept its place keep timers and members.
    pub fn apply(
        &self,
        definition: AmpDefinition,
        content_hash: impl Into<String>,
    ) -> Result<(), PlanError> {
        let plan = Plan::new(definition, content_hash.into())?;
        self.set_plan(Some(Arc::new(plan)));
        Ok(())
    }

    /// Sends nothing from now on.
    pub fn remove_definition(&self) {
        self.set_plan(None);
    }

    /// The content hash of the definition that runs.
    pub fn programmed_hash(&self) -> Option<String> {
        self.read(|state| state.plan.as_ref().map(|plan| plan.content_hash.clone()))
    }

    /// Takes alerts. The good ones are taken even where others are wrong.
    pub async fn post_alerts(&self, alerts: Vec<PostableAlert>) -> Result<(), PostError> {
        let now_ms = self.now_ms();
        let limits = self.options.limits;
        let (errors, append) = self.change(|state| {
            let (records, errors) = state.post(alerts, &limits, now_ms);
            (errors, records)
        });
        self.wake.notify_one();
        append.await.map_err(PostError::NotDurable)?;
        if errors.is_empty() { Ok(()) } else { Err(PostError::Refused(errors)) }
    }

    /// Makes or changes a silence; gives its id once it is durable.
    pub async fn set_silence(&self, request: SilenceRequest) -> Result<String, SetSilenceError> {
        let now = crate::alert::timestamp(self.now_ms());
        let new_id = || self.world.random.uuid().to_string();
        let limits = self.options.limits.silences;
        self.change_silences(|state| state.silences.plan_set(request, new_id, limits, now)).await
    }

    /// Ends a silence, durably. One that is over stays so.
    pub async fn expire_silence(&self, id: &str) -> Result<(), SetSilenceError> {
        let now = crate::alert::timestamp(self.now_ms());
        let plan = |state: &State| {
            state.silences.plan_expire(id, now).map(|ended| ended.into_iter().collect())
        };
        self.change_silences(plan).await.map(drop)
    }

    /// How the messages to each receiver fare, by its name.
    pub fn delivery_health(&self) -> BTreeMap<Destination, DeliveryHealth> {
        lock(&self.inner).health.clone()
    }

    /// Stops. Messages on their way get [`STOP_GRACE`](crate::notify::STOP_GRACE) to be answered;
    /// what is left is told again after the next start.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        let task = lock(&self.task).take();
        if let Some(task) = task {
            task.ended().await;
        }
        drop(self.under_way.write().await);
    }

    /// Reads the state.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&lock(&self.inner).state)
    }

    /// Changes the state and appends its records in the same order as the changes. The append is
    /// under
    /// way when this returns, and durable when the future it gives has ended.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut State) -> (T, Vec<Record>),
    ) -> (T, Append) {
        let mut inner = lock(&self.inner);
        let (answer, records) = change(&mut inner.state);
        if records.is_empty() {
            return (answer, futures::future::ready(Ok(None)).boxed());
        }
        inner.records += records.len();
        (answer, append_all(&self.world, &self.stream, &records))
    }

    /// Notes how a message fared.
    pub(crate) fn note_health(
        &self,
        receiver: &str,
        integration: &'static str,
        note: impl FnOnce(&mut DeliveryHealth),
    ) {
        let destination = Destination { receiver: receiver.to_owned(), integration };
        note(lock(&self.inner).health.entry(destination).or_default());
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.world.clock.now_ms()
    }

    /// Whether it is to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopped().now_or_never().is_some()
    }

    /// Resolves once this alert manager or the process is to stop.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        let process = self.world.tasks.stopping();
        futures::future::select(
            process,
            async move { drop(stopping.wait_for(|stop| *stop).await) }.boxed(),
        )
        .await;
    }

    fn set_plan(&self, plan: Option<Arc<Plan>>) {
        let now_ms = self.now_ms();
        let ((), append) = self.change(|state| ((), state.set_plan(plan, now_ms)));
        self.background(append);
        self.wake.notify_one();
    }

    async fn change_silences(
        &self,
        plan: impl FnOnce(&State) -> Result<Vec<Silence>, SilenceError>,
    ) -> Result<String, SetSilenceError> {
        let (planned, append) = self.change(|state| match plan(state) {
            Ok(silences) => {
                let id = silences.last().map(|silence| silence.id.clone()).unwrap_or_default();
                (Ok(id), state.put_silences(silences))
            }
            Err(error) => (Err(error), Vec::new()),
        });
        let id = planned?;
        append.await.map_err(SetSilenceError::NotDurable)?;
        Ok(id)
    }

    /// Lets an append end by itself; a failure is told once, alerting goes on from memory.
    fn background(&self, append: Append) {
        let workspace = self.workspace.clone();
        let task = async move {
            if let Err(error) = append.await {
                tracing::warn!(%workspace, %error, "alert journal: append failed");
            }
        };
        drop(self.world.tasks.spawn("alert journal", task.boxed()));
    }
}

/// A panic under the lock left at worst an alert half-routed: going on beats no alerting at all.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Appends records in payloads of bounded size; gives the position of the first.
fn append_all(world: &World, stream: &StreamName, records: &[Record]) -> Append {
    let payloads = records.chunks(RECORDS_PER_PAYLOAD_MAX).map(journal::encode);
    let appends: Vec<_> = payloads.map(|payload| world.log.append(stream, payload)).collect();
    async move {
        let mut first = None;
        for append in appends {
            let position = append.await?;
            first = first.or(Some(position));
        }
        Ok(first)
    }
    .boxed()
}
