//! Keeps the Secret of a server's certificate in date.

use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;

use crate::certificates::leaf::certified;
use crate::runtime::apply::{apply, find};
use crate::runtime::cache::Cache;
use crate::runtime::context::Context;
use crate::runtime::error::ReconcileError;
use crate::settings::ObjectName;

/// Makes the Secret `name` hold a certificate for `dns_names` that is in date.
pub async fn keep(
    context: &Context,
    manager: &str,
    secrets: &Cache<Secret>,
    name: &ObjectName,
    metadata: ObjectMeta,
    dns_names: &[String],
) -> Result<(), ReconcileError> {
    let wrong = |message: String| ReconcileError::Remote { reason: "NoCertificate", message };
    let signers = context.authority.current().ok_or_else(|| {
        wrong("the certificate authority is not there yet; the operator makes it".to_owned())
    })?;
    let live = match secrets.get(name) {
        Some(live) => Some(live.as_ref().clone()),
        None => find(context, name).await?,
    };
    let made = certified(live.as_ref(), metadata, dns_names, &signers, context.clock.now())
        .map_err(|error| wrong(error.to_string()))?;
    apply(context, manager, secrets, &made.secret).await.map(drop)
}
