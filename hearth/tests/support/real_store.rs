//! A real store in the process, its writes counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use operator::control::client::ControlClient;
use operator::control::transport::{NoAnswer, Transport};
use store::settings::StoreSettings;
use store::store::Store;
use tokio::sync::watch;
use world::real_world::RealWorld;

use crate::in_process::InProcess;

/// Longest wait for something that should come about by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store on a folder that goes with it.
pub struct RealStore {
    _folder: tempfile::TempDir,
    _world: RealWorld,
    pub transport: Arc<Counted>,
}

impl RealStore {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = RealWorld::open(folder.path()).await.expect("the folder opens");
        let store = Store::open(world.world.clone(), StoreSettings::default()).await;
        let store = store.expect("the store opens");
        let inner = InProcess::new(store.router());
        let transport = Counted {
            inner,
            questions: watch::Sender::new(0),
            writes: AtomicUsize::new(0),
            away: AtomicBool::new(false),
        };
        Self { _folder: folder, _world: world, transport: Arc::new(transport) }
    }

    pub fn client(&self, owner: &str) -> ControlClient {
        let transport: Arc<dyn Transport> = self.transport.clone();
        ControlClient::new(transport, owner)
    }
}

/// Counts requests that may change something, and can be away.
pub struct Counted {
    inner: InProcess,
    questions: watch::Sender<usize>,
    writes: AtomicUsize,
    away: AtomicBool,
}

#[allow(dead_code, reason = "each test file uses the words it needs")]
impl Counted {
    /// Requests that were no questions, since the last time this was asked.
    pub fn writes(&self) -> usize {
        self.writes.swap(0, Ordering::Relaxed)
    }

    /// Questions so far.
    pub fn questions(&self) -> usize {
        *self.questions.borrow()
    }

    /// Waits until so many questions were asked.
    pub async fn until_asked(&self, wanted: usize) {
        let mut questions = self.questions.subscribe();
        let waiting = questions.wait_for(|asked| *asked >= wanted);
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "only {} questions, not {wanted}", self.questions());
    }

    /// Makes it not answer, or answer again.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }
}

impl Transport for Counted {
    fn call(
        &self,
        owner: &str,
        request: Request<Bytes>,
    ) -> BoxFuture<'_, Result<Response<Bytes>, NoAnswer>> {
        if self.away.load(Ordering::Relaxed) {
            return Box::pin(async { Err(NoAnswer("connection refused".to_owned())) });
        }
        if request.method() == Method::GET {
            self.questions.send_modify(|asked| *asked += 1);
        } else {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.call(owner, request)
    }
}
