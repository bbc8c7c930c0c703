//! Events: what happened to an object, for `kubectl describe`.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::runtime::error::api_message;
use crate::settings::ObjectName;

/// What the API server takes of an event's note.
const NOTE_BYTES_MAX: usize = 1000;

/// The one recorder of the process: it counts repetitions instead of writing them again.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

impl Events {
    /// A recorder that reports as `hearth-operator`.
    pub fn new(client: kube::Client) -> Self {
        let reporter = Reporter { controller: "hearth-operator".to_owned(), instance: None };
        Self { recorder: Recorder::new(client, reporter) }
    }

    /// Something went well: `reason` is one CamelCase word, `note` a sentence.
    pub async fn normal<K>(&self, object: &K, reason: &str, note: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        self.publish(EventType::Normal, &object.object_ref(&()), reason, note).await;
    }

    /// Something is wrong: the note names the culprit and the cure.
    pub async fn warning<K>(&self, object: &K, reason: &str, note: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        self.publish(EventType::Warning, &object.object_ref(&()), reason, note).await;
    }

    /// A warning about an object that could not even be read.
    pub async fn undecodable(
        &self,
        (api_version, kind): (&str, &str),
        name: &ObjectName,
        uid: Option<&str>,
        note: &str,
    ) {
        let object = ObjectReference {
            api_version: Some(api_version.to_owned()),
            kind: Some(kind.to_owned()),
            namespace: Some(name.namespace.clone()).filter(|ns| !ns.is_empty()),
            name: Some(name.name.clone()),
            uid: uid.map(str::to_owned),
            ..ObjectReference::default()
        };
        self.publish(EventType::Warning, &object, "Undecodable", note).await;
    }

    /// The same for objects of any kind, foreign ones too. An event that cannot be written is
    /// logged, never an error: nothing may hang on it.
    pub async fn publish(
        &self,
        type_: EventType,
        object: &ObjectReference,
        reason: &str,
        note: &str,
    ) {
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(shortened(note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, object).await {
            let message = api_message(&error);
            tracing::warn!(%reason, %note, %message, "an event could not be written");
        }
    }
}

fn shortened(note: &str) -> String {
    if note.len() <= NOTE_BYTES_MAX {
        return note.to_owned();
    }
    let end = (0..=NOTE_BYTES_MAX - 3).rev().find(|at| note.is_char_boundary(*at));
    format!("{}...", &note[..end.unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_ends_where_the_api_server_stops_reading_and_never_inside_a_letter() {
        assert_eq!(shortened("short"), "short");
        let long = shortened(&"ä".repeat(900));
        assert!(long.len() <= NOTE_BYTES_MAX && long.ends_with("ä..."), "{}", long.len());
    }
}
