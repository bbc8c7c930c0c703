//! Whatever happens, the log gives back what it acknowledged.
//!
//! Several lives of one machine: writers on several streams, a failing disk, and an end by power
//! cut, kill or close. After each life everything acknowledged must come back, in order, exactly.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use sim::faults::DiskFaults;
use sim::harness::for_each_seed;
use sim::sim::{Booted, Sim};
use world::commit_log::{CommitLog, LogError, LogRecord, Position, StreamName};
use world::log_layout::segment_first;
use world::random::Random;

const FILE: &str = "log_loses_nothing_acknowledged";
const SEEDS: u64 = 400;

/// What became of one append.
#[derive(Clone, Debug, PartialEq)]
enum Fate {
    /// No answer, or the life ended first.
    Unknown,
    Acknowledged(Position),
    Refused,
}

#[derive(Clone, Debug)]
struct Call {
    life: u64,
    stream: StreamName,
    payload: Bytes,
    fate: Fate,
}

/// All appends in the order of their calls. A payload begins with its index.
#[derive(Default)]
struct Model {
    calls: Vec<Call>,
    trims: BTreeMap<StreamName, Position>,
}

type Shared = Arc<Mutex<Model>>;

fn streams() -> Vec<StreamName> {
    (0..5).map(|n| StreamName::new(format!("samples/ws-{n}"))).collect()
}

/// Makes the append now and gives a future that notes its fate.
fn append(
    sim: &Sim,
    booted: &Booted,
    model: &Shared,
    life: u64,
) -> impl Future<Output = bool> + Send + use<> {
    let names = streams();
    let stream = names[sim.dice.below(names.len() as u64) as usize].clone();
    let len = match sim.dice.below(10) {
        0 => 0,
        1 => sim.dice.below(20_000),
        _ => sim.dice.below(300),
    };
    let mut filler = vec![0; len as usize];
    sim.dice.fill(&mut filler);
    let mut locked = model.lock().unwrap();
    let index = locked.calls.len();
    let payload = Bytes::from([&(index as u64).to_le_bytes()[..], &filler].concat());
    let call = Call { life, stream: stream.clone(), payload: payload.clone(), fate: Fate::Unknown };
    locked.calls.push(call);
    drop(locked);
    let answer = booted.log.append(&stream, payload);
    let model = model.clone();
    async move {
        let fate = match answer.await {
            Ok(position) => Fate::Acknowledged(position),
            Err(LogError::Unavailable(_)) => Fate::Refused,
            Err(LogError::Closed) => Fate::Unknown,
            Err(other) => panic!("unexpected: {other}"),
        };
        let go_on = fate != Fate::Unknown;
        model.lock().unwrap().calls[index].fate = fate;
        go_on
    }
}

/// Appends one after the other, or several at once, until the life ends.
async fn writer(sim: Sim, booted: Arc<Booted>, model: Shared, life: u64) {
    loop {
        let at_once = 1 + sim.dice.below(4);
        let appends: Vec<_> = (0..at_once).map(|_| append(&sim, &booted, &model, life)).collect();
        if join_all(appends).await.contains(&false) {
            return;
        }
        if sim.dice.chance(300) {
            sim.sleep(Duration::from_micros(sim.dice.below(10_000))).await;
        }
        if sim.dice.chance(30) {
            trim_something(&sim, &booted, &model);
        }
    }
}

fn trim_something(sim: &Sim, booted: &Booted, model: &Shared) {
    let mut model = model.lock().unwrap();
    let acknowledged: Vec<(StreamName, Position)> = model
        .calls
        .iter()
        .filter_map(|call| match call.fate {
            Fate::Acknowledged(position) => Some((call.stream.clone(), position)),
            Fate::Unknown | Fate::Refused => None,
        })
        .collect();
    if acknowledged.is_empty() {
        return;
    }
    let (stream, upto) = acknowledged[sim.dice.below(acknowledged.len() as u64) as usize].clone();
    // All at once now and then, so that whole segments go.
    let trimmed = if sim.dice.chance(500) { streams() } else { vec![stream] };
    for stream in trimmed {
        booted.log.trim(&stream, upto);
        let mark = model.trims.entry(stream).or_default();
        *mark = (*mark).max(upto);
    }
}

