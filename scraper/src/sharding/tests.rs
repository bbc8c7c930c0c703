//! Balance, little movement, hooks.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use protocol::labels::{Labels, LabelsBuilder};

use super::*;

fn target(address: &str, more: &[(&str, &str)]) -> Target {
    let mut labels = LabelsBuilder::new(&Labels::default());
    labels.set("__address__", address);
    labels.set("__scheme__", "http");
    labels.set("__metrics_path__", "/metrics");
    for (name, value) in more {
        labels.set(*name, *value);
    }
    let labels = labels.build();
    let times = (Duration::from_secs(15), Duration::from_secs(10));
    Target::new("job", labels.clone(), labels, &BTreeMap::new(), times).expect("a target")
}

fn owners(target: &Target, count: u32) -> Vec<u32> {
    (0..count).filter(|index| Sharding { index: *index, count }.takes(target)).collect()
}

proptest! {
    #[test]
    fn exactly_one_shard_takes_a_target(host in "[a-z]{1,12}", port in 1u16.., count in 1u32..20) {
        let target = target(&format!("{host}:{port}"), &[]);
        prop_assert_eq!(owners(&target, count).len(), 1);
    }

    #[test]
    fn one_shard_more_takes_and_moves_nothing_else(host in "[a-z]{1,12}", count in 1u32..20) {
        let target = target(&host, &[]);
        let (before, after) = (owners(&target, count), owners(&target, count + 1));
        prop_assert!(after == before || after == vec![count]);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn shards_are_balanced(seed in any::<u64>(), count in 2u32..12) {
        let targets = 2000 * u64::from(count);
        let mut found = vec![0u64; count as usize];
        for at in 0..targets {
            let mut identity = Fnv64::default();
            identity.write(format!("{seed}/10.0.{}.{}:8080", at / 256, at % 256).as_bytes());
            found[shard_of(identity.0, count) as usize] += 1;
        }
        for share in found {
            prop_assert!((1700..2300).contains(&share), "{share} of 2000");
        }
    }
}

#[test]
fn the_hooks_are_honoured() {
    let everywhere = target("a:1", &[(DISABLE_LABEL, "1")]);
    assert_eq!(owners(&everywhere, 3), [0, 1, 2]);
    let together: Vec<Vec<u32>> = (0..20)
        .map(|at| owners(&target(&format!("host-{at}:1"), &[(HASH_LABEL, "zone-a")]), 7))
        .collect();
    assert!(together.iter().all(|owner| *owner == together[0]));
}

#[test]
fn labels_do_not_move_a_target() {
    for at in 0..50 {
        let address = format!("10.0.0.{at}:80");
        let plain = target(&address, &[]);
        let dressed = target(&address, &[("pod", "x"), ("__scrape_interval__", "5s")]);
        assert_eq!(owners(&plain, 5), owners(&dressed, 5));
    }
}

#[test]
fn a_shard_that_is_not_counted_takes_nothing() {
    let sharding = Sharding { index: 2, count: 2 };
    assert!(!sharding.takes(&target("a:1", &[(DISABLE_LABEL, "1")])));
}

#[test]
fn new_shards_count_when_all_of_them_run() {
    let mut spec = ScraperSpec {
        alias: None,
        tags: BTreeMap::new(),
        destination: crds::scraper::Destination::default(),
        scrape_configuration: None,
        monitors: None,
        source: None,
        sharding: crds::scraper::Sharding { shards: 3 },
        external_labels: BTreeMap::new(),
        buffer: None,
        image: None,
        resources: None,
        placement: None,
    };
    for (running, known, expected) in [
        // Growing: wait for all.
        (Some(1), Some(1), 1),
        (Some(2), Some(1), 1),
        (Some(3), Some(1), 3),
        // One of them restarts: nothing changes.
        (Some(2), Some(3), 3),
        // Nobody tells: all of them count.
        (None, None, 3),
        (None, Some(1), 1),
        // A fresh one among a first few.
        (Some(1), None, 1),
        (Some(0), None, 1),
        (Some(3), None, 3),
        // Shrinking: at once.
        (Some(5), Some(5), 3),
    ] {
        assert_eq!(effective_shards(&spec, running, known), expected, "{running:?} {known:?}");
    }
    spec.sharding.shards = 0;
    assert_eq!(effective_shards(&spec, Some(3), Some(3)), 0);
}
