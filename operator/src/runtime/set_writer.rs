//! Writes the StatefulSet of an object.

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::DeleteParams;

use crate::runtime::apply::{apply, delete};
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::Context;
use crate::runtime::error::ReconcileError;
use crate::runtime::rollout::{keep_claim_templates, must_be_remade};

/// Applies `desired` over `live`. `None`: what cannot be changed differs, so the set was deleted
/// without its pods; they run on, and the next round's set takes them over.
pub async fn write(
    context: &Context,
    manager: &str,
    sets: &Cache<StatefulSet>,
    live: Option<&StatefulSet>,
    mut desired: StatefulSet,
) -> Result<Option<StatefulSet>, ReconcileError> {
    if let Some(live) = live {
        keep_claim_templates(live, &mut desired);
        if must_be_remade(live, &desired) {
            delete(context, sets, &name_of(live), DeleteParams::orphan()).await?;
            return Ok(None);
        }
    }
    apply(context, manager, sets, &desired).await.map(Some)
}
