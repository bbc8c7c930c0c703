//! Alerts and groups as the API shows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::alert::{Alert, timestamp};
use crate::alertmanager::AlertManager;
use crate::api::{AlertGroup, AlertQuery, AlertState, AlertStatus, GettableAlert, Receiver};
use crate::group::Group;
use crate::message::pairs;
use crate::plan::Plan;
use crate::state::{Held, State};

impl AlertManager {
    /// `GET alerts`, by fingerprint. What is over is not listed.
    pub fn get_alerts(&self, query: &AlertQuery) -> Vec<GettableAlert> {
        let now = timestamp(self.now_ms());
        self.read(|state| {
            let plan = state.plan.as_deref();
            let live = state.alerts.values().filter(|held| !held.alert.is_resolved_at(now));
            live.filter_map(|held| {
                let receivers = receivers_of(plan, held);
                if !fits_receiver(query, &receivers) {
                    return None;
                }
                shown(state, query, &held.alert, receivers, Vec::new(), now)
            })
            .collect()
        })
    }

    /// `GET alerts/groups`, by labels and receiver.
    pub fn get_groups(&self, query: &AlertQuery) -> Vec<AlertGroup> {
        let now = timestamp(self.now_ms());
        let mut groups: Vec<AlertGroup> = self.read(|state| {
            let shown = state.groups.iter().filter_map(|(id, group)| {
                let receiver = Receiver { name: group.options.receiver.clone() };
                if !fits_receiver(query, std::slice::from_ref(&receiver)) {
                    return None;
                }
                let alerts = alerts_of(state, query, group, now);
                let labels = pairs(&id.labels);
                (!alerts.is_empty()).then_some(AlertGroup { alerts, labels, receiver })
            });
            shown.collect()
        });
        groups.sort_by(|a, b| (&a.labels, &a.receiver).cmp(&(&b.labels, &b.receiver)));
        groups
    }
}

fn alerts_of(
    state: &State,
    query: &AlertQuery,
    group: &Group,
    now: Timestamp,
) -> Vec<GettableAlert> {
    let Some(plan) = state.plan.as_deref() else { return Vec::new() };
    let muted_by = mute_intervals(plan, group, now);
    if !muted_by.is_empty() && !query.muted {
        return Vec::new();
    }
    let live = group.alerts.iter().filter(|(_, alert)| !alert.is_resolved_at(now));
    live.filter_map(|(fingerprint, alert)| {
        let receivers = receivers_of(Some(plan), state.alerts.get(fingerprint)?);
        shown(state, query, alert, receivers, muted_by.clone(), now)
    })
    .collect()
}

/// The intervals that mute a group now: those to mute in, and those to speak in that are not now.
fn mute_intervals(plan: &Plan, group: &Group, now: Timestamp) -> Vec<String> {
    let options = &group.options;
    let mut names: Vec<String> = plan
        .intervals
        .active(&options.mute_time_intervals, now)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let speaking = &options.active_time_intervals;
    if !speaking.is_empty() && plan.intervals.active(speaking, now).is_empty() {
        names.extend(speaking.iter().cloned());
    }
    names
}

fn shown(
    state: &State,
    query: &AlertQuery,
    alert: &Arc<Alert>,
    receivers: Vec<Receiver>,
    muted_by: Vec<String>,
    now: Timestamp,
) -> Option<GettableAlert> {
    if !query.filter.iter().all(|matcher| matcher.matches_labels(&alert.labels)) {
        return None;
    }
    let (silenced_by, inhibited_by) = state.muted_by(&alert.labels, now);
    let muted = !silenced_by.is_empty() || !inhibited_by.is_empty() || !muted_by.is_empty();
    let alert_state = match (state.plan.is_some(), muted) {
        (_, true) => AlertState::Suppressed,
        (true, false) => AlertState::Active,
        (false, false) => AlertState::Unprocessed,
    };
    let wanted = (query.active || alert_state != AlertState::Active)
        && (query.silenced || silenced_by.is_empty())
        && (query.inhibited || inhibited_by.is_empty())
        && (query.unprocessed || alert_state != AlertState::Unprocessed);
    wanted.then(|| GettableAlert {
        annotations: alert.annotations.clone(),
        ends_at: alert.ends_at,
        fingerprint: alert.fingerprint().to_string(),
        receivers,
        starts_at: alert.starts_at,
        status: AlertStatus {
            inhibited_by: inhibited_by.iter().map(ToString::to_string).collect(),
            muted_by,
            silenced_by,
            state: alert_state,
        },
        updated_at: alert.updated_at,
        generator_url: alert.generator_url.clone(),
        labels: BTreeMap::from_iter(pairs(&alert.labels)),
    })
}

fn receivers_of(plan: Option<&Plan>, held: &Held) -> Vec<Receiver> {
    let Some(plan) = plan else { return Vec::new() };
    let names = held.routes.iter().map(|&at| plan.tree.node(at).options.receiver.clone());
    names.map(|name| Receiver { name }).collect()
}

fn fits_receiver(query: &AlertQuery, receivers: &[Receiver]) -> bool {
    match &query.receiver {
        None => true,
        Some(regex) => receivers.iter().any(|receiver| regex.is_match(&receiver.name)),
    }
}
