//! The real world on a real disk: open, write, reopen.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use bytes::Bytes;
use futures::future::join_all;
use world::bucket::{BucketError, Put};
use world::commit_log::{LogError, Position, StreamName};
use world::data_directory::DataDirectoryError;
use world::real_tasks::RealTasks;
use world::real_world::{OpenError, RealWorld};
use world::tasks::{Tasks, run_blocking};
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

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leaves_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let real = RealWorld::open(dir.path()).await.unwrap();
    let disk = &real.world.disk;
    for path in ["/etc/passwd", "../x", "a/../../x"] {
        let error = disk.read(Path::new(path)).unwrap_err();
        assert!(error.to_string().contains("leaves the data directory"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_append_cut_link_and_move() {
    let dir = tempfile::tempdir().unwrap();
    let real = RealWorld::open(dir.path()).await.unwrap();
    let disk = &real.world.disk;
    let path = Path::new;
    disk.create_dir_all(path("a/b")).unwrap();
    let mut file = disk.create_new(path("a/b/one")).unwrap();
    file.append(b"hello world").unwrap();
    file.truncate(5).unwrap();
    file.append(b"!").unwrap();
    file.sync().unwrap();
    assert_eq!((file.len().unwrap(), file.is_empty().unwrap()), (6, false));
    let mut buffer = [0; 3];
    file.read_exact_at(3, &mut buffer).unwrap();
    assert_eq!(&buffer, b"lo!");
    let short = file.read_exact_at(4, &mut buffer).unwrap_err();
    assert_eq!(short.kind(), std::io::ErrorKind::UnexpectedEof);
    let taken = disk.create_new(path("a/b/one")).err().unwrap();
    assert_eq!(taken.kind(), std::io::ErrorKind::AlreadyExists);
    disk.link_new(path("a/b/one"), path("a/two")).unwrap();
    let taken = disk.link_new(path("a/b/one"), path("a/two")).unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AlreadyExists);
    disk.rename(path("a/b/one"), path("a/b/three")).unwrap();
    disk.sync_dir(path("a/b")).unwrap();
    assert_eq!(disk.read(path("a/b/three")).unwrap(), b"hello!");
    let names = disk.list(path("a")).unwrap();
    let names: Vec<_> = names.iter().map(|e| (e.name.as_str(), e.is_dir, e.len)).collect();
    assert_eq!(names, [("b", true, 0), ("two", false, 6)]);
    disk.remove(path("a/two")).unwrap();
    disk.remove_dir_all(path("a")).unwrap();
    disk.remove_dir_all(path("a")).unwrap();
    assert_eq!(disk.list(path("a")).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    disk.create_dir_all(path("a/b")).unwrap();
    assert_eq!(disk.list(path("a/b")).unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_end_when_told_and_work_waits_in_line() {
    let tasks = RealTasks::new(tokio::runtime::Handle::current());
    let stopping = tasks.stopping();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let forever = tasks.spawn("forever", {
        Box::pin(async move {
            let _dropped_at_the_end: tokio::sync::oneshot::Sender<()> = sender;
            std::future::pending::<()>().await;
        })
    });
    forever.cancel().await;
    assert!(receiver.await.is_err(), "the task is gone, and all that it held");
    tasks.spawn("panics", Box::pin(async { panic!("on purpose") })).ended().await;
    let own_line = tasks.with_own_line(1);
    let running = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let works = (0..50).map(|n| {
        let (own_line, running) = (own_line.clone(), running.clone());
        async move {
            run_blocking(&own_line, move || {
                let others = running.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                assert_eq!(others, 0, "one at a time");
                running.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                n
            })
            .await
        }
    });
    assert_eq!(join_all(works).await, (0..50).collect::<Vec<_>>());
    tasks.stop();
    stopping.await;
    tasks.stopping().await;
}
