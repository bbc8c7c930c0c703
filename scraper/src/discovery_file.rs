//! Targets in files that something else writes.
//!
//! Looked at every few seconds instead of watched: a folder of a ConfigMap changes by a symlink,
//! which file events miss.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use protocol::scrape_config_discovery::FileSdConfig;
use tokio::time::{Instant, sleep};

use crate::discovery_document::{DOCUMENT_BYTES_MAX, parse_groups, refresh};
use crate::discovery_news::Teller;
use crate::target_labels::TargetGroup;

/// How often the files are looked at.
const POLL: Duration = Duration::from_secs(2);
/// How often they are read even if they look unchanged.
const DEFAULT_REFRESH: Duration = Duration::from_mins(5);
/// Files of one configuration.
const FILES_MAX: usize = 10_000;
/// The label that says which file a target stands in.
const META_LABEL: &str = "__meta_filepath";

/// What tells that a file may have changed.
type Look = (u64, Option<SystemTime>);

/// Runs until nobody listens.
pub async fn run(config: FileSdConfig, teller: Teller) {
    let refresh = refresh(config.refresh_interval, DEFAULT_REFRESH);
    let mut known: BTreeMap<PathBuf, Vec<TargetGroup>> = BTreeMap::new();
    let mut looks: Option<BTreeMap<PathBuf, Look>> = None;
    let mut read_at = Instant::now();
    loop {
        let now = look_at(&config.files).await;
        let is_due = read_at.elapsed() >= refresh;
        if is_due || looks.as_ref() != Some(&now) {
            read_at = Instant::now();
            let groups = read_all(&now, &mut known).await;
            looks = Some(now);
            // A broken file keeps its last good targets: tell both, the error last.
            let all = known.values().flatten().cloned().collect();
            let told = teller.tell_all(Ok(all)).await;
            let still = match groups {
                Ok(()) => told,
                Err(reason) => teller.tell_all(Err(reason)).await,
            };
            if !still {
                return;
            }
        }
        sleep(POLL).await;
    }
}

async fn read_all(
    looks: &BTreeMap<PathBuf, Look>,
    known: &mut BTreeMap<PathBuf, Vec<TargetGroup>>,
) -> Result<(), String> {
    known.retain(|path, _| looks.contains_key(path));
    let mut first_error = Ok(());
    for (path, (size, _)) in looks {
        match read_one(path, *size).await {
            Ok(groups) => drop(known.insert(path.clone(), groups)),
            Err(reason) if first_error.is_ok() => {
                first_error = Err(format!("{}: {reason}", path.display()));
            }
            Err(_) => {}
        }
    }
    first_error
}

async fn read_one(path: &Path, size: u64) -> Result<Vec<TargetGroup>, String> {
    if size > DOCUMENT_BYTES_MAX as u64 {
        return Err(format!("{size} bytes, at most {DOCUMENT_BYTES_MAX}"));
    }
    let text = tokio::fs::read_to_string(path).await.map_err(|error| error.to_string())?;
    let json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    parse_groups(&text, json, &path.to_string_lossy(), META_LABEL)
}

/// The files that the patterns name, with what tells of a change.
async fn look_at(patterns: &[String]) -> BTreeMap<PathBuf, Look> {
    let mut looks = BTreeMap::new();
    for pattern in patterns {
        for path in expand(pattern).await {
            if let Ok(metadata) = tokio::fs::metadata(&path).await
                && looks.len() < FILES_MAX
            {
                looks.insert(path, (metadata.len(), metadata.modified().ok()));
            }
        }
    }
    looks
}

/// The paths of a pattern with at most one `*`, in its last part.
async fn expand(pattern: &str) -> Vec<PathBuf> {
    let path = Path::new(pattern);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    let Some((before, behind)) = name.split_once('*') else { return vec![path.to_owned()] };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let mut found = Vec::new();
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return found };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let fits = name.len() >= before.len() + behind.len()
            && name.starts_with(before)
            && name.ends_with(behind);
        if fits && found.len() < FILES_MAX {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}
