//! The durable definitions of all workspaces.
//!
//! Decide, append, apply: a change is decided on the state, appended to the stream `catalog` of the
//! commit log, and only when it is durable applied and answered. Snapshots in the bucket let the
//! log forget; the two newest are kept, so that one damaged snapshot loses nothing.

pub mod error;
pub mod record;
pub mod secret_box;
pub mod snapshot;
pub mod state;

use std::sync::{Arc, PoisonError, RwLock};

use protocol::workspace::WorkspaceId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use world::commit_log::{CommitLog, LogError, StreamName};
use world::world::World;

use crate::catalog::error::CatalogError;
use crate::catalog::record::{Record, TokenRecord};
use crate::catalog::secret_box::SecretBox;
use crate::catalog::snapshot::Mark;
use crate::catalog::state::State;

/// The stream of the commit log that holds the catalog.
const STREAM: &str = "catalog";

/// Records after which the next snapshot is due: replaying so many takes milliseconds.
const RECORDS_PER_SNAPSHOT: u64 = 1000;

/// A quiet catalog is snapshotted after this long, so that it never pins the log.
const SNAPSHOT_AGE_MS: i64 = 10 * 60 * 1000;

/// Makes a retry safe: the same token with the same request gets the same answer again.
#[derive(Clone, Debug)]
pub struct Token {
    /// Who, which action, which token: unique together.
    pub key: String,
    /// Hash of what was asked.
    pub request_hash: String,
}

/// What a decision wants to become true, and the answer once it is.
#[derive(Debug)]
pub struct Change<A> {
    /// Applied together or not at all.
    pub records: Vec<Record>,
    /// For the caller.
    pub answer: A,
}

/// Where the log stands, as far as the catalog goes.
#[derive(Debug, Default)]
struct Progress {
    applied: Mark,
    snapshot: Mark,
    snapshot_before: Mark,
    records_since_snapshot: u64,
    snapshot_at_ms: i64,
}

/// The catalog.
pub struct Catalog {
    world: World,
    stream: StreamName,
    state: RwLock<State>,
    /// Changes are decided and appended one after another.
    progress: tokio::sync::Mutex<Progress>,
    secrets: SecretBox,
}

impl Catalog {
    /// Reads the newest snapshot and what the log holds beyond it.
    pub async fn open(world: World) -> Result<Arc<Self>, CatalogError> {
        let secrets = SecretBox::open(&world).await?;
        let (mut state, snapshots) = snapshot::load(world.bucket.as_ref()).await?;
        let mut progress = Progress {
            applied: snapshots.newest,
            snapshot: snapshots.newest,
            snapshot_before: snapshots.before,
            snapshot_at_ms: world.clock.now_ms(),
            ..Progress::default()
        };
        let stream = StreamName::new(STREAM);
        replay(world.log.as_ref(), &stream, &mut state, &mut progress)?;
        let (state, progress) = (RwLock::new(state), tokio::sync::Mutex::new(progress));
        Ok(Arc::new(Self { world, stream, state, progress, secrets }))
    }

    /// Looks at the state; never waits for a change in flight.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Seals and opens secrets.
    pub fn secret_box(&self) -> &SecretBox {
        &self.secrets
    }

    /// Opens one value of a secret; `None` where there is no such secret or value.
    pub fn secret(
        &self,
        workspace: &WorkspaceId,
        name: &str,
        key: &str,
    ) -> Option<Result<Vec<u8>, CatalogError>> {
        let sealed = self.read(|state| {
            let secret = state.workspaces.get(workspace)?.secrets.get(name)?.clone();
            secret.sealed.get(key).cloned()
        })?;
        Some(self.secrets.open_value(workspace, name, key, &sealed))
    }

