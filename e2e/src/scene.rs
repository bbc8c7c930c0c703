//! The example of examples/kubernetes, played.

use std::time::Duration;

use crate::eventually::eventually;
use crate::inbox::Inbox;
use crate::install::home;
use crate::kubernetes::{Namespace, file, own_address};
use crate::workspace::WorkspaceClient;

/// What one test needs for most things to happen.
pub const LIMIT: Duration = Duration::from_secs(90);

/// An example, with its name changed so that tests do not share objects.
pub fn example(name: &str, object: &str) -> String {
    let text = file(&format!("examples/kubernetes/{name}.yaml"));
    text.replace("name: demo", &format!("name: {object}"))
}

/// Deploys the example app.
pub async fn app(namespace: &Namespace) {
    namespace.must_apply(&example("app", "demo")).await;
    namespace.must(&["rollout", "status", "deployment/app", "--timeout=60s"]).await;
}

/// A workspace in Hearth's own namespace, a client of its `viewer`.
pub async fn workspace(name: &str) -> WorkspaceClient {
    home().must_apply(&example("workspace", name)).await;
    home().until("workspace", name, "Ready", "True", LIMIT).await;
    WorkspaceClient::of(&home(), name, (&home(), "viewer")).await
}

/// The collector of every annotated pod.
pub async fn scraper(name: &str) {
    home().must_apply(&example("scraper", name)).await;
}

/// The alert manager, with all alerts to an inbox of this process.
pub async fn alerts(name: &str) -> Inbox {
    let inbox = Inbox::start_at(&own_address().await).await;
    let url = inbox.url.clone();
    let manifest = example("alerts", name).replace("http://inbox.default.svc:8080/", &url);
    home().must_apply(&manifest).await;
    home().until("alertmanagerconfig", name, "Ready", "True", LIMIT).await;
    inbox
}

/// Removes a scene: its namespaces, and its objects in Hearth's.
pub async fn clear(name: &str, namespaces: &[Namespace]) {
    for kind in ["alertmanagerconfig", "rulegroup", "scraper", "workspace"] {
        home().must(&["delete", kind, name, "--ignore-not-found", "--timeout=60s"]).await;
    }
    for namespace in namespaces {
        Namespace::remove(&namespace.name).await;
    }
}

/// Waits until this query has a result.
pub async fn until_some(client: &WorkspaceClient, expr: &str) {
    eventually(expr, LIMIT, async || client.some(expr).await).await;
}
