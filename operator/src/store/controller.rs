//! Brings Stores to be as they say.

use std::sync::Arc;
use std::time::Duration;

use crds::store::Store;
use crds::workspace::DeletionPolicy;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::ResourceExt as _;
use kube::api::DeleteParams;

use crate::certificates::leaf_secret;
use crate::runtime::apply::{Applicable, apply, delete, find};
use crate::runtime::bindings::bind;
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::{Context, field_manager};
use crate::runtime::controller::{Controller, Next, Reconciler};
use crate::runtime::error::ReconcileError;
use crate::runtime::rollout::{pods_of, rollout, trouble};
use crate::runtime::volume::{VolumeStep, step};
use crate::runtime::volume_growth::grow;
use crate::runtime::watches::Selection;
use crate::runtime::{finalizer, set_writer, status_writer};
use crate::settings::ObjectName;
use crate::store::outcome::{Fault, Seen, status};
use crate::store::{names, render_access, render_services, render_stateful_set};

/// A look without any change: for certificates that come due, and Secrets of users.
const LOOK: Duration = Duration::from_mins(10);
/// The same while something of the user's is missing.
const LOOK_FOR_MISSING: Duration = Duration::from_secs(30);
/// The same while a deleted Store waits for its children to go.
const LOOK_FOR_GONE: Duration = Duration::from_secs(5);

/// Brings Stores to be as they say.
pub struct StoreReconciler {
    context: Arc<Context>,
    manager: String,
    stores: Arc<Cache<Store>>,
    sets: Arc<Cache<StatefulSet>>,
    services: Arc<Cache<Service>>,
    accounts: Arc<Cache<ServiceAccount>>,
    budgets: Arc<Cache<PodDisruptionBudget>>,
    policies: Arc<Cache<NetworkPolicy>>,
    bindings: Arc<Cache<ClusterRoleBinding>>,
    secrets: Arc<Cache<Secret>>,
    claims: Arc<Cache<PersistentVolumeClaim>>,
    pods: Arc<Cache<Pod>>,
}

/// The controller of Stores.
pub fn controller(context: &Arc<Context>) -> Controller<StoreReconciler> {
    let reconciler = StoreReconciler::new(context.clone());
    let StoreReconciler {
        context: _,
        manager: _,
        stores: _,
        sets,
        services,
        accounts,
        budgets,
        policies,
        bindings,
        secrets,
        claims,
        pods,
    } = &reconciler;
    let (sets, services, accounts) = (sets.clone(), services.clone(), accounts.clone());
    let (budgets, policies, bindings) = (budgets.clone(), policies.clone(), bindings.clone());
    let (secrets, claims, pods) = (secrets.clone(), claims.clone(), pods.clone());
    Controller::new(context.clone(), reconciler)
        .owns(&sets)
        .owns(&services)
        .owns(&accounts)
        .owns(&budgets)
        .owns(&policies)
        .owns(&bindings)
        .owns(&secrets)
        .owns(&claims)
        .after(&pods, store_of)
        .after_authority()
}

/// The Store of a pod.
fn store_of(pod: &Pod) -> Vec<ObjectName> {
    let labels = pod.labels();
    let ours = labels.get("app.kubernetes.io/name").is_some_and(|app| app == "hearth-store");
    let store = labels.get("app.kubernetes.io/instance").filter(|_| ours);
    let namespace = pod.namespace().unwrap_or_default();
    store.map(|name| ObjectName { namespace, name: name.clone() }).into_iter().collect()
}

impl Reconciler for StoreReconciler {
    type Kind = Store;