/// Compares what the log holds with the model, and makes what it found the truth.
fn check(log: &dyn CommitLog, model: &Shared) {
    let mut model = model.lock().unwrap();
    let mut found: BTreeMap<usize, Position> = BTreeMap::new();
    for stream in streams() {
        let mut last = None;
        let mut visit = |record: LogRecord| {
            let index = u64::from_le_bytes(record.payload[..8].try_into().unwrap()) as usize;
            let call = &model.calls[index];
            assert_eq!(call.stream, stream, "record {index} came back in another stream");
            assert_eq!(call.payload, record.payload, "record {index} came back changed");
            assert!(Some(record.position) > last, "{stream}: {:?} after {last:?}", record.position);
            last = Some(record.position);
            assert_eq!(found.insert(index, record.position), None, "record {index} came twice");
            Ok(())
        };
        log.replay(&stream, &mut visit).unwrap();
    }
    for (index, call) in model.calls.iter().enumerate() {
        if let Fate::Acknowledged(position) = call.fate {
            let trimmed = model.trims.get(&call.stream).is_some_and(|mark| position <= *mark);
            match found.get(&index) {
                Some(at) => assert_eq!(*at, position, "record {index} moved"),
                None => {
                    assert!(trimmed, "record {index} at {position:?} was acknowledged, is gone");
                }
            }
        }
    }
    // Within a life the order of the calls is the order of the log, and no record is durable
    // without those before it, but for those that were refused.
    let mut by_call = found.iter().collect::<Vec<_>>();
    by_call.sort_by_key(|(_, position)| **position);
    let order: Vec<usize> = by_call.iter().map(|(index, _)| **index).collect();
    assert!(order.is_sorted(), "the order of calls was not kept: {order:?}");
    let mut unknown_is_missing = BTreeMap::new();
    for (index, call) in model.calls.iter().enumerate() {
        let missing = unknown_is_missing.entry(call.life).or_insert(None);
        match (&call.fate, found.contains_key(&index)) {
            (Fate::Unknown, false) => *missing = missing.or(Some(index)),
            (Fate::Unknown, true) => {
                assert_eq!(*missing, None, "record {index} is there, an earlier one is not");
            }
            _ => {}
        }
    }
    // What came back is durable from now on, answered or not; the rest is gone for good.
    for (index, call) in model.calls.iter_mut().enumerate() {
        match (call.fate.clone(), found.get(&index)) {
            (_, Some(position)) => call.fate = Fate::Acknowledged(*position),
            (Fate::Unknown, None) => call.fate = Fate::Refused,
            _ => {}
        }
    }
}

async fn live(sim: &Sim, model: &Shared, life: u64) {
    sim.disk.set_faults(DiskFaults::default());
    let booted = Arc::new(sim.boot().unwrap());
    assert_eq!(booted.log.damage(), Vec::<String>::new());
    check(booted.log.as_ref(), model);
    if sim.dice.chance(500) {
        let per_mille = sim.dice.below(if sim.dice.chance(300) { 800 } else { 100 });
        let bytes_max = sim.dice.chance(300).then(|| 20_000 + sim.dice.below(300_000));
        sim.disk.set_faults(DiskFaults {
            append: per_mille,
            sync: per_mille,
            names: per_mille,
            bytes_max,
        });
    }
    for _ in 0..=sim.dice.below(4) {
        // Clients live outside and see the process die.
        sim.spawn(writer(sim.clone(), booted.clone(), model.clone(), life));
    }
    let while_it_lasts = Duration::from_micros(sim.dice.below(200_000));
    let end = sim.dice.below(4);
    if end == 0 {
        sim.disk.lose_power_after(1 + sim.dice.below(200));
        sim.disk.power_lost().await;
        sim.crash(&booted);
    } else {
        sim.sleep(while_it_lasts).await;
        match end {
            1 => sim.crash(&booted),
            2 => sim.kill(&booted),
            _ => {
                sim.disk.set_faults(DiskFaults::default());
                booted.log.close().await;
                check(booted.log.as_ref(), model);
            }
        }
    }
    // The clients hear that the connection is gone.
    sim.sleep(Duration::from_millis(100)).await;
}

async fn gives_its_space_back(sim: &Sim, booted: &Booted) {
    for stream in streams() {
        booted.log.trim(&stream, Position(u64::MAX));
    }
    sim.sleep(Duration::from_secs(1)).await;
    assert_eq!((booted.log.pinned_bytes(), booted.log.streams()), (0, Vec::new()));
    let names = booted.world.disk.list(Path::new("log")).unwrap();
    let segments = names.iter().filter(|e| segment_first(&e.name).is_some()).count();
    assert!(segments <= 1, "all but the newest segment go: {names:?}");
}

#[test]
fn through_power_cuts_kills_and_a_failing_disk() {
    for_each_seed(FILE, SEEDS, |mut sim| async move {
        sim.log_settings.segment_bytes_max = 1_000 + sim.dice.below(60_000);
        let model = Shared::default();
        for life in 0..2 + sim.dice.below(4) {
            live(&sim, &model, life).await;
        }
        sim.disk.set_faults(DiskFaults::default());
        let booted = sim.boot().unwrap();
        check(booted.log.as_ref(), &model);
        // All is well in the end: the log takes appends and gives its space back.
        let done = append(&sim, &booted, &model, 1_000).await;
        assert!(done, "the log is open");
        check(booted.log.as_ref(), &model);
        gives_its_space_back(&sim, &booted).await;
    });
}
