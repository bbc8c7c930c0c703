//! Takes names out of a queue and reconciles them.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use k8s_openapi::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::runtime::apply::Applicable;
use crate::runtime::backoff::jitter;
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::Context;
use crate::runtime::custody;
use crate::runtime::error::ReconcileError;
use crate::runtime::queue::Queue;
use crate::runtime::status_writer;
use crate::runtime::watches::Selection;
use crate::settings::ObjectName;

/// Longest time of one reconcile: it must be able to wait for a slow store, and nothing else waits
/// for it.
pub const RECONCILE_PATIENCE: Duration = Duration::from_secs(30);
/// Reconciles of one kind at the same time: a slow store must not hold up the others, and the API
/// server must not be flooded at a start.
pub const CONCURRENCY: usize = 8;
/// Longest wait, at a start, for the watches that a controller would like to have.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// When an object is looked at again without any change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Not before something changes.
    Change,
    /// After this time, give or take a quarter.
    After(Duration),
}

/// What brings the objects of one kind to be as they say. Never writes to `spec`.
pub trait Reconciler: Send + Sync + 'static {
    /// The kind.
    type Kind: Applicable + Resource<Scope = NamespaceResourceScope, DynamicType = ()>;

    /// Makes the world as the object says and tells so in its status. Called again after any
    /// failure; may be stopped between any two awaits.
    fn reconcile(
        &self,
        object: Arc<Self::Kind>,
    ) -> impl Future<Output = Result<Next, ReconcileError>> + Send;

    /// The object is gone from the API server; nothing to do for most kinds.
    fn gone(&self, _: &ObjectName) -> impl Future<Output = Result<(), ReconcileError>> + Send {
        std::future::ready(Ok(()))
    }
}

/// One kind's queue, cache and reconciler.
pub struct Controller<R: Reconciler> {
    context: Arc<Context>,
    reconciler: R,
    cache: Arc<Cache<R::Kind>>,
    queue: Arc<Queue>,
    wishes: Vec<watch::Receiver<bool>>,
}

impl<R: Reconciler> Controller<R> {
    /// A controller of every object of the kind. A name is due when its spec or metadata change;
    /// what it writes into the status makes nothing due.
    pub fn new(context: Arc<Context>, reconciler: R) -> Self {
        let cache = context.watches.namespaced::<R::Kind>(Selection::default());
        let queue = Arc::new(Queue::default());
        let due = queue.clone();
        cache.listen(move |before, after| {
            if !matches!((before, after), (Some(before), Some(after)) if same(before, after))
                && let Some(object) = after.or(before)
            {
                due.add(name_of(object));
            }
        });
        Self { context, reconciler, cache, queue, wishes: Vec::new() }
    }

    /// The queue, for whoever knows better when a name is due.
    pub fn queue(&self) -> Arc<Queue> {
        self.queue.clone()
    }

    /// Makes names due when an object of another kind changes in any way: `names` is asked with
    /// the state before and the state after. At the start, the first reconcile waits a while for
    /// that kind to be listed.
    pub fn after<T>(
        mut self,
        cache: &Arc<Cache<T>>,
        names: impl Fn(&T) -> Vec<ObjectName> + Send + Sync + 'static,
    ) -> Self
    where
        T: Resource + Send + Sync + 'static,
    {
        let queue = self.queue.clone();
        cache.listen(move |before, after| {
            for name in [before, after].into_iter().flatten().flat_map(&names) {
                queue.add(name);
            }
        });
        self.wishes.push(cache.sync());
        self
    }

    /// At the start, the first reconcile waits a while for another kind to be listed: what is not
    /// known yet must not be told as missing.
    pub fn knowing<T>(mut self, cache: &Arc<Cache<T>>) -> Self
    where
        T: Resource + Send + Sync + 'static,
    {
        self.wishes.push(cache.sync());
        self
    }

    /// Makes the owner due when one of its children changes.
    pub fn owns<T>(self, cache: &Arc<Cache<T>>) -> Self
    where
        T: Resource + Send + Sync + 'static,
    {
        let kind = R::Kind::kind(&()).into_owned();
        self.after(cache, move |child| owners(child, &kind))
    }

    /// Makes every name due when the certificate authority changes. At the start, the first
    /// reconcile waits a while for the authority to be read or made.
    pub fn after_authority(mut self) -> Self {
        let mut authority = self.context.authority.subscribe();
        let (queue, cache) = (self.queue.clone(), self.cache.clone());
        let (known, wish) = watch::channel(false);
        self.wishes.push(wish);
        tokio::spawn(async move {
            loop {
                known.send_replace(authority.borrow_and_update().is_some());
                for name in cache.names() {
                    queue.add(name);
                }
                // Ends with the context, which holds the sender.
                if authority.changed().await.is_err() {
                    return;
                }
            }
        });
        self
    }

    /// Works while this process leads; never returns.
    pub async fn run(mut self) {
        let mut wishes = std::mem::take(&mut self.wishes);
        let wishes = async move {
            for wish in &mut wishes {
                let _ = wish.wait_for(|synced| *synced).await;
            }
        };
        self.cache.wait_synced().await;
        // A watch that does not come up must not keep this kind from working.
        let _ = tokio::time::timeout(START_PATIENCE, wishes).await;
        let this = Arc::new(self);
        let mut leadership = this.context.leadership();
        loop {
            if leadership.wait_for(|leads| *leads).await.is_err() {
                return;
            }
            for name in this.cache.names() {
                this.queue.add(name);
            }
            tokio::select! {
                biased;
                _ = leadership.wait_for(|leads| !*leads) => {}
                () = this.clone().work() => {}
            }
            this.queue.release();
        }
    }

