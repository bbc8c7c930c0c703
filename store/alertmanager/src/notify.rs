//! From a flush to the receivers: mute, dedup, send, retry.
//!
//! The decisions are `State::plan_flush`; here they are carried out. The intent is durable before
//! the
//! first byte leaves, the success before the group may forget. Where the journal is out of reach
//! the
//! message goes out all the same: one told twice is better than one never told.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, join_all, select};
use futures::{FutureExt, future::BoxFuture};

use crate::alertmanager::AlertManager;
use crate::attempt::Try;
use crate::group::Flush;
use crate::message::{About, MessageData};
use crate::outcome::Outcome;
use crate::plan::Target;
use crate::state::delivery::Delivery;
use crate::{receiver_sns, receiver_webhook};

/// First pause between tries.
pub const BACKOFF_MS_MIN: u64 = 500;
/// Longest pause between tries.
pub const BACKOFF_MS_MAX: u64 = 60_000;
/// A message that is on its way when we are told to stop gets so long for its answer to come and be
/// noted: receivers answer within a second or two, and a pod has thirty to end in.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// Carries a flush out and ends it.
pub(crate) async fn notify(manager: Arc<AlertManager>, flush: Flush) {
    let _under_way = manager.under_way.read().await;
    if manager.is_stopping() {
        return;
    }
    let stopped = async {
        manager.stopped().await;
        manager.world.clock.sleep(STOP_GRACE).await;
    };
    let work = carry_out(Arc::clone(&manager), flush).boxed();
    // Cut off in the middle: the intents are in the journal, the next start tells again.
    drop(select(stopped.boxed(), work).await);
    manager.wake();
}

async fn carry_out(manager: Arc<AlertManager>, flush: Flush) {
    let (deliveries, append) = manager.change(|state| state.plan_flush(&flush));
    if let Err(error) = append.await {
        let workspace = &manager.workspace;
        tracing::warn!(%workspace, %error, "alert journal: intent not durable, sending all the same");
    }
    let sends = deliveries.into_iter().map(|delivery| deliver(&manager, &flush, delivery));
    let told = join_all(sends).await.into_iter().all(|told| told);
    let ((), append) = manager.change(|state| ((), state.end_flush(&flush, told)));
    drop(append.await);
}

/// Tells one integration; gives whether it was told.
async fn deliver(manager: &Arc<AlertManager>, flush: &Flush, delivery: Delivery) -> bool {
    if !delivery.alerts.is_empty() && !send(manager, flush, &delivery).await {
        return false;
    }
    let ((), append) = manager
        .change(|state| ((), vec![state.told(delivery.key.clone(), delivery.entry.clone())]));
    if let Err(error) = append.await {
        let workspace = &manager.workspace;
        tracing::warn!(%workspace, %error, "alert journal: told, but not durable");
    }
    true
}

/// Tries until the receiver takes it, refuses it, or the deadline has come.
async fn send(manager: &AlertManager, flush: &Flush, delivery: &Delivery) -> bool {
    let receiver = flush.options.receiver.as_str();
    let data = MessageData::new(
        About {
            receiver,
            group_labels: &flush.id.labels,
            reason: delivery.reason,
            external_url: &manager.options.external_url,
            now: crate::alert::timestamp(flush.now_ms),
        },
        &delivery.alerts,
    );
    let mut pause_ms = BACKOFF_MS_MIN;
    loop {
        if manager.is_stopping() {
            // What is on its way may end; nothing new begins.
            return false;
        }
        let left_ms = flush.deadline_ms - manager.now_ms();
        if left_ms <= 0 {
            note_failure(manager, flush, delivery, "no success before the next flush", true);
            return false;
        }
        let timeout = Duration::from_millis(left_ms as u64);
        let attempt = Try { manager, delivery, data: &data, plan: &delivery.plan, timeout };
        let (reason, after) = match try_once(attempt).await {
            Outcome::Taken => {
                let now_ms = manager.now_ms();
                let kind = delivery.integration.target.kind();
                manager.note_health(receiver, kind, |health| {
                    health.last_success_ms = Some(now_ms);
                    health.failing = false;
                    health.delivered += 1;
                });
                return true;
            }
            Outcome::Refused { reason } => {
                note_failure(manager, flush, delivery, &reason, true);
                return false;
            }
            Outcome::Retry { reason, after } => (reason, after),
        };
        note_failure(manager, flush, delivery, &reason, false);
        let wait = after.unwrap_or_else(|| jittered(manager, pause_ms));
        let left_ms = (flush.deadline_ms - manager.now_ms()).max(0) as u64;
        let pause = manager.world.clock.sleep(wait.min(Duration::from_millis(left_ms)));
        drop(select(manager.stopped().boxed(), pause).await);
        pause_ms = (pause_ms * 3 / 2).min(BACKOFF_MS_MAX);
    }
}

async fn try_once(attempt: Try<'_>) -> Outcome {
    let permit = attempt.manager.sends.acquire().await;
    let timeout = attempt.manager.world.clock.sleep(attempt.timeout);
    let work: BoxFuture<'_, Outcome> = match &attempt.delivery.integration.target {
        Target::Webhook(config, http) => receiver_webhook::send(&attempt, config, http).boxed(),
        Target::Sns(config, http) => {
            receiver_sns::send(&attempt, config, http, &attempt.plan.templates).boxed()
        }
    };
    // The outbox has the same timeout; this one guards the look-up of secrets too.
    let outcome = match select(work, timeout).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Outcome::Retry { reason: "no answer in time".to_owned(), after: None },
    };
    drop(permit);
    outcome
}

/// Between half and one and a half of the pause, so that receivers are not hit in step.
fn jittered(manager: &AlertManager, pause_ms: u64) -> Duration {
    let share = manager.world.random.next_u64() % (pause_ms + 1);
    Duration::from_millis(pause_ms / 2 + share)
}

fn note_failure(
    manager: &AlertManager,
    flush: &Flush,
    delivery: &Delivery,
    reason: &str,
    last: bool,
) {
    let (receiver, kind) = (&flush.options.receiver, delivery.integration.target.kind());
    let workspace = &manager.workspace;
    if last {
        tracing::warn!(%workspace, %receiver, kind, group = %flush.key, reason, "not notified");
    } else {
        tracing::debug!(%workspace, %receiver, kind, group = %flush.key, reason, "will try again");
    }
    let now_ms = manager.now_ms();
    manager.note_health(receiver, kind, |health| {
        health.last_failure_ms = Some(now_ms);
        health.failing = true;
        health.last_failure = Some(reason.to_owned());
        health.failed += u64::from(last);
    });
}
