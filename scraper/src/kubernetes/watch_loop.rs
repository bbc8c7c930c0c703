//! Lists, then watches, then lists again where it must.
//!
//! Each watch has a back-off of its own, so that one that may not, or whose kind is missing, never
//! holds up another. Nothing waits without an end: an answer that does not begin, a list that does
//! not go on and a watch that says nothing for longer than it was asked for are all failures.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use futures::{StreamExt, pin_mut};
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use tokio::time::{Instant, sleep, timeout};

use crate::kubernetes::backoff::Backoff;
use crate::kubernetes::object_meta::Watchable;
use crate::kubernetes::watch::{Objects, Store};
use crate::kubernetes::watched::Watched;

/// How long one answer may take; pages are small, so far above any that is on its way.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Objects of one page of a list: client-go's number.
const PAGE_OBJECTS: u32 = 500;
/// How long the server is asked to keep a watch open, in seconds: below the five minutes at which
/// many proxies cut idle connections.
const WATCH_SECONDS: u32 = 290;
/// How much longer it may be silent before it counts as dead.
const WATCH_GRACE: Duration = Duration::from_secs(10);
/// The first wait after a failure.
const BACKOFF_MIN: Duration = Duration::from_millis(800);
/// The longest wait.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// What a watch asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// `None`: all.
    pub namespace: Option<String>,
    /// A label selector.
    pub label: Option<String>,
    /// A field selector.
    pub field: Option<String>,
}

/// Runs until it is aborted.
pub async fn run<T: Watchable>(client: kube::Client, selection: Selection, store: Arc<Store<T>>) {
    let api: Api<Watched<T>> = match &selection.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &()),
        None => Api::all(client),
    };
    let mut backoff =
        Backoff::new(BACKOFF_MIN, BACKOFF_MAX, T::PLURAL.len() as u64 ^ store_salt(&store));
    let mut pages = Some(PAGE_OBJECTS);
    loop {
        let mut version = match list(&api, &selection, pages).await {
            Ok((objects, version)) => {
                pages = Some(PAGE_OBJECTS);
                store.replace(objects);
                backoff.reset();
                version
            }
            Err(Failure::Expired) if pages.is_some() => {
                // The list grew old between two pages: a big cluster, a short memory. Take it in
                // one piece.
                pages = None;
                continue;
            }
            Err(failure) => {
                store.set_trouble(Some(failure.told::<T>()));
                sleep(backoff.next_wait()).await;
                continue;
            }
        };
        loop {
            let began = Instant::now();
            match watch(&api, &selection, &mut version, &store).await {
                Ok(()) => {
                    // A server that ends each watch at once must not be asked in a tight loop.
                    if began.elapsed() < BACKOFF_MIN {
                        sleep(backoff.next_wait()).await;
                    } else {
                        backoff.reset();
                    }
                }
                Err(Failure::Expired) => {
                    sleep(backoff.next_wait()).await;
                    break;
                }
                Err(failure) => {
                    store.set_trouble(Some(failure.told::<T>()));
                    if began.elapsed() > BACKOFF_MAX {
                        backoff.reset();
                    }
                    sleep(backoff.next_wait()).await;
                }
            }
        }
    }
}

/// All objects, and the version from which to watch.
async fn list<T: Watchable>(
    api: &Api<Watched<T>>,
    selection: &Selection,
    pages: Option<u32>,
) -> Result<(Objects<T>, String), Failure> {
    let mut params = ListParams {
        label_selector: selection.label.clone(),
        field_selector: selection.field.clone(),
        limit: pages,
        ..ListParams::default()
    };
    let mut objects = Objects::new();
    loop {
        let page = answered(api.list(&params)).await?;
        for item in page.items {
            objects.insert(item.object.meta().key(), Arc::new(item.object));
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => return Ok((objects, page.metadata.resource_version.unwrap_or_default())),
        }
    }
}

