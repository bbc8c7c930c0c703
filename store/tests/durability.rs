//! What outlives restarts, damage and deletion.

#[path = "support/in_process.rs"]
mod in_process;
#[path = "support/test_clock.rs"]
mod test_clock;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use in_process::{InProcess, series};
use protocol::workspace::WorkspaceId;
use serde_json::{Value, json};
use test_clock::TestClock;
use world::commit_log::StreamName;

const T0: i64 = 1_700_000_000_000;

#[allow(clippy::disallowed_methods, reason = "the test looks from outside")]
fn files(folder: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// Flips a bit in the first occurrence of a text in the oldest segment of the log.
#[allow(clippy::disallowed_methods, reason = "the test is the damage")]
fn flip(folder: &Path, text: &str) {
    let segments = files(&folder.join("log"));
    assert!(segments.len() > 1, "the damage is to lie in an old segment");
    let mut bytes = std::fs::read(&segments[0]).expect("a segment");
    let at = bytes.windows(text.len()).position(|window| window == text.as_bytes());
    bytes[at.unwrap_or_else(|| panic!("{text} is in the oldest segment"))] ^= 1;
    std::fs::write(&segments[0], bytes).expect("written");
}

/// A restart begins a new segment: what was written before lies in an old one then.
async fn with_an_old_segment(hearth: InProcess) -> InProcess {
    let hearth = hearth.restart().await;
    hearth.workspace("in the new segment").await;
    hearth
}

async fn silence(hearth: &InProcess, id: &str, comment: &str) -> String {
    let body = json!({
        "matchers": [{"name": "alertname", "value": "X", "isRegex": false}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
        "createdBy": "me", "comment": comment,
    });
    let path = format!("/workspaces/{id}/alertmanager/api/v2/silences");
    let set = hearth.call("POST", &path, body).await.expect(200).json();
    set["silenceID"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_definition_costs_itself_alone() {
    let hearth = InProcess::start().await;
    let (lost, kept) = (hearth.workspace("lost").await, hearth.workspace("kept").await);
    hearth.write(&kept, &[series(&[("__name__", "up")], &[(T0, 1.0)])]).await.expect(204);
    let hearth = with_an_old_segment(hearth).await;
    let id = lost.clone();
    let hearth = hearth.restart_after(|folder| flip(folder, &format!("\"id\":\"{id}"))).await;
    hearth.get(&format!("/workspaces/{lost}")).await.expect(404);
    let found = hearth.get(&format!("/workspaces/{kept}")).await.expect(200).json();
    assert_eq!(found["workspace"]["alias"], "kept");
    let up = hearth.query(&kept, "up", "1700000000").await;
    assert_eq!(up[0]["value"], json!([1_700_000_000, "1"]));
    // And it goes on from there.
    hearth.workspace("another").await;
    let listed = hearth.restart().await.get("/workspaces").await.json();
    assert_eq!(listed["workspaces"].as_array().map(Vec::len), Some(3), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_samples_and_alert_state_leave_the_rest_served() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    for name in ["lost_metric", "kept_metric"] {
        hearth.write(&id, &[series(&[("__name__", name)], &[(T0, 1.0)])]).await.expect(204);
    }
    let lost = silence(&hearth, &id, "lost comment").await;
    let kept = silence(&hearth, &id, "kept comment").await;
    let rules = StreamName::new(format!("rules/{id}"));
    let record = r#"{"version":1,"snapshot":false,"groups":[{"file":"lost_file","name":"g",
        "at_ms":1,"changes":[]}]}"#;
    let appended = hearth.store.world.log.append(&rules, Bytes::from(record)).await;
    appended.expect("the log takes it");
    let hearth = with_an_old_segment(hearth).await;
    let hearth = hearth
        .restart_after(|folder| {
            for text in ["lost_metric", "lost comment", "lost_file"] {
                flip(folder, text);
            }
        })
        .await;
    let value = hearth.query(&id, "kept_metric", "1700000000").await;
    assert_eq!(value[0]["value"], json!([1_700_000_000, "1"]));
    assert_eq!(hearth.query(&id, "lost_metric", "1700000000").await, json!([]));
    let base = format!("/workspaces/{id}");
    hearth.get(&format!("{base}/alertmanager/api/v2/silence/{lost}")).await.expect(404);
    let found = hearth.get(&format!("{base}/alertmanager/api/v2/silence/{kept}")).await.expect(200);
    assert_eq!(found.json()["comment"], "kept comment");
    hearth.get(&format!("{base}/api/v1/rules")).await.expect(200);
    hearth.write(&id, &[series(&[("__name__", "new")], &[(T0, 1.0)])]).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_deleted_workspace_not_even_what_came_late() {
    let hearth = InProcess::start().await;
    let text = hearth.workspace("demo").await;
    let id: WorkspaceId = text.parse().expect("an id");
    hearth.write(&text, &[series(&[("__name__", "up")], &[(T0, 1.0)])]).await.expect(204);
    silence(&hearth, &text, "quiet").await;
    let log = hearth.store.world.log.clone();
    let held = || {
        let streams = log.streams();
        streams.into_iter().filter(|name| name.as_str().ends_with(&text)).collect::<Vec<_>>()
    };
    assert_eq!(held().len(), 2, "samples and alerts");
    hearth.call("DELETE", &format!("/workspaces/{text}"), Value::Null).await.expect(202);
    assert_eq!(held(), []);
    // A task that was under way when the workspace was closed.
    let late = StreamName::new(format!("samples/{text}"));
    log.append(&late, Bytes::from_static(b"late")).await.expect("the log takes it");
    assert_eq!(held().len(), 1);
    let purging =
        |hearth: &InProcess| hearth.store.catalog.read(|state| state.purging.contains(&id));
    hearth.store.workspaces.sweep().await;
    assert_eq!((held(), purging(&hearth)), (vec![], true));
    hearth.store.workspaces.sweep().await;
    assert!(!purging(&hearth), "nothing was found any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_late_before_a_crash_is_swept_after_it() {
    let hearth = InProcess::start().await;
    let text = hearth.workspace("demo").await;
    let id: WorkspaceId = text.parse().expect("an id");
    hearth.call("DELETE", &format!("/workspaces/{text}"), Value::Null).await.expect(202);
    let late = StreamName::new(format!("samples/{text}"));
    let appended = hearth.store.world.log.append(&late, Bytes::from_static(b"late")).await;
    appended.expect("the log takes it");
    let hearth = hearth.restart().await;
    hearth.store.workspaces.program_all().await;
    assert!(!hearth.store.world.log.streams().contains(&late));
    hearth.store.workspaces.sweep().await;
    assert!(!hearth.store.catalog.read(|state| state.purging.contains(&id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_of_the_catalog_let_the_log_forget_and_one_may_break() {
    let mut clock = None;
    let hearth = InProcess::start_in(|world| clock = Some(TestClock::put_into(world))).await;
    let clock = clock.expect("set above");
    let world = hearth.store.world.clone();
    let records = || {
        let mut count = 0;
        let stream = StreamName::new("catalog");
        let replayed = world.log.replay(&stream, &mut |_| {
            count += 1;
            Ok(())
        });
        replayed.expect("a whole log");
        count
    };
    let catalog = hearth.store.catalog.clone();
    assert!(!catalog.snapshot_if_due().await.expect("a bucket"), "nothing changed yet");
    let mut ids = Vec::new();
    for round in 0..3 {
        ids.push(hearth.workspace(&format!("w{round}")).await);
        assert!(!catalog.snapshot_if_due().await.expect("a bucket"), "not old enough");
        clock.advance(Duration::from_mins(11));
        assert!(catalog.snapshot_if_due().await.expect("a bucket"), "due now");
        let left = records();
        assert!(left <= 2, "{left} records of {round} rounds");
    }
    let kept = world.bucket.list("catalog/").await.expect("a bucket");
    assert_eq!(kept.len(), 2, "{kept:?}");
    let newest = kept[1].name.clone();
    drop((catalog, world));
    let hearth = hearth.restart_after(|folder| break_object(folder, &newest)).await;
    for id in ids {
        hearth.get(&format!("/workspaces/{id}")).await.expect(200);
    }
}

#[allow(clippy::disallowed_methods, reason = "the test is the damage")]
fn break_object(folder: &Path, name: &str) {
    let leaf = name.rsplit('/').next().expect("a name");
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(files(&path));
        } else if path.file_name().is_some_and(|file| file.to_string_lossy().contains(leaf)) {
            return std::fs::write(path, b"broken").expect("written");
        }
    }
    panic!("no file holds {name}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "the test looks from outside")]
async fn no_file_of_the_data_directory_is_readable_by_others() {
    use std::os::unix::fs::PermissionsExt;
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let secret = format!("/workspaces/{id}/hearth/secrets/s");
    hearth.call("PUT", &secret, json!({"stringData": {"k": "v"}})).await.expect(200);
    let mode = |path: &Path| {
        let found = std::fs::metadata(path).expect("it is there");
        found.permissions().mode() & 0o777
    };
    assert_eq!(mode(&hearth.folder().join("catalog.key")), 0o600);
    for segment in files(&hearth.folder().join("log")) {
        assert_eq!(mode(&segment), 0o600, "{}", segment.display());
    }
}
