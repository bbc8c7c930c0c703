//! Asks for more of a volume.

use std::sync::Arc;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::json;

use crate::runtime::apply::{find, merge};
use crate::runtime::cache::Cache;
use crate::runtime::context::Context;
use crate::runtime::error::ReconcileError;
use crate::runtime::volume::{VolumeStep, class_forbids};
use crate::settings::ObjectName;

/// Lets a claim ask for more where that is the step and its StorageClass allows it; answers the
/// step that is left then.
///
/// # Errors
/// What the API server says.
pub async fn grow(
    context: &Context,
    manager: &str,
    claims: &Arc<Cache<PersistentVolumeClaim>>,
    claim: &ObjectName,
    step: VolumeStep,
) -> Result<VolumeStep, ReconcileError> {
    let VolumeStep::Grow { from, to, class } = step else { return Ok(step) };
    let class = class.unwrap_or_default();
    let name = ObjectName { namespace: String::new(), name: class.clone() };
    let found: Option<StorageClass> =
        if class.is_empty() { None } else { find(context, &name).await? };
    if found.is_none_or(|class| class.allow_volume_expansion != Some(true)) {
        return Ok(class_forbids(&class, &from, &to));
    }
    let patch = json!({"spec": {"resources": {"requests": {"storage": to}}}});
    merge(context, manager, claims, claim, &patch).await?;
    Ok(VolumeStep::Growing { to, has: from })
}
