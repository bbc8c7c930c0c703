//! Order, crashes, bounds.

use super::*;

fn record(at: u32) -> Record {
    Record { samples: 10, payload: Bytes::from(format!("batch {at} {}", "x".repeat(200))) }
}

fn number(record: &Record) -> u32 {
    let text = String::from_utf8_lossy(&record.payload).into_owned();
    text.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("it has a number")
}

fn drain(lane: &mut Lane) -> Vec<u32> {
    let mut found = Vec::new();
    while let Some((record, place)) = lane.first().expect("it reads") {
        found.push(number(&record));
        lane.pop(place).expect("it is taken");
    }
    found
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).expect("a folder").count()
}

#[test]
fn batches_leave_in_order_and_files_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut lane = Lane::open(folder.path(), 8 << 10).expect("it opens");
    for at in 0..20 {
        lane.append(&record(at)).expect("it is added");
    }
    assert!(files(folder.path()) > 1, "more than one segment");
    let (first, place) = lane.first().expect("it reads").expect("there is one");
    assert_eq!(number(&first), 0);
    assert_eq!(lane.first(), Ok(Some((first, place))), "it stays until it is taken");
    lane.pop(place).expect("it is taken");
    lane.pop(place).expect("a second time takes nothing");
    lane.append(&record(20)).expect("it is added");
    assert_eq!(drain(&mut lane), (1..=20).collect::<Vec<_>>());
    assert!(lane.is_empty());
    assert_eq!(files(folder.path()), 0);
    lane.append(&record(21)).expect("it goes on");
    assert_eq!(drain(&mut lane), [21]);
}

#[test]
fn another_process_goes_on_where_a_crash_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut lane = Lane::open(folder.path(), 64 << 10).expect("it opens");
    for at in 0..5 {
        lane.append(&record(at)).expect("it is added");
    }
    lane.sync().expect("it lasts");
    drop(lane);
    let last = folder.path().join(format!("{:016}.seg", 0));
    let mut bytes = fs::read(&last).expect("it reads");
    bytes.truncate(bytes.len() - 7);
    fs::write(&last, &bytes).expect("it is cut");
    let mut lane = Lane::open(folder.path(), 64 << 10).expect("it opens again");
    assert_eq!(lane.figures(), LaneFigures { waiting: 40, dropped: 0, torn: 1 });
    lane.append(&record(9)).expect("it is added");
    assert_eq!(drain(&mut lane), [0, 1, 2, 3, 9]);
    let mut lane = Lane::open(folder.path(), 64 << 10).expect("it opens again");
    assert_eq!(drain(&mut lane), Vec::<u32>::new());
}

#[test]
fn a_full_lane_drops_its_oldest_and_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes_max = 8 << 10;
    let mut lane = Lane::open(folder.path(), bytes_max).expect("it opens");
    let mut places = Vec::new();
    for at in 0..200 {
        places.push(lane.append(&record(at)).expect("it is added"));
        if at == 100 {
            lane.first().expect("it reads").expect("the reader stands in a file that will go");
        }
    }
    let used: u64 = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.and_then(|entry| entry.metadata()).expect("a file").len())
        .sum();
    assert!(used <= bytes_max, "{used}");
    let figures = lane.figures();
    lane.pop(places[0]).expect("one that made room is not there to be taken");
    let found = drain(&mut lane);
    assert_eq!(found.last(), Some(&199));
    assert!(found.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{found:?}");
    assert_eq!(figures.waiting, found.len() as u64 * 10);
    assert_eq!(figures.dropped + figures.waiting, 2000);
}

#[test]
fn a_newer_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("0000000000000003.seg"), b"HCBF\x09\0\0\0more").expect("a file");
    let error = Lane::open(folder.path(), 1 << 20).err().expect("it does not open");
    assert!(error.contains("version 9"), "{error}");
}