    async fn reconcile(&self, store: Arc<Store>) -> Result<Next, ReconcileError> {
        if store.metadata.deletion_timestamp.is_some() {
            return self.deleted(&store).await;
        }
        let deletes = store.spec.deletion_policy == DeletionPolicy::Delete;
        finalizer::set(&self.context, &self.stores, store.as_ref(), deletes).await?;
        self.surroundings(&store).await?;
        let missing = self.certificate(&store).await?;
        let name = name_of(store.as_ref());
        let claim_name = name.beside(names::claim(&name.name));
        let mut volume =
            step(render_stateful_set::size(&store.spec), self.claims.get(&claim_name).as_deref());
        let startable = missing.is_none() && !invalid_size(&volume);
        let set = self.pods_set(&store, startable).await?;
        volume = grow(&self.context, &self.manager, &self.claims, &claim_name, volume).await?;
        self.tell(&store, missing.clone(), volume, set.as_ref()).await?;
        Ok(Next::After(if missing.is_some() { LOOK_FOR_MISSING } else { LOOK }))
    }

    async fn gone(&self, name: &ObjectName) -> Result<(), ReconcileError> {
        // All else has an owner reference; a binding for the whole cluster can have none.
        self.unbind(name).await
    }
}

impl StoreReconciler {
    /// A reconciler on the context's caches.
    pub fn new(context: Arc<Context>) -> Self {
        let watches = &context.watches;
        let managed = Selection::managed;
        Self {
            manager: field_manager("Store"),
            stores: watches.namespaced(Selection::default()),
            sets: watches.namespaced(managed()),
            services: watches.namespaced(managed()),
            accounts: watches.namespaced(managed()),
            budgets: watches.namespaced(managed()),
            policies: watches.namespaced(managed()),
            bindings: watches.cluster(managed()),
            secrets: watches.namespaced(managed()),
            claims: watches.namespaced(managed()),
            pods: watches.namespaced(managed()),
            context,
        }
    }

    async fn apply<K: Applicable>(
        &self,
        cache: &Cache<K>,
        desired: &K,
    ) -> Result<K, ReconcileError> {
        apply(&self.context, &self.manager, cache, desired).await
    }

    /// All children that no fault of the spec can spoil.
    async fn surroundings(&self, store: &Store) -> Result<(), ReconcileError> {
        let settings = &self.context.settings;
        self.apply(&self.accounts, &render_access::service_account(store)).await?;
        let role = &settings.review_cluster_role;
        let binding = render_access::review_binding(store, role);
        bind(&self.context, &self.manager, &self.bindings, &binding).await?;
        self.apply(&self.services, &render_services::service(store)).await?;
        self.apply(&self.services, &render_services::headless_service(store)).await?;
        self.apply(&self.budgets, &render_services::disruption_budget(store)).await?;
        match render_services::network_policy(store, &settings.namespace) {
            Some(policy) => {
                self.apply(&self.policies, &policy).await?;
            }
            None => {
                let name = name_of(store).beside(names::child(&store.name_any()));
                delete(&self.context, &self.policies, &name, DeleteParams::default()).await?;
            }
        }
        Ok(())
    }

    /// The certificate: ours in date, or the user's there. Answers what is wrong with the user's.
    async fn certificate(&self, store: &Store) -> Result<Option<Fault>, ReconcileError> {
        let name = name_of(store);
        if let Some(tls) = &store.spec.tls {
            let secret = name.beside(tls.secret_name.clone());
            return Ok(users_certificate(&secret, find(&self.context, &secret).await?.as_ref()));
        }
        let secret = name.beside(names::tls_secret(&name.name));
        let metadata = names::family(store).metadata(&secret.name);
        let (context, manager) = (&self.context, &self.manager);
        let dns_names = names::dns_names(&name);
        leaf_secret::keep(context, manager, &self.secrets, &secret, metadata, &dns_names).await?;
        Ok(None)
    }

    /// The StatefulSet as it is now; left alone where the pod could not start.
    async fn pods_set(
        &self,
        store: &Store,
        startable: bool,
    ) -> Result<Option<StatefulSet>, ReconcileError> {
        let name = name_of(store).beside(names::child(&store.name_any()));
        let live = self.sets.get(&name);
        if !startable {
            return Ok(live.map(|live| live.as_ref().clone()));
        }
        let desired = render_stateful_set::stateful_set(store, &self.context.settings.image);
        let live = live.as_deref();
        set_writer::write(&self.context, &self.manager, &self.sets, live, desired).await
    }