    /// Dropped when the lead is lost, and every reconcile with it.
    async fn work(self: Arc<Self>) {
        let kind = R::Kind::kind(&()).into_owned();
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = running.join_next(), if !running.is_empty() => {}
                name = self.queue.take(), if running.len() < CONCURRENCY => {
                    running.spawn(self.clone().one(name));
                }
            }
            self.context.metrics.depth(&kind, self.queue.depth());
        }
    }

    /// One reconcile, from the queue and back to it.
    async fn one(self: Arc<Self>, name: ObjectName) {
        let kind = R::Kind::kind(&());
        let began = Instant::now();
        let object = self.cache.get(&name);
        let work = AssertUnwindSafe(self.attempt(&name, object.clone())).catch_unwind();
        let result = match tokio::time::timeout(RECONCILE_PATIENCE, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ReconcileError::Refused {
                reason: "Defect",
                message: "the operator has a defect: its log holds the panic; please report it"
                    .to_owned(),
            }),
            Err(_) => Err(ReconcileError::TimedOut(RECONCILE_PATIENCE)),
        };
        let metrics = &self.context.metrics;
        match result {
            Ok(next) => {
                metrics.reconciled(&kind, "ok", began.elapsed());
                let again = match next {
                    Next::Change => None,
                    Next::After(wait) => Some(jitter(wait, &name)),
                };
                self.queue.done(name, again);
            }
            Err(error) => {
                metrics.reconciled(&kind, error.reason(), began.elapsed());
                self.confess(&name, object.as_deref(), &error).await;
                let wait = self.queue.failed(name.clone());
                tracing::warn!(
                    %kind, %name, reason = error.reason(), %error, again_ms = wait.as_millis(),
                    "a reconcile failed"
                );
            }
        }
    }

    async fn attempt(
        &self,
        name: &ObjectName,
        object: Option<Arc<R::Kind>>,
    ) -> Result<Next, ReconcileError> {
        let kind = R::Kind::kind(&());
        match object {
            Some(object) => {
                let generation = object.meta().generation.unwrap_or_default();
                let metrics = &self.context.metrics;
                let ran = status_writer::observed(object.as_ref()) == Some(generation);
                if let Some(again) = self.leaves_alone(object.as_ref()).await {
                    return Ok(again);
                }
                metrics.generation_seen(&kind, name, generation, ran);
                self.reconciler.reconcile(object).await
            }
            // Nothing may be torn down because of an object that cannot be read.
            None if self.cache.undecodable(name).is_some() => Ok(Next::Change),
            None => {
                self.reconciler.gone(name).await?;
                self.context.metrics.forget(&kind, name);
                Ok(Next::Change)
            }
        }
    }

    /// Whether another operator looks after the object: then it is told so by an event, since the
    /// status is the other one's, and looked at again later.
    async fn leaves_alone(&self, object: &R::Kind) -> Option<Next> {
        let Context { settings, custody, clock, events, .. } = &*self.context;
        let recorded = status_writer::operator(object);
        let namespace = custody::other(recorded.as_deref(), &settings.namespace)?;
        let sight = custody.sight(namespace).await;
        let (other, me) = (recorded.as_deref().unwrap_or_default(), custody::name(settings));
        let (kind, name) = (R::Kind::kind(&()), name_of(object));
        if custody::is_gone(&sight, clock.now()) {
            tracing::info!(%kind, %name, other, "taken over from an operator that is gone");
            return None;
        }
        let message = custody::complaint(other, &me, &sight);
        tracing::warn!(%kind, %name, message, "left alone");
        events.warning(object, "OtherOperator", &message).await;
        Some(Next::After(custody::AGAIN))
    }

    /// Tells the failure in the object's status, in a time box of its own.
    async fn confess(&self, name: &ObjectName, object: Option<&R::Kind>, error: &ReconcileError) {
        // The reconcile may have written a status meanwhile: its newest state counts.
        let newest = self.cache.get(name);
        let Some(object) = newest.as_deref().or(object) else { return };
        let telling = status_writer::write_failure(&self.context, &self.cache, object, error);
        match tokio::time::timeout(RECONCILE_PATIENCE, telling).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%name, %error, "the failure could not be told"),
            Err(_) => tracing::warn!(%name, "the failure could not be told in time"),
        }
    }
}

/// Whether two states of an object ask for the same: all but status and bookkeeping.
fn same<K: ResourceExt>(before: &K, after: &K) -> bool {
    let (one, other) = (before.meta(), after.meta());
    one.uid == other.uid
        && one.generation == other.generation
        && one.labels == other.labels
        && one.annotations == other.annotations
        && one.finalizers == other.finalizers
        && one.deletion_timestamp == other.deletion_timestamp
}

/// Label on children that cannot have an owner reference: the owner's kind.
pub const OWNER_KIND: &str = "hearth.dev/owner-kind";
/// The same: its namespace.
pub const OWNER_NAMESPACE: &str = "hearth.dev/owner-namespace";
/// The same: its name.
pub const OWNER_NAME: &str = "hearth.dev/owner-name";

/// The owners of a child among one kind: by owner references in its own namespace, or by labels.
pub fn owners<T: Resource>(child: &T, kind: &str) -> Vec<ObjectName> {
    let namespace = child.namespace().unwrap_or_default();
    let references = child.owner_references().iter();
    let ours = references
        .filter(|owner| owner.kind == kind && owner.api_version.starts_with("hearth.dev/"))
        .map(|owner| ObjectName { namespace: namespace.clone(), name: owner.name.clone() });
    let labels = child.labels();
    let labelled = labels.get(OWNER_KIND).filter(|label| *label == kind).and_then(|_| {
        let namespace = labels.get(OWNER_NAMESPACE)?.clone();
        Some(ObjectName { namespace, name: labels.get(OWNER_NAME)?.clone() })
    });
    ours.chain(labelled).collect()
}