    /// Decides a change on the state, makes it durable, applies it.
    ///
    /// Must run to its end: a caller that may be cancelled runs it in a task of its own.
    pub async fn change<A, E>(
        &self,
        token: Option<Token>,
        decide: impl FnOnce(&State) -> Result<Change<A>, E>,
    ) -> Result<A, E>
    where
        A: Serialize + DeserializeOwned,
        E: From<CatalogError>,
    {
        let mut progress = self.progress.lock().await;
        if let Some(token) = &token
            && let Some(answer) = self.answered_before(token)?
        {
            return Ok(answer);
        }
        let mut change = self.read(decide)?;
        if let Some(token) = token {
            change.records.push(token_record(token, &change.answer, self.world.clock.now_ms())?);
        }
        if change.records.is_empty() {
            return Ok(change.answer);
        }
        let payload = record::encode(&change.records)?;
        let appended = self.world.log.append(&self.stream, payload).await;
        progress.applied = Mark::after(appended.map_err(CatalogError::from)?);
        progress.records_since_snapshot += 1;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for record in change.records {
            state.apply(record);
        }
        Ok(change.answer)
    }

    fn answered_before<A: DeserializeOwned>(
        &self,
        token: &Token,
    ) -> Result<Option<A>, CatalogError> {
        let Some(known) = self.read(|state| state.token(&token.key).cloned()) else {
            return Ok(None);
        };
        if known.request_hash != token.request_hash {
            return Err(CatalogError::TokenReused);
        }
        serde_json::from_str(&known.answer).map(Some).map_err(CatalogError::from)
    }

    /// Writes a snapshot where one is due, and lets the log forget what two snapshots hold.
    pub async fn snapshot_if_due(&self) -> Result<bool, CatalogError> {
        let mut progress = self.progress.lock().await;
        let now_ms = self.world.clock.now_ms();
        let old = now_ms.saturating_sub(progress.snapshot_at_ms) >= SNAPSHOT_AGE_MS;
        let due = progress.records_since_snapshot >= RECORDS_PER_SNAPSHOT
            || (progress.records_since_snapshot > 0 && old);
        if !due {
            return Ok(false);
        }
        let content = self.read(snapshot::encode)?;
        snapshot::store(self.world.bucket.as_ref(), progress.applied, content).await?;
        progress.snapshot_before = progress.snapshot;
        progress.snapshot = progress.applied;
        progress.records_since_snapshot = 0;
        progress.snapshot_at_ms = now_ms;
        if let Some(upto) = progress.snapshot_before.last() {
            self.world.log.trim(&self.stream, upto);
        }
        snapshot::forget_before(self.world.bucket.as_ref(), progress.snapshot_before).await?;
        Ok(true)
    }
}

/// Applies what the log holds beyond the snapshot.
fn replay(
    log: &dyn CommitLog,
    stream: &StreamName,
    state: &mut State,
    progress: &mut Progress,
) -> Result<(), CatalogError> {
    let mut fault = None;
    let outcome = log.replay(stream, &mut |entry| {
        if progress.applied.holds(entry.position) {
            return Ok(());
        }
        match record::decode(&entry.payload) {
            Ok(records) => records.into_iter().for_each(|record| state.apply(record)),
            Err(error) => {
                let message = format!("catalog record {}: {error}", entry.position.0);
                fault = Some(error);
                return Err(LogError::Damaged(message));
            }
        }
        progress.applied = Mark::after(entry.position);
        progress.records_since_snapshot += 1;
        Ok(())
    });
    match (fault, outcome) {
        // A whole record that cannot be read is of a newer version, or not ours.
        (Some(fault), _) => Err(fault),
        // All that can be read was read. Better to serve what is whole than nothing; the message
        // names file, offset and records.
        (None, Err(LogError::Damaged(reason))) => {
            tracing::error!(reason, "definitions are lost; put them again");
            Ok(())
        }
        (None, outcome) => Ok(outcome?),
    }
}

fn token_record<A: Serialize>(
    token: Token,
    answer: &A,
    at_ms: i64,
) -> Result<Record, CatalogError> {
    let answer = serde_json::to_string(answer)?;
    let Token { key, request_hash } = token;
    Ok(Record::Token(TokenRecord { key, request_hash, answer, at_ms }))
}
