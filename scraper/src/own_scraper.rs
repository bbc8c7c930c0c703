//! The collector's own Scraper, watched and remembered.
//!
//! What was seen last is kept in the data directory, so that a collector starts without the API
//! server. An object that does not read changes nothing but the report.

use std::path::{Path, PathBuf};

use crds::scraper::ScraperSpec;
use futures::{StreamExt, TryStreamExt};
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch_objects};
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

use crate::error_chain::chain;

/// Bytes of the remembered object: the API server itself takes no more than 1.5 MiB.
const REMEMBERED_BYTES_MAX: u64 = 4 << 20;
/// The file in the data directory.
const FILE: &str = "scraper.json";

/// One generation of the object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnScraper {
    /// Counts the changes of the spec.
    pub generation: i64,
    /// What it asks for.
    pub spec: ScraperSpec,
    /// Collectors that run, in the operator's words; absent before it has spoken.
    pub running: Option<i32>,
}

/// What is known of the object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The last one that could be read.
    pub scraper: Option<OwnScraper>,
    /// The generation and the reason of a newer one that could not be read.
    pub unreadable: Option<(i64, String)>,
    /// Why the API server's word is not to be had, or that the object is not there.
    pub trouble: Option<String>,
}

impl Seen {
    /// Takes in what the API server says of the object; `None`: it is not there.
    pub fn take(&mut self, object: Option<&DynamicObject>) {
        self.trouble = None;
        let Some(object) = object else {
            self.trouble = Some("the Scraper does not exist (any more)".to_owned());
            return;
        };
        let generation = object.metadata.generation.unwrap_or(0);
        match read(object, generation) {
            Ok(scraper) => (self.scraper, self.unreadable) = (Some(scraper), None),
            Err(reason) => self.unreadable = Some((generation, reason)),
        }
    }
}

fn read(object: &DynamicObject, generation: i64) -> Result<OwnScraper, String> {
    let spec = object.data.get("spec").cloned().unwrap_or_default();
    let spec = serde_json::from_value(spec).map_err(|error| format!("spec: {error}"))?;
    let running = object.data.pointer("/status/shards").and_then(serde_json::Value::as_i64);
    let running = running.and_then(|running| i32::try_from(running).ok());
    Ok(OwnScraper { generation, spec, running })
}

/// Watches the object until nobody listens. Starts from what the folder remembers.
pub async fn run(client: Client, namespace: String, name: String, seen: watch::Sender<Seen>) {
    let kind = ApiResource::erase::<crds::scraper::Scraper>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &kind);
    let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut events = watch_objects(api, only).default_backoff().boxed();
    let mut found_at_start = false;
    loop {
        let event = tokio::select! {
            biased;
            () = seen.closed() => return,
            event = events.try_next() => event,
        };
        match event {
            Ok(None) => return,
            Ok(Some(Event::Init)) => found_at_start = false,
            Ok(Some(Event::InitApply(object))) => {
                found_at_start = true;
                publish(&seen, Some(&object));
            }
            Ok(Some(Event::InitDone)) if found_at_start => {}
            Ok(Some(Event::InitDone | Event::Delete(_))) => publish(&seen, None),
            Ok(Some(Event::Apply(object))) => publish(&seen, Some(&object)),
            Err(error) => {
                let why = chain(&error);
                let reason = format!("reading the Scraper {namespace}/{name}: {why}");
                tracing::warn!(reason, "the API server does not answer as it should");
                seen.send_modify(|seen| seen.trouble = Some(reason));
            }
        }
    }
}

fn publish(seen: &watch::Sender<Seen>, object: Option<&DynamicObject>) {
    seen.send_if_modified(|seen| {
        let before = seen.clone();
        seen.take(object);
        *seen != before
    });
}

/// What the folder remembers; `Err`: why it cannot be used.
pub async fn remembered(data_dir: &Path) -> Result<Option<OwnScraper>, String> {
    let path = file(data_dir);
    let fault = |error: String| format!("{}: {error}", path.display());
    let size = match tokio::fs::metadata(&path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(|error| fault(error.to_string()))?.len(),
    };
    if size > REMEMBERED_BYTES_MAX {
        return Err(fault(format!("{size} bytes exceed the limit of {REMEMBERED_BYTES_MAX}")));
    }
    let text = tokio::fs::read(&path).await.map_err(|error| fault(error.to_string()))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| fault(error.to_string()))
}

/// Remembers a generation: a whole new file takes the place of the old one.
pub async fn remember(data_dir: &Path, scraper: &OwnScraper) -> Result<(), String> {
    let path = file(data_dir);
    let text = serde_json::to_vec(scraper).map_err(|error| error.to_string())?;
    let written = async {
        let fresh = path.with_extension("json.new");
        let mut out = tokio::fs::File::create(&fresh).await?;
        out.write_all(&text).await?;
        out.sync_all().await?;
        tokio::fs::rename(&fresh, &path).await?;
        tokio::fs::File::open(data_dir).await?.sync_all().await
    };
    written.await.map_err(|error: std::io::Error| format!("{}: {error}", path.display()))
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

#[cfg(test)]
mod tests;
