//! Bindings to roles: what they bind to never changes.

use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, RoleRef};
use kube::api::DeleteParams;

use crate::runtime::apply::{Applicable, apply, delete};
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::Context;
use crate::runtime::error::ReconcileError;

/// A binding of either kind.
pub trait Binding: Applicable {
    /// What it binds to.
    fn role(&self) -> &RoleRef;
}

impl Binding for RoleBinding {
    fn role(&self) -> &RoleRef {
        &self.role_ref
    }
}

impl Binding for ClusterRoleBinding {
    fn role(&self) -> &RoleRef {
        &self.role_ref
    }
}

/// Makes a binding be as desired. One that binds to another role is deleted first: the API server
/// lets nobody change that.
///
/// # Errors
/// What the API server says.
pub async fn bind<B: Binding>(
    context: &Context,
    manager: &str,
    cache: &Cache<B>,
    desired: &B,
) -> Result<(), ReconcileError> {
    let name = name_of(desired);
    if cache.get(&name).is_some_and(|live| live.role() != desired.role()) {
        delete(context, cache, &name, DeleteParams::default()).await?;
        cache.remove(&name);
    }
    apply(context, manager, cache, desired).await.map(drop)
}
