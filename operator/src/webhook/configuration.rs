//! The `caBundle` of the webhook's configuration.
//!
//! The chart makes the configuration without one, so that nothing that compares the chart with the
//! cluster fights over it; the leading operator owns this one field and writes it when it differs.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingWebhook, ValidatingWebhookConfiguration,
};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::runtime::apply::told;
use crate::runtime::backoff::Backoff;
use crate::runtime::context::{Context, field_manager};
use crate::runtime::watches::Selection;
use crate::settings::{ObjectName, OperatorSettings};

/// The kind, for the metric of writes.
const KIND: &str = "ValidatingWebhookConfiguration";
/// Who owns the field.
const MANAGER: &str = "webhook";

/// The patch that gives every webhook which leads to this operator the bundle; `None` where each
/// has it already.
pub fn patch(
    live: &ValidatingWebhookConfiguration,
    settings: &OperatorSettings,
    bundle: &str,
) -> Option<Value> {
    let bundle = ByteString(bundle.as_bytes().to_vec());
    let mut ours = Vec::new();
    let mut differs = false;
    for webhook in live.webhooks.iter().flatten() {
        if leads_here(webhook, settings) {
            differs |= webhook.client_config.ca_bundle.as_ref() != Some(&bundle);
            ours.push(json!({"name": webhook.name, "clientConfig": {"caBundle": bundle}}));
        }
    }
    differs.then(|| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": KIND,
            "metadata": {"name": live.metadata.name},
            "webhooks": ours,
        })
    })
}

/// Why the API server does not ask the webhook yet: nothing where it does, and where there is no
/// configuration to ask by.
pub fn pending(context: &Context) -> Option<String> {
    let settings = &context.settings;
    settings.webhook_listen?;
    let name = settings.webhook_service.clone();
    let cache = context.watches.cluster::<ValidatingWebhookConfiguration>(selection(settings));
    let live = cache.get(&ObjectName { namespace: String::new(), name })?;
    let is_bare = |webhook: &ValidatingWebhook| {
        leads_here(webhook, settings) && webhook.client_config.ca_bundle.is_none()
    };
    let told = || "the webhook's caBundle is not written yet; the leading operator does".to_owned();
    live.webhooks.iter().flatten().any(is_bare).then(told)
}

fn leads_here(webhook: &ValidatingWebhook, settings: &OperatorSettings) -> bool {
    webhook.client_config.service.as_ref().is_some_and(|service| {
        service.name == settings.webhook_service && service.namespace == settings.namespace
    })
}

/// The configuration bears the name of the webhook's Service.
fn selection(settings: &OperatorSettings) -> Selection {
    let fields = Some(format!("metadata.name={}", settings.webhook_service));
    Selection { fields, ..Selection::default() }
}

/// Keeps the field right while this process leads.
pub async fn keep(context: Arc<Context>) {
    let name = context.settings.webhook_service.clone();
    let cache =
        context.watches.cluster::<ValidatingWebhookConfiguration>(selection(&context.settings));
    let changed = Arc::new(Notify::new());
    let notify = changed.clone();
    cache.listen(move |_, _| notify.notify_one());
    let mut authority = context.authority.subscribe();
    let mut leadership = context.leadership();
    let api: Api<ValidatingWebhookConfiguration> = Api::all(context.client.clone());
    let object = ObjectName { namespace: String::new(), name: name.clone() };
    let mut failures = 0;
    loop {
        if leadership.wait_for(|leads| *leads).await.is_err() {
            return;
        }
        authority.mark_unchanged();
        let live = cache.get(&object);
        let bundle = context.authority.bundle().ok();
        let due =
            live.zip(bundle).and_then(|(live, bundle)| patch(&live, &context.settings, &bundle));
        let mut again = Duration::MAX;
        if let Some(due) = due {
            let params = PatchParams::apply(&field_manager(MANAGER)).force();
            let answer = api.patch(&name, &params, &Patch::Apply(&due)).await;
            told(&context, KIND, answer.as_ref().err());
            match answer {
                Ok(written) => {
                    failures = 0;
                    cache.put(written);
                    tracing::info!(configuration = name, "the webhook's caBundle is set");
                }
                Err(error) => {
                    failures += 1;
                    again = Backoff::WATCH.wait(failures, &name);
                    tracing::warn!(%error, configuration = name, "caBundle was not written");
                }
            }
        }
        tokio::select! {
            biased;
            _ = leadership.wait_for(|leads| !*leads) => {}
            ended = authority.changed() => if ended.is_err() { return },
            () = changed.notified() => {}
            () = tokio::time::sleep(again) => {}
        }
    }
}
