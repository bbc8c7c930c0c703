//! The bucket on a disk that crashes: put once, whole.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use sim::faults::DiskFaults;
use sim::harness::for_each_seed;
use sim::sim::{Booted, Sim};
use world::bucket::{Bucket, BucketError, Put};
use world::local_bucket::LocalBucket;

const NAMES: u64 = 12;

/// What a put was told.
#[derive(Clone, Debug, PartialEq)]
enum Fate {
    Unknown,
    /// It is there; who created it did not yet hear.
    There,
    /// Created, or found after a start: only one content can be there.
    Known,
}

/// For each name the contents that were tried, and whether any call said that the object is there.
type Model = Arc<Mutex<BTreeMap<String, (Vec<Bytes>, Fate)>>>;

fn name(sim: &Sim) -> String {
    let number = sim.dice.below(NAMES);
    format!("ws-{}/{number}", number % 3)
}

fn open(booted: &Booted) -> LocalBucket {
    LocalBucket::open(booted.world.disk.clone(), booted.world.tasks.clone()).unwrap()
}

async fn put_on(sim: Sim, bucket: Arc<LocalBucket>, model: Model) {
    loop {
        let name = name(&sim);
        let content = Bytes::from(vec![sim.dice.below(256) as u8; sim.dice.below(3_000) as usize]);
        let tried = |model: &Model| model.lock().unwrap()[&name].0.clone();
        let unknown = || (Vec::new(), Fate::Unknown);
        let entry = (name.clone(), content.clone());
        model.lock().unwrap().entry(entry.0).or_insert_with(unknown).0.push(entry.1);
        let put = bucket.put_new(&name, content.clone()).await;
        if let Ok(put) = put {
            note(&model, &name, put, content);
        }
        if let Ok(content) = bucket.get(&name).await {
            assert!(tried(&model).contains(&content), "{name} holds what nobody put");
        }
    }
}

fn note(model: &Model, name: &str, put: Put, content: Bytes) {
    let mut locked = model.lock().unwrap();
    let (contents, fate) = locked.get_mut(name).unwrap();
    if put == Put::Created {
        assert_ne!(*fate, Fate::Known, "{name} was created twice");
        // Nobody else's content can be there any more.
        *contents = vec![content];
        *fate = Fate::Known;
    } else if *fate == Fate::Unknown {
        *fate = Fate::There;
    }
}

async fn check(bucket: &LocalBucket, model: &Model) {
    let known = model.lock().unwrap().clone();
    let listed = bucket.list("").await.unwrap();
    for (name, (contents, fate)) in &known {
        let meta = listed.iter().find(|meta| meta.name == *name);
        match bucket.get(name).await {
            Ok(content) => {
                assert!(contents.contains(&content), "{name} holds what nobody put, or a part");
                assert_eq!(meta.map(|meta| meta.len), Some(content.len() as u64));
                model.lock().unwrap().insert(name.clone(), (vec![content], Fate::Known));
            }
            Err(BucketError::NotFound(_)) => {
                assert_eq!(*fate, Fate::Unknown, "{name} is gone");
                assert_eq!(meta, None);
            }
            Err(other) => panic!("unexpected: {other}"),
        }
    }
    assert!(listed.is_sorted() && listed.iter().all(|meta| known.contains_key(&meta.name)));
}

#[test]
fn through_power_cuts_and_a_failing_disk() {
    for_each_seed("bucket_puts_once", 300, |sim| async move {
        let model = Model::default();
        for _ in 0..4 {
            let booted = sim.boot().unwrap();
            let bucket = Arc::new(open(&booted));
            check(&bucket, &model).await;
            let per_mille = sim.dice.below(100);
            let bytes_max = None;
            sim.disk.set_faults(DiskFaults {
                append: per_mille,
                sync: per_mille,
                names: per_mille,
                bytes_max,
            });
            for _ in 0..3 {
                booted.spawn(put_on(sim.clone(), bucket.clone(), model.clone()));
            }
            if sim.dice.chance(700) {
                sim.disk.lose_power_after(1 + sim.dice.below(300));
                sim.disk.power_lost().await;
            } else {
                sim.sleep(Duration::from_millis(sim.dice.below(300))).await;
            }
            sim.crash(&booted);
            sim.disk.set_faults(DiskFaults::default());
        }
        let booted = sim.boot().unwrap();
        check(&open(&booted), &model).await;
    });
}
