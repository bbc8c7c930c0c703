//! Hostile bytes for `alertmanager`.

use alertmanager::alert::{PostableAlert, timestamp};
use alertmanager::api::PostableSilence;
use alertmanager::journal::{Record, decode, encode};
use alertmanager::silence::SilenceRequest;
use alertmanager::state::recovery::Recovery;
use alertmanager::state::{Limits, State};

/// When all of it happens: some day of 2026.
const NOW_MS: i64 = 1_790_000_000_000;
const DAY_MS: i64 = 24 * 3_600_000;

/// Alerts and silences as they are posted: taken, journaled, then swept as time goes by.
pub fn alerts_api(bytes: &[u8]) {
    let mut state = State::default();
    if let Ok(posted) = serde_json::from_slice::<Vec<PostableAlert>>(bytes) {
        let (records, _) = state.post(posted, &Limits::default(), NOW_MS);
        come_back(&records);
    }
    if let Ok(posted) = serde_json::from_slice::<PostableSilence>(bytes) {
        let request = SilenceRequest::from(posted);
        let limits = Limits::default().silences;
        let id = || "b9a5be22-9a26-4d33-8d7e-1c3a05f8b2d4".to_owned();
        if let Ok(planned) = state.silences.plan_set(request, id, limits, timestamp(NOW_MS)) {
            come_back(&state.put_silences(planned));
        }
    }
    grow_old(state);
}

/// An entry of the journal; what it makes is written again and read as the same.
pub fn alert_journal(bytes: &[u8]) {
    let Ok(records) = decode(bytes) else { return };
    come_back(&records);
    let mut recovery = Recovery::default();
    records.into_iter().for_each(|record| recovery.apply(record));
    let state = recovery.finish(NOW_MS);
    come_back(&state.records());
    grow_old(state);
}

fn come_back(records: &[Record]) {
    assert_eq!(decode(&encode(records)).as_deref(), Ok(records));
}

fn grow_old(mut state: State) {
    for days in [0, 1, 30, 365] {
        let now_ms = NOW_MS + days * DAY_MS;
        come_back(&state.sweep(now_ms));
        let (flushes, records) = state.begin_due(now_ms);
        come_back(&records);
        for flush in flushes {
            come_back(&state.end_flush(&flush, true));
        }
    }
}