/// Follows changes until the server ends the watch, as it does every few minutes.
async fn watch<T: Watchable>(
    api: &Api<Watched<T>>,
    selection: &Selection,
    version: &mut String,
    store: &Store<T>,
) -> Result<(), Failure> {
    let params = WatchParams {
        label_selector: selection.label.clone(),
        field_selector: selection.field.clone(),
        timeout: Some(WATCH_SECONDS),
        bookmarks: true,
        send_initial_events: false,
    };
    let events = answered(api.watch(&params, version)).await?;
    pin_mut!(events);
    store.set_trouble(None);
    let silence = Duration::from_secs(u64::from(WATCH_SECONDS)) + WATCH_GRACE;
    while let Ok(Some(event)) = timeout(silence, events.next()).await {
        let newer = match event.map_err(Failure::of)? {
            WatchEvent::Added(item) | WatchEvent::Modified(item) => {
                let newer = version_of(&item);
                store.apply(item.object);
                newer
            }
            WatchEvent::Deleted(item) => {
                let newer = version_of(&item);
                store.delete(item.object.meta().key());
                newer
            }
            WatchEvent::Bookmark(bookmark) => Some(bookmark.metadata.resource_version),
            WatchEvent::Error(status) => return Err(Failure::of(kube::Error::Api(status.boxed()))),
        };
        if let Some(newer) = newer.filter(|newer| !newer.is_empty()) {
            *version = newer;
        }
    }
    Ok(())
}

fn version_of<T: Watchable>(item: &Watched<T>) -> Option<String> {
    kube::Resource::meta(item).resource_version.clone()
}

async fn answered<A>(request: impl Future<Output = kube::Result<A>>) -> Result<A, Failure> {
    match timeout(ANSWER_TIMEOUT, request).await {
        Ok(answer) => answer.map_err(Failure::of),
        Err(_) => Err(Failure::Silent),
    }
}

/// Why a list or a watch did not work.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// 410: the version is too old, list again.
    Expired,
    /// No answer at all.
    Silent,
    /// The server said no.
    Refused(u16, CompactString),
    /// It could not be asked, or not be understood.
    Broken(String),
}

impl Failure {
    fn of(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 410 => Self::Expired,
            // What the client makes of an event that it cannot read.
            kube::Error::Api(status) if status.code == 0 && status.message.is_empty() => {
                Self::Broken("the server sent what is no object of this kind".to_owned())
            }
            kube::Error::Api(status) => Self::Refused(status.code, status.message.as_str().into()),
            error => Self::Broken(crate::error_chain::chain(&error)),
        }
    }

    /// In words, with the cure.
    fn told<T: Watchable>(&self) -> String {
        let plural = T::PLURAL;
        match self {
            Self::Expired => "the server no longer knows the version to go on from".to_owned(),
            Self::Silent => format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()),
            Self::Refused(401, message) => {
                format!("401: the credentials are not accepted ({message})")
            }
            Self::Refused(403, message) => {
                let group = if T::GROUP.is_empty() { "the core group" } else { T::GROUP };
                format!(
                    "403: not allowed; get, list and watch on {plural} of {group} are needed \
                     ({message})"
                )
            }
            Self::Refused(404, _) => format!("404: the API server does not serve {plural}"),
            Self::Refused(code, message) => format!("{code}: {message}"),
            Self::Broken(reason) => reason.clone(),
        }
    }
}

/// Differs from process to process and watch to watch, so that they do not all come back at once.
fn store_salt<T>(store: &Arc<Store<T>>) -> u64 {
    Arc::as_ptr(store) as usize as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::object::Pod;

    #[test]
    fn failures_name_the_cure() {
        let told = Failure::Refused(403, "pods is forbidden".into()).told::<Pod>();
        assert!(told.contains("get, list and watch on pods"), "{told}");
        assert!(Failure::Silent.told::<Pod>().contains("30 s"));
    }
}