    async fn tell(
        &self,
        store: &Store,
        missing: Option<Fault>,
        volume: VolumeStep,
        set: Option<&StatefulSet>,
    ) -> Result<(), ReconcileError> {
        let name = name_of(store);
        let refused = match &volume {
            VolumeStep::Refused { reason, message } => {
                Some(Fault { reason: (*reason).to_owned(), message: message.clone() })
            }
            VolumeStep::Fine | VolumeStep::Grow { .. } | VolumeStep::Growing { .. } => None,
        };
        let family = names::family(store);
        let pods = pods_of(self.pods.all(), &name.namespace, &family.selector());
        let image = pods.iter().find_map(|pod| {
            let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
            let ready = statuses.iter().find(|status| status.name == "store" && status.ready)?;
            let containers = &pod.spec.as_ref()?.containers;
            containers.iter().find(|container| container.name == ready.name)?.image.clone()
        });
        let claim = self.claims.get(&name.beside(names::claim(&name.name)));
        let seen = Seen {
            fault: missing.or(refused),
            rollout: set.map(rollout),
            trouble: trouble(&pods),
            claim: claim.as_deref(),
            volume,
            image,
        };
        let now = self.context.clock.now();
        // The finalizer's write is in the cache, not in the object we were handed.
        let newest = self.stores.get(&name);
        let store = newest.as_deref().unwrap_or(store);
        status_writer::write(&self.context, &self.stores, store, &status(store, &seen, now)).await
    }

    /// Deletes what a deleted Store with policy Delete leaves, then lets the object go.
    async fn deleted(&self, store: &Store) -> Result<Next, ReconcileError> {
        let name = name_of(store);
        self.unbind(&name).await?;
        if !finalizer::bears(store) {
            return Ok(Next::Change);
        }
        if store.spec.deletion_policy == DeletionPolicy::Delete {
            if !(self.sets.synced() && self.claims.synced()) {
                return Ok(Next::After(LOOK_FOR_GONE));
            }
            let set = name.beside(names::child(&name.name));
            delete(&self.context, &self.sets, &set, DeleteParams::background()).await?;
            let claim = name.beside(names::claim(&name.name));
            let going = self.claims.get(&claim);
            if going.as_ref().is_some_and(|c| c.metadata.deletion_timestamp.is_none()) {
                delete(&self.context, &self.claims, &claim, DeleteParams::default()).await?;
            }
            if self.claims.get(&claim).is_some() {
                return Ok(Next::After(LOOK_FOR_GONE));
            }
        }
        finalizer::set(&self.context, &self.stores, store, false).await?;
        Ok(Next::Change)
    }

    async fn unbind(&self, name: &ObjectName) -> Result<(), ReconcileError> {
        let binding = ObjectName { namespace: String::new(), name: names::review_binding(name) };
        delete(&self.context, &self.bindings, &binding, DeleteParams::default()).await
    }
}

fn invalid_size(volume: &VolumeStep) -> bool {
    matches!(volume, VolumeStep::Refused { reason: "InvalidVolumeSize", .. })
}

/// What is wrong with a certificate of the user's.
fn users_certificate(name: &ObjectName, secret: Option<&Secret>) -> Option<Fault> {
    let missing = |what: String| {
        Some(Fault {
            reason: "TlsSecretMissing".to_owned(),
            message: format!("spec.tls.secretName: {what}; what ran before runs on"),
        })
    };
    let Some(secret) = secret else {
        return missing(format!("Secret {name} does not exist: make it"));
    };
    let has = |key: &&str| secret.data.as_ref().is_some_and(|data| data.contains_key(*key));
    let absent = ["tls.crt", "tls.key"].into_iter().find(|key| !has(key))?;
    missing(format!("Secret {name} has no key {absent}: add it"))
}
