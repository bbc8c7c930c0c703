//! What every controller is handed.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;

use crate::certificates::authority::Authority;
use crate::certificates::tokens::Tokens;
use crate::runtime::apply::Applied;
use crate::runtime::custody::Custody;
use crate::runtime::events::Events;
use crate::runtime::https::HttpsClients;
use crate::runtime::metrics::Metrics;
use crate::runtime::watches::Watches;
use crate::settings::OperatorSettings;

/// The calendar. Waits use tokio's time, which tests pause.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's own calendar.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// What every controller is handed.
pub struct Context {
    /// The API server, without retries of its own: queues and watches have theirs.
    pub client: kube::Client,
    /// What the operator was told at its start.
    pub settings: OperatorSettings,
    /// The calendar.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub metrics: Metrics,
    /// Events about objects.
    pub events: Events,
    /// One watch and one cache a kind.
    pub watches: Watches,
    /// Other operators.
    pub custody: Custody,
    /// What was applied last.
    pub applied: Applied,
    /// The certificate authority.
    pub authority: Authority,
    /// Tokens of the operator's own service account.
    pub tokens: Tokens,
    /// Clients of stores and collectors.
    pub https: HttpsClients,
    leads: watch::Sender<bool>,
}

impl Context {
    /// A context that does not lead yet.
    pub fn new(
        client: kube::Client,
        settings: OperatorSettings,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let metrics = Metrics::default();
        let events = Events::new(client.clone());
        let namespaces = settings.watch_namespaces.clone();
        let watches = Watches::new(client.clone(), namespaces, metrics.clone(), events.clone());
        let tokens = Tokens::new(client.clone(), &settings, clock.clone());
        let custody = Custody::new(client.clone());
        Arc::new(Self {
            client,
            custody,
            settings,
            clock,
            metrics,
            events,
            watches,
            applied: Applied::default(),
            authority: Authority::default(),
            tokens,
            https: HttpsClients::default(),
            leads: watch::Sender::new(false),
        })
    }

    /// Told by the elector: whether this process leads.
    pub fn lead(&self, leads: bool) {
        self.leads.send_replace(leads);
        self.metrics.leader(leads);
    }

    /// Whether this process leads, now and from now on.
    pub fn leadership(&self) -> watch::Receiver<bool> {
        self.leads.subscribe()
    }
}

/// The field manager of a kind: `hearth-operator/store`.
pub fn field_manager(kind: &str) -> String {
    format!("hearth-operator/{}", kind.to_ascii_lowercase())
}
