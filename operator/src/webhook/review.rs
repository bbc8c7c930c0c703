//! One review: what an API server asks, judged.

use check::judgement::Judgement;
use check::manifest::Kind;
use check::patience::Patience;
use check::verdict::object_within;
use kube::core::Status;
use kube::core::admission::{AdmissionRequest, AdmissionResponse, AdmissionReview, Operation};
use kube::core::dynamic::DynamicObject;
use kube::core::response::{StatusCause, StatusDetails};
use protocol::fault::Fault;
use serde_json::Value;

/// The one version of reviews that the chart registers for.
const REVIEW_VERSION: &str = "admission.k8s.io/v1";
/// Longest message of a refusal: `kubectl` prints it whole, and a person reads it.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Faults that are told with their field for machines.
const CAUSES_MAX: usize = 50;
/// API servers cut longer warnings.
const WARNING_CHARS_MAX: usize = 256;
/// API servers cut more: 4096 characters of warnings in all.
const WARNINGS_MAX: usize = 16;

/// A request that was read.
pub type Request = AdmissionRequest<DynamicObject>;

/// Reads a body; the error is for whoever configured the sender.
///
/// # Errors
/// If it is no review of `admission.k8s.io/v1`.
pub fn read(body: &[u8]) -> Result<Request, String> {
    let review: AdmissionReview<DynamicObject> = serde_json::from_slice(body)
        .map_err(|error| format!("the body is no AdmissionReview: {error}"))?;
    let version = review.types.api_version.clone();
    if version != REVIEW_VERSION || review.types.kind != "AdmissionReview" {
        let kind = &review.types.kind;
        return Err(format!("{version:?} {kind:?} is no AdmissionReview of {REVIEW_VERSION}"));
    }
    review.try_into().map_err(|_| "the AdmissionReview holds no request".to_owned())
}

/// The kind and specification to be judged; `None` where nothing is.
pub fn judged(request: &Request) -> Option<(Kind, &Value)> {
    match request.operation {
        Operation::Create | Operation::Update => {}
        Operation::Delete | Operation::Connect => return None,
    }
    let sub_resource = request.sub_resource.as_deref().unwrap_or_default();
    if request.kind.group != crds::references::GROUP || !sub_resource.is_empty() {
        return None;
    }
    let kind = Kind::resource(&request.kind.kind)?;
    let object = request.object.as_ref()?;
    // What is being deleted only loses its finalizers.
    if object.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let spec = object.data.get("spec").unwrap_or(&Value::Null);
    let before = request.old_object.as_ref().and_then(|before| before.data.get("spec"));
    // Labels and finalizers of an object that was always wrong can still be changed.
    (before != Some(spec)).then_some((kind, spec))
}

/// The answer to a request.
pub fn answer(request: &Request, patience: &Patience) -> AdmissionResponse {
    let response = AdmissionResponse::from(request);
    match judged(request) {
        None => response,
        Some((kind, spec)) => decided(response, request, kind, object_within(kind, spec, patience)),
    }
}

/// The answer to a request whose judgement did not come in time.
pub fn unfinished(request: &Request) -> AdmissionResponse {
    let mut response = AdmissionResponse::from(request);
    response.warnings = Some(vec![UNFINISHED.to_owned()]);
    response
}

const UNFINISHED: &str = "not judged in time: the operator goes on with it, see the conditions of \
                          the object's status";

fn decided(
    mut response: AdmissionResponse,
    request: &Request,
    kind: Kind,
    judgement: Judgement,
) -> AdmissionResponse {
    let Judgement { faults, warnings, unfinished } = judgement;
    let mut told: Vec<String> = warnings.iter().map(|one| cut(&one.to_string())).collect();
    if unfinished {
        told.insert(0, UNFINISHED.to_owned());
    }
    told.truncate(WARNINGS_MAX);
    response.warnings = (!told.is_empty()).then_some(told);
    if faults.is_empty() {
        return response;
    }
    response.allowed = false;
    let mut status = Status::failure(&message(kind, request, &faults), "Invalid").with_code(422);
    status.details = Some(StatusDetails {
        name: request.name.clone(),
        group: request.kind.group.clone(),
        kind: request.kind.kind.clone(),
        uid: String::new(),
        causes: faults.iter().take(CAUSES_MAX).map(cause).collect(),
        retry_after_seconds: 0,
    });
    response.result = status;
    response
}

fn cause(fault: &Fault) -> StatusCause {
    StatusCause {
        reason: "FieldValueInvalid".to_owned(),
        message: cut(&fault.message),
        field: fault.path.clone(),
    }
}

/// Every fault with its field, one a line.
fn message(kind: Kind, request: &Request, faults: &[Fault]) -> String {
    let count = match faults.len() {
        1 => "1 fault".to_owned(),
        more => format!("{more} faults"),
    };
    let mut message = format!("{} {:?} has {count}:", kind.as_str(), request.name);
    for (number, fault) in faults.iter().enumerate() {
        let line = format!("\n- {fault}");
        if message.len() + line.len() > MESSAGE_BYTES_MAX {
            let more = faults.len() - number;
            message.push_str(&format!("\n- and {more} more: `hearth check FILE` tells them all"));
            break;
        }
        message.push_str(&line);
    }
    message
}

fn cut(text: &str) -> String {
    if text.chars().count() <= WARNING_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(WARNING_CHARS_MAX - 3).chain("...".chars()).collect()
}
