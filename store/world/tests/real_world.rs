//! The real world on a real disk: open, write, reopen.

use std::path::Path;

use bytes::Bytes;
use futures::future::join_all;
use world::bucket::{BucketError, Put};
use world::commit_log::{LogError, Position, StreamName};
use world::data_directory::DataDirectoryError;
use world::real_world::{OpenError, RealWorld};
use world::world::World;

fn replay(world: &World, stream: &StreamName) -> Vec<(Position, Bytes)> {
    let mut found = Vec::new();
    let mut visit = |record: world::commit_log::LogRecord| {
        found.push((record.position, record.payload));
        Ok(())
    };
    world.log.replay(stream, &mut visit).unwrap();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_come_back_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("a/b");
    let streams = [StreamName::new("samples/ws-1"), StreamName::new("catalog")];
    let mut expected: Vec<Vec<(Position, Bytes)>> = vec![Vec::new(); 2];
    for round in 0..3_usize {
        let real = RealWorld::open(&data).await.unwrap();
        for (stream, expected) in streams.iter().zip(&expected) {
            assert_eq!(&replay(&real.world, stream), expected);
        }
        let appends = (0..200).map(|n| {
            let which = n % 2;
            let payload = Bytes::from(format!("round {round} record {n}"));
            let append = real.world.log.append(&streams[which], payload.clone());
            async move { (which, append.await.unwrap(), payload) }
        });
        for (which, position, payload) in join_all(appends).await {
            expected[which].push((position, payload));
        }
        real.close().await;
    }
    let positions: Vec<u64> = expected[0].iter().map(|(position, _)| position.0).collect();
    assert_eq!(positions, (0..300).map(|n| n * 2).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = RealWorld::open(dir.path()).await.unwrap();
    let error = RealWorld::open(dir.path()).await.err().expect("the directory is taken");
    let pid = std::process::id();
    assert!(error.to_string().contains(&format!("is in use by process {pid}")), "{error}");
    first.close().await;
    RealWorld::open(dir.path()).await.expect("the lock is gone with its holder");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_format_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("FORMAT"), "hearth-data-directory 7\nmore\n").unwrap();
    let error = RealWorld::open(dir.path()).await.err().expect("version 7 is not known");
    assert!(error.to_string().contains("version 7, this program reads up to 1"), "{error}");
    assert!(matches!(error, OpenError::DataDirectory(DataDirectoryError::Newer { found: 7, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_without_a_format_is_refused_and_strangers_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    RealWorld::open(dir.path()).await.unwrap().close().await;
    assert_eq!(std::fs::read(dir.path().join("notes.txt")).unwrap(), b"mine");
    std::fs::remove_file(dir.path().join("FORMAT")).unwrap();
    let error = RealWorld::open(dir.path()).await.err().expect("FORMAT is gone");
    assert!(error.to_string().contains("FORMAT is missing, yet log is there"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_refuses_what_it_cannot_hold_and_is_closed_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let real = RealWorld::open(dir.path()).await.unwrap();
    let (log, stream) = (real.log.clone(), StreamName::new("s"));
    let world = real.world.clone();
    let large = Bytes::from(vec![0; world::commit_log::RECORD_BYTES_MAX + 1]);
    let refused = world.log.append(&stream, large).await;
    assert!(matches!(refused, Err(LogError::RecordTooLarge { .. })));
    real.close().await;
    let refused = log.close().await;
    assert_eq!(refused, ());
    let refused = world.log.append(&stream, Bytes::new()).await;
    assert!(matches!(refused, Err(LogError::Closed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_put_once() {
    let dir = tempfile::tempdir().unwrap();
    let real = RealWorld::open(dir.path()).await.unwrap();
    let bucket = &real.world.bucket;
    let put = |name: &'static str, content: &'static str| {
        bucket.put_new(name, Bytes::from_static(content.as_bytes()))
    };
    assert_eq!(put("ws/1/block", "hello world").await.unwrap(), Put::Created);
    assert_eq!(put("ws/1/block", "other").await.unwrap(), Put::Exists);
    assert_eq!(put("ws/10/block", "x").await.unwrap(), Put::Created);
    assert_eq!(bucket.get("ws/1/block").await.unwrap(), "hello world");
    assert_eq!(bucket.get_range("ws/1/block", 6, 5).await.unwrap(), "world");
    assert!(matches!(
        bucket.get_range("ws/1/block", 6, 6).await,
        Err(BucketError::OutOfRange { end: 12, .. })
    ));
    let (tail, len) = bucket.get_tail("ws/1/block", 5).await.unwrap();
    assert_eq!((tail.as_ref(), len), (&b"world"[..], 11));
    let names = |found: Vec<world::bucket::ObjectMeta>| -> Vec<String> {
        found.into_iter().map(|object| object.name).collect()
    };
    assert_eq!(names(bucket.list("ws/1").await.unwrap()), ["ws/1/block", "ws/10/block"]);
    assert_eq!(names(bucket.list("ws/1/").await.unwrap()), ["ws/1/block"]);
    assert_eq!(names(bucket.list("").await.unwrap()), ["ws/1/block", "ws/10/block"]);
    bucket.delete("ws/1/block").await.unwrap();
    bucket.delete("ws/1/block").await.unwrap();
    assert!(matches!(bucket.get("ws/1/block").await, Err(BucketError::NotFound(_))));
    for name in ["", "/etc/passwd", "a/../b", "a//b", "a/", "./a"] {
        assert!(matches!(put(name, "x").await, Err(BucketError::Unavailable(_))), "{name:?}");
    }
    assert_eq!(std::fs::read_dir(dir.path().join("bucket/drafts")).unwrap().count(), 0);
    assert!(Path::new(dir.path()).join("bucket/objects/ws/10/block").is_file());
}
