//! Gives a Scraper's account its rights, and takes them away.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, Role, RoleBinding};
use kube::api::DeleteParams;

use crate::runtime::apply::{Applicable, apply, delete};
use crate::runtime::bindings::bind;
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::Context;
use crate::runtime::controller::owners;
use crate::runtime::error::ReconcileError;
use crate::runtime::watches::Selection;
use crate::scraper::render_access::Access;
use crate::settings::ObjectName;

/// The caches of what gives rights.
pub struct AccessKeeper {
    context: Arc<Context>,
    manager: String,
    /// Roles of all children.
    pub roles: Arc<Cache<Role>>,
    /// Bindings of the same.
    pub bindings: Arc<Cache<RoleBinding>>,
    /// Bindings for the whole cluster.
    pub cluster_bindings: Arc<Cache<ClusterRoleBinding>>,
}

impl AccessKeeper {
    /// A keeper on the context's caches.
    pub fn new(context: Arc<Context>, manager: String) -> Self {
        let watches = &context.watches;
        Self {
            manager,
            roles: watches.namespaced(Selection::managed()),
            bindings: watches.namespaced(Selection::managed()),
            cluster_bindings: watches.cluster(Selection::managed()),
            context,
        }
    }

    /// Gives what `access` says.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn give(&self, access: &Access) -> Result<(), ReconcileError> {
        let Access { roles, bindings, cluster_bindings } = access;
        for role in roles {
            apply(&self.context, &self.manager, &self.roles, role).await?;
        }
        for binding in bindings {
            bind(&self.context, &self.manager, &self.bindings, binding).await?;
        }
        for binding in cluster_bindings {
            bind(&self.context, &self.manager, &self.cluster_bindings, binding).await?;
        }
        Ok(())
    }

    /// Takes away all that is this Scraper's and not in `kept`. Bindings go first: a role without
    /// one is harmless.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn take_back(
        &self,
        scraper: &ObjectName,
        kept: &Access,
    ) -> Result<(), ReconcileError> {
        self.sweep(&self.cluster_bindings, scraper, &kept.cluster_bindings).await?;
        self.sweep(&self.bindings, scraper, &kept.bindings).await?;
        self.sweep(&self.roles, scraper, &kept.roles).await
    }

    async fn sweep<K: Applicable>(
        &self,
        cache: &Cache<K>,
        scraper: &ObjectName,
        kept: &[K],
    ) -> Result<(), ReconcileError> {
        let kept: BTreeSet<ObjectName> = kept.iter().map(name_of).collect();
        let ours = |object: &Arc<K>| owners(object.as_ref(), "Scraper").contains(scraper);
        for object in cache.all().into_iter().filter(ours) {
            let name = name_of(object.as_ref());
            if !kept.contains(&name) {
                delete(&self.context, cache, &name, DeleteParams::default()).await?;
            }
        }
        Ok(())
    }
}
