//! The one way in: a request, its action, its answer.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use futures::FutureExt;
use http::Method;
use http::request::Parts;

use crate::catalog::record::WorkspaceRecord;
use crate::control::action::ControlAction;
use crate::control::error::{ControlError, no_such_path, wrong_method};
use crate::control::request::ControlRequest;
use crate::http::access::refusal::Refusal;
use crate::http::access::right;
use crate::http::answer::Answer;
use crate::http::body;
use crate::http::data_plane::{self, DataRequest};
use crate::http::error::ApiError;
use crate::http::finish::{Wanted, finish, preflight};
use crate::http::params::Params;
use crate::http::process;
use crate::http::routes::{self, Action, Dialect, Matched, Unrouted};
use crate::principal::Principal;
use crate::store::Store;

/// All paths of the store, as a tower service.
pub fn router(store: Arc<Store>) -> Router {
    Router::new().fallback(handle).with_state(store)
}

async fn handle(State(store): State<Arc<Store>>, request: Request) -> Response {
    let began = store.world.clock.steady();
    let request_id = store.world.random.uuid().to_string();
    let (parts, body) = request.into_parts();
    let wanted = Wanted::of(&parts);
    let (name, answer) = match parts.method {
        Method::OPTIONS => ("OPTIONS".to_owned(), preflight()),
        _ => routed(&store, &parts, body, &request_id).await,
    };
    let took = store.world.clock.steady().saturating_sub(began);
    store.request_metrics.count(&name, answer.status.as_u16(), took);
    finish(&store.world, wanted, &request_id, answer).await
}

async fn routed(
    store: &Arc<Store>,
    parts: &Parts,
    body: Body,
    request_id: &str,
) -> (String, Answer) {
    let matched = match routes::route(&parts.method, parts.uri.path()) {
        Ok(matched) => matched,
        Err(unrouted) => return ("unknown".to_owned(), unknown(&unrouted, parts)),
    };
    let action = matched.action;
    let name = match action {
        Action::Control(action) => format!("{action:?}"),
        Action::Data(action) => format!("{action:?}"),
        Action::Process(action) => format!("{action:?}"),
    };
    let principal = match admit(store, parts, &matched).await {
        Ok(principal) => principal,
        Err(refusal) => return (name, refused(action, refusal)),
    };
    let answered = AssertUnwindSafe(answer(store, parts, body, matched, principal));
    let answer = answered.catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(action = name, request_id, "a request panicked");
        let message = format!("a defect of the store; it is in its log as request {request_id}");
        match action {
            Action::Control(_) => ControlError::Internal(message).answer(),
            _ => ApiError::Internal(message).answer(),
        }
    });
    (name, answer)
}

async fn admit(store: &Store, parts: &Parts, matched: &Matched) -> Result<Principal, Refusal> {
    let place = || {
        let id = right::named(matched, store.default_workspace());
        let owner = id.as_ref().and_then(|id| store.catalog.read(|state| state.owner(id)));
        right::place(id.as_ref(), owner.as_deref())
    };
    if matched.action == Action::Control(ControlAction::ListWorkspaces) {
        return store.access.admit_to_list(parts, || namespaces(store)).await;
    }
    store.access.admit(parts, matched.action.right(), place).await
}

/// Where workspaces stand; `None` is the store's own namespace.
fn namespaces(store: &Store) -> BTreeSet<Option<String>> {
    let place = |record: &WorkspaceRecord| right::place(Some(&record.id), Some(&record.owner));
    store.catalog.read(|state| {
        state.workspaces.values().map(|workspace| place(&workspace.record).namespace).collect()
    })
}

/// In the shape of the API that was asked.
fn refused(action: Action, refusal: Refusal) -> Answer {
    match action {
        Action::Control(_) => ControlError::from(refusal).answer(),
        Action::Data(action) => data_plane::error_answer(action, &refusal.into()),
        Action::Process(_) => ApiError::from(refusal).text_answer(),
    }
}

async fn answer(
    store: &Arc<Store>,
    parts: &Parts,
    body: Body,
    matched: Matched,
    principal: Principal,
) -> Answer {
    let Matched { action, scope, captures } = matched;
    match action {
        Action::Process(action) => process::answer(store, action).await,
        Action::Control(action) => control(store, parts, body, action, captures, principal).await,
        Action::Data(action) => {
            let request = DataRequest { action, scope, captures, parts };
            data_plane::answer(store, request, body).await
        }
    }
}

/// Runs the whole request in a task of its own: a client that hangs up does not cancel a change.
async fn control(
    store: &Arc<Store>,
    parts: &Parts,
    body: Body,
    action: ControlAction,
    captures: Vec<String>,
    principal: Principal,
) -> Answer {
    let limit = body::CONTROL_BYTES_MAX;
    let body = match body::read(&parts.headers, body, limit).await {
        Ok(body) => body,
        Err(body::BodyFault::TooLarge { limit }) => {
            return ControlError::BodyTooLarge { limit }.answer();
        }
        Err(fault) => return ControlError::CannotParse(fault.to_string()).answer(),
    };
    let query = Params::parse(parts.uri.query().unwrap_or(""));
    let now_ms = store.world.clock.now_ms();
    let request = ControlRequest { action, captures, query, body, principal, now_ms };
    let (sender, receiver) = futures::channel::oneshot::channel();
    let control = store.control.clone();
    let task = async move {
        // The receiver is gone only where the client hung up.
        let _ = sender.send(control.handle(request).await);
    };
    store.world.tasks.spawn("control request", task.boxed());
    let gone = || ControlError::Internal(format!("{action:?} ended without an answer")).answer();
    receiver.await.unwrap_or_else(|_| gone())
}

fn unknown(unrouted: &Unrouted, parts: &Parts) -> Answer {
    let (method, path) = (&parts.method, parts.uri.path());
    let nothing = format!("there is nothing at {method} {path}");
    match unrouted {
        Unrouted::NoSuchPath(Dialect::Amp) => no_such_path(&nothing),
        Unrouted::NoSuchPath(Dialect::Prometheus) => ApiError::NotFound(nothing).answer(),
        Unrouted::WrongMethod(Dialect::Amp, allowed) => wrong_method(&nothing, allowed),
        Unrouted::WrongMethod(Dialect::Prometheus, allowed) => {
            ApiError::WrongMethod(allowed.clone()).answer()
        }
    }
}
