//! From a flush to the messages that go out.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::alert::{Alert, timestamp};
use crate::group::Flush;
use crate::journal::{Record, StoredGroup};
use crate::notification_log::{self, LogEntry, LogKey, Reason};
use crate::plan::{Integration, Plan};
use crate::state::State;

/// One message to one integration.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where it is noted.
    pub key: LogKey,
    /// Why it goes out.
    pub reason: Reason,
    /// By what.
    pub integration: Integration,
    /// The definition that ran when the flush began.
    pub plan: Arc<Plan>,
    /// What is said; empty where only the log is to be cleared.
    pub alerts: Vec<Alert>,
    /// What is noted once it was taken.
    pub entry: LogEntry,
    /// The same for the same message, whatever happens in between.
    pub idempotency_key: String,
}

impl State {
    /// What a flush has to tell: inhibited, silenced and mistimed alerts are left out, and so is
    /// what
    /// was told already. Gives the records of intent, which are to be durable before anything is
    /// sent.
    pub fn plan_flush(&mut self, flush: &Flush) -> (Vec<Delivery>, Vec<Record>) {
        let Some(plan) = self.plan.clone() else { return (Vec::new(), Vec::new()) };
        let alerts = self.audible(&plan, flush);
        if alerts.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let receiver = &flush.options.receiver;
        let integrations = plan.receivers.get(receiver).map(Vec::as_slice).unwrap_or_default();
        let deliveries: Vec<Delivery> = integrations
            .iter()
            .filter_map(|integration| self.delivery(flush, &plan, integration, &alerts))
            .collect();
        let mut records = Vec::new();
        for delivery in &deliveries {
            self.intents.insert(delivery.key.clone(), delivery.entry.number);
            records.push(Record::Intent(delivery.key.clone(), delivery.entry.number));
        }
        if !deliveries.is_empty()
            && let Some(group) = self.groups.get(&flush.id)
        {
            records.push(Record::Group(StoredGroup::new(&flush.id, group.timer)));
        }
        (deliveries, records)
    }

    /// The alerts that may be spoken of now.
    fn audible(&self, plan: &Plan, flush: &Flush) -> Vec<Arc<Alert>> {
        let (options, now) = (&flush.options, timestamp(flush.now_ms));
        let silent = !plan.intervals.active(&options.mute_time_intervals, now).is_empty();
        let active = &options.active_time_intervals;
        if silent || (!active.is_empty() && plan.intervals.active(active, now).is_empty()) {
            return Vec::new();
        }
        let heard = |alert: &&Arc<Alert>| {
            let (silenced, inhibited) = self.muted_by(&alert.labels, now);
            silenced.is_empty() && inhibited.is_empty()
        };
        flush.alerts.iter().filter(heard).cloned().collect()
    }

    fn delivery(
        &self,
        flush: &Flush,
        plan: &Arc<Plan>,
        integration: &Integration,
        alerts: &[Arc<Alert>],
    ) -> Option<Delivery> {
        let now = timestamp(flush.now_ms);
        let mut state = notification_log::State::default();
        for alert in alerts {
            let over = alert.is_resolved_at(now);
            let set = if over { &mut state.resolved } else { &mut state.firing };
            set.insert(alert.labels.stable_hash());
        }
        let key = LogKey {
            group_key: flush.key.clone(),
            receiver: flush.options.receiver.clone(),
            kind: integration.target.kind().to_owned(),
            index: integration.index,
        };
        let repeat_ms = flush.options.repeat_interval_ms;
        let (send_resolved, last) = (integration.send_resolved, self.log.get(&key, flush.now_ms));
        let reason =
            notification_log::decide(last, &state, send_resolved, repeat_ms, flush.now_ms)?;
        let said = alerts.iter().filter(|alert| send_resolved || !alert.is_resolved_at(now));
        let said: Vec<Alert> = said.map(|alert| Alert::clone(alert)).collect();
        let nothing_fires = state.firing.is_empty();
        let kept_ms = (2 * repeat_ms).min(notification_log::RETENTION_MS);
        let entry = LogEntry {
            firing: state.firing,
            resolved: state.resolved,
            at_ms: flush.now_ms,
            expires_ms: flush.now_ms + kept_ms.max(2 * flush.options.group_interval_ms),
            number: last.map_or(0, |last| last.number) + 1,
        };
        Some(Delivery {
            idempotency_key: idempotency_key(&key, &entry, alerts),
            alerts: if nothing_fires && !send_resolved { Vec::new() } else { said },
            integration: integration.clone(),
            plan: Arc::clone(plan),
            key,
            reason,
            entry,
        })
    }
}

/// Hex SHA-256 over who is told, the how-manieth message it is, and of which firings it speaks. The
/// start of each alert is part of it: the same alert firing again next week is another message.
fn idempotency_key(key: &LogKey, entry: &LogEntry, alerts: &[Arc<Alert>]) -> String {
    let mut hash = Sha256::new();
    for text in [&key.group_key, &key.receiver, &key.kind] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(key.index.to_le_bytes());
    hash.update(entry.number.to_le_bytes());
    for alert in alerts {
        let labels = alert.labels.stable_hash();
        hash.update(labels.to_le_bytes());
        hash.update([u8::from(entry.firing.contains(&labels))]);
        hash.update(alert.starts_at.as_nanosecond().to_le_bytes());
    }
    hex::encode(hash.finalize())
}
