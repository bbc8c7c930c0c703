//! An outbox that remembers, and answers from a script.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use world::outbox::{Outbox, OutboxError, OutboxRequest, OutboxResponse};

use crate::executor::Executor;
use crate::seeded_random::SeededRandom;

/// Each request takes up to so long there, and again back.
const WAY_MICROS_MAX: u64 = 50_000;

/// What the outside says to a request.
pub type Answer = Result<OutboxResponse, OutboxError>;

type Script = Box<dyn FnMut(&OutboxRequest) -> Answer + Send>;

/// A request that reached the outside.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When, in virtual time.
    pub at: Duration,
    /// What.
    pub request: OutboxRequest,
}

/// Remembers and answers.
pub struct SimOutbox {
    executor: Arc<Executor>,
    dice: SeededRandom,
    state: Mutex<State>,
}

struct State {
    sent: Vec<Sent>,
    script: Script,
}

impl SimOutbox {
    /// An outbox to which the outside says 200 with an empty body.
    pub fn new(seed: u64, executor: Arc<Executor>) -> Self {
        let script: Script = Box::new(|_| Ok(answer(200, "")));
        let state = Mutex::new(State { sent: Vec::new(), script });
        Self { executor, dice: SeededRandom::new(seed, "outbox"), state }
    }

    /// What the outside says from now on.
    pub fn set_script(&self, script: impl FnMut(&OutboxRequest) -> Answer + Send + 'static) {
        self.lock().script = Box::new(script);
    }

    /// All requests that reached the outside, oldest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.lock().sent.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer without headers.
pub fn answer(status: u16, body: &str) -> OutboxResponse {
    OutboxResponse { status, headers: Vec::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

impl Outbox for SimOutbox {
    fn send(&self, request: OutboxRequest) -> BoxFuture<'_, Result<OutboxResponse, OutboxError>> {
        Box::pin(async move {
            let way = || Duration::from_micros(self.dice.below(WAY_MICROS_MAX));
            let (there, back) = (way(), way());
            if there + back > request.timeout {
                self.executor.sleep(request.timeout).await;
                let host = "simulated".to_owned();
                let reason = "no answer in time".to_owned();
                return Err(OutboxError::Unreachable { host, reason });
            }
            self.executor.sleep(there).await;
            let answer = {
                let mut state = self.lock();
                let answer = (state.script)(&request);
                let at = self.executor.now();
                state.sent.push(Sent { at, request });
                answer
            };
            self.executor.sleep(back).await;
            answer
        })
    }
}
