//! Brings Scrapers to be as they say.

use std::sync::Arc;
use std::time::Duration;

use crds::scraper::Scraper;
use crds::store::Store;
use crds::workspace::Workspace;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use kube::ResourceExt as _;

use crate::certificates::leaf_secret;
use crate::runtime::apply::{Applicable, apply, find};
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::{Context, field_manager};
use crate::runtime::controller::{Controller, Next, Reconciler};
use crate::runtime::error::ReconcileError;
use crate::runtime::rollout::{pods_of, rollout, trouble};
use crate::runtime::volume::{self, VolumeStep};
use crate::runtime::volume_growth::grow;
use crate::runtime::watches::Selection;
use crate::runtime::{set_writer, status_writer};
use crate::scraper::access::AccessKeeper;
use crate::scraper::destination::{Resolved, Unresolved, resolve, store_name, workspace_name};
use crate::scraper::gather::gather;
use crate::scraper::outcome::{Fault, Seen, status};
use crate::scraper::poll::Collectors;
use crate::scraper::render_stateful_set::{Surroundings, buffer_size, stateful_set};
use crate::scraper::{names, render_access, render_files};
use crate::settings::ObjectName;
use crds::quantity;

/// How often collectors are asked for their status.
const POLL: Duration = Duration::from_secs(30);
/// The same while they may be about to take up a change.
const POLL_SOON: Duration = Duration::from_secs(2);

/// Brings Scrapers to be as they say.
pub struct ScraperReconciler {
    context: Arc<Context>,
    manager: String,
    scrapers: Arc<Cache<Scraper>>,
    workspaces: Arc<Cache<Workspace>>,
    stores: Arc<Cache<Store>>,
    access: AccessKeeper,
    collectors: Arc<dyn Collectors>,
    sets: Arc<Cache<StatefulSet>>,
    services: Arc<Cache<Service>>,
    accounts: Arc<Cache<ServiceAccount>>,
    maps: Arc<Cache<ConfigMap>>,
    secrets: Arc<Cache<Secret>>,
    claims: Arc<Cache<PersistentVolumeClaim>>,
    pods: Arc<Cache<Pod>>,
}

/// The controller of Scrapers; `collectors` are asked how they fare.
pub fn controller(
    context: &Arc<Context>,
    collectors: Arc<dyn Collectors>,
) -> Controller<ScraperReconciler> {
    let own = ScraperReconciler::new(context.clone(), collectors);
    let (sets, services, accounts) = (own.sets.clone(), own.services.clone(), own.accounts.clone());
    let (maps, secrets, claims) = (own.maps.clone(), own.secrets.clone(), own.claims.clone());
    let (pods, workspaces, stores) = (own.pods.clone(), own.workspaces.clone(), own.stores.clone());
    let (roles, bindings) = (own.access.roles.clone(), own.access.bindings.clone());
    let cluster_bindings = own.access.cluster_bindings.clone();
    let (users, all) = (own.scrapers.clone(), own.scrapers.clone());
    Controller::new(context.clone(), own)
        .owns(&sets)
        .owns(&services)
        .owns(&accounts)
        .owns(&maps)
        .owns(&secrets)
        .owns(&claims)
        .owns(&roles)
        .owns(&bindings)
        .owns(&cluster_bindings)
        .after(&pods, scraper_of)
        .after(&workspaces, move |workspace| {
            let name = name_of(workspace);
            let uses = |scraper: &Arc<Scraper>| workspace_name(scraper).as_ref() == Some(&name);
            users.all().iter().filter(|s| uses(s)).map(|s| name_of(s.as_ref())).collect()
        })
        // Stores are few and change seldom: whoever may be meant is asked.
        .after(&stores, move |_| all.names().into_iter().collect())
        .after_authority()
}

/// The Scraper of a pod.
fn scraper_of(pod: &Pod) -> Vec<ObjectName> {
    let labels = pod.labels();
    let ours = labels.get("app.kubernetes.io/name").is_some_and(|app| app == "hearth-scraper");
    let scraper = labels.get("app.kubernetes.io/instance").filter(|_| ours);
    let namespace = pod.namespace().unwrap_or_default();
    scraper.map(|name| ObjectName { namespace, name: name.clone() }).into_iter().collect()
}

impl Reconciler for ScraperReconciler {
    type Kind = Scraper;

    async fn reconcile(&self, scraper: Arc<Scraper>) -> Result<Next, ReconcileError> {
        let name = name_of(scraper.as_ref());
        if scraper.metadata.deletion_timestamp.is_some() {
            // Somebody else's finalizer holds it; what it was given ends now.
            self.access.take_back(&name, &render_access::Access::default()).await?;
            return Ok(Next::Change);
        }
        let resolved = self.resolve(&scraper);
        self.give_access(&scraper, resolved.as_ref()).await?;
        self.surroundings(&scraper).await?;
        let mut fault = spec_fault(&scraper);
        let set = match &resolved {
            Ok(resolved) if fault.is_none() => {
                fault = self.missing_secret(&scraper, resolved).await?;
                self.pods_set(&scraper, resolved, fault.is_none()).await?
            }
            _ => self.running(&name),
        };
        if fault.is_none() {
            fault = self.grow_buffers(&scraper).await?;
        }
        let shards = set.as_ref().map_or(0, |set| rollout(set).wanted);
        let answers = self.collectors.ask(&name, u32::try_from(shards).unwrap_or(0)).await;
        let family = names::family(&scraper);
        let pods = pods_of(self.pods.all(), &name.namespace, &family.selector());
        let seen = Seen {
            fault,
            unresolved: resolved.err(),
            rollout: set.as_ref().map(rollout),
            trouble: trouble(&pods),
            gathered: gather(&answers, scraper.metadata.generation.unwrap_or_default()),
        };
        let told = status(&scraper, &seen, self.context.clock.now());
        status_writer::write(&self.context, &self.scrapers, scraper.as_ref(), &told).await?;
        Ok(Next::After(if seen.unsettled() { POLL_SOON } else { POLL }))
    }

    async fn gone(&self, name: &ObjectName) -> Result<(), ReconcileError> {
        // All else has an owner reference.
        self.access.take_back(name, &render_access::Access::default()).await
    }
}

impl ScraperReconciler {
    /// A reconciler on the context's caches.
    pub fn new(context: Arc<Context>, collectors: Arc<dyn Collectors>) -> Self {
        let watches = &context.watches;
        let managed = Selection::managed;
        let manager = field_manager("Scraper");
        Self {
            access: AccessKeeper::new(context.clone(), manager.clone()),
            manager,
            collectors,
            scrapers: watches.namespaced(Selection::default()),
            workspaces: watches.namespaced(Selection::default()),
            stores: watches.namespaced(Selection::default()),
            sets: watches.namespaced(managed()),
            services: watches.namespaced(managed()),
            accounts: watches.namespaced(managed()),
            maps: watches.namespaced(managed()),
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

    /// Where samples go, by what the caches know.
    fn resolve(&self, scraper: &Scraper) -> Result<Resolved, Unresolved> {
        let default = self.context.settings.default_store.as_ref();
        let workspace = workspace_name(scraper).and_then(|name| self.workspaces.get(&name));
        let store = workspace.as_ref().and_then(|workspace| store_name(workspace, default));
        let store = store.and_then(|store| self.stores.get(&store));
        let resolved = resolve(scraper, workspace.as_deref(), store.as_deref(), default);
        resolved.map_err(|unresolved| Unresolved {
            // Absence means nothing before everything was listed.
            passes: unresolved.passes || !self.workspaces.synced(),
            ..unresolved
        })
    }

    /// The rights of now. Those to write stay while the Workspace is away, and go when it says no.
    async fn give_access(
        &self,
        scraper: &Scraper,
        resolved: Result<&Resolved, &Unresolved>,
    ) -> Result<(), ReconcileError> {
        let workspace = match resolved {
            Ok(resolved) => resolved.workspace.clone(),
            Err(unresolved) if unresolved.revoked => None,
            Err(_) => workspace_name(scraper).filter(|_| self.runs(scraper)),
        };
        let settings = &self.context.settings;
        let access = render_access::access(scraper, workspace.as_ref(), settings);
        self.apply(&self.accounts, &render_access::service_account(scraper)).await?;
        self.access.give(&access).await?;
        self.access.take_back(&name_of(scraper), &access).await
    }

    fn runs(&self, scraper: &Scraper) -> bool {
        self.running(&name_of(scraper)).is_some()
    }

    fn running(&self, scraper: &ObjectName) -> Option<StatefulSet> {
        let name = scraper.beside(names::child(&scraper.name));
        self.sets.get(&name).map(|set| set.as_ref().clone())
    }

    /// Service and certificate.
    async fn surroundings(&self, scraper: &Scraper) -> Result<(), ReconcileError> {
        self.apply(&self.services, &render_files::headless_service(scraper)).await?;
        let name = name_of(scraper);
        let secret = name.beside(names::tls_secret(&name.name));
        let metadata = names::family(scraper).metadata(&secret.name);
        let (context, manager) = (&self.context, &self.manager);
        let dns_names = names::dns_names(&name);
        leaf_secret::keep(context, manager, &self.secrets, &secret, metadata, &dns_names).await
    }

    /// The StatefulSet as it is now; left alone where its pods could not start.
    async fn pods_set(
        &self,
        scraper: &Scraper,
        resolved: &Resolved,
        startable: bool,
    ) -> Result<Option<StatefulSet>, ReconcileError> {
        let name = name_of(scraper);
        if let Some(store) = &resolved.store {
            let ca = self.authority_of(store).await?;
            self.apply(&self.maps, &render_files::ca_map(scraper, &ca)).await?;
        }
        let live = self.running(&name);
        if !startable {
            return Ok(live);
        }
        let settings = &self.context.settings;
        let reader =
            format!("system:serviceaccount:{}:{}", settings.namespace, settings.service_account);
        let surroundings = Surroundings { image: &settings.image, status_reader: &reader };
        let desired = stateful_set(scraper, resolved, surroundings);
        set_writer::write(&self.context, &self.manager, &self.sets, live.as_ref(), desired).await
    }

    /// What is trusted of a Store: the operator's authority, or what the user's Secret says.
    async fn authority_of(&self, store: &ObjectName) -> Result<String, ReconcileError> {
        let known = self.stores.get(store);
        let users = known.as_ref().and_then(|store| store.spec.tls.as_ref());
        if let Some(tls) = users {
            let secret: Option<Secret> =
                find(&self.context, &store.beside(tls.secret_name.clone())).await?;
            let ca = secret.as_ref().and_then(|s| s.data.as_ref()?.get("ca.crt"));
            if let Some(ca) = ca.and_then(|ca| String::from_utf8(ca.0.clone()).ok()) {
                return Ok(ca);
            }
        }
        let bundle = self.context.authority.bundle();
        bundle.map_err(|error| ReconcileError::Remote {
            reason: "NoAuthority",
            message: error.to_string(),
        })
    }

    /// A Secret that pods would wait for for ever.
    async fn missing_secret(
        &self,
        scraper: &Scraper,
        resolved: &Resolved,
    ) -> Result<Option<Fault>, ReconcileError> {
        // Pods that run have what they mount; asking each time would be a request each poll.
        let done = self.running(&name_of(scraper)).is_some_and(|set| rollout(&set).done);
        if done && status_writer::observed(scraper) == scraper.metadata.generation {
            return Ok(None);
        }
        for (field, secret, key) in secrets_mounted(scraper, resolved) {
            let at = name_of(scraper).beside(secret);
            let found: Option<Secret> = find(&self.context, &at).await?;
            let data = found.as_ref().and_then(|secret| secret.data.as_ref());
            let message = match (&found, data.is_some_and(|data| data.contains_key(&key))) {
                (None, _) => format!("{field}: Secret {at} does not exist: make it"),
                (Some(_), false) => format!("{field}: Secret {at} has no key {key}: add it"),
                (Some(_), true) => continue,
            };
            let message = format!("{message}; collectors that run go on");
            return Ok(Some(Fault { reason: "SecretMissing", message }));
        }
        Ok(None)
    }

    /// Lets the buffers' volumes grow; answers what cannot be.
    async fn grow_buffers(&self, scraper: &Scraper) -> Result<Option<Fault>, ReconcileError> {
        let buffer = scraper.spec.buffer.as_ref();
        let Some(wanted) = buffer.and_then(|buffer| buffer.volume.as_ref()) else {
            return Ok(None);
        };
        let name = name_of(scraper);
        for shard in 0..scraper.spec.sharding.shards {
            let claim = name.beside(names::claim(&name.name, shard));
            let step = volume::step(&wanted.size, self.claims.get(&claim).as_deref());
            let step = grow(&self.context, &self.manager, &self.claims, &claim, step).await?;
            if let VolumeStep::Refused { reason, message } = step {
                let message = message.replace("spec.volume.size", "spec.buffer.volume.size");
                return Ok(Some(Fault { reason, message }));
            }
        }
        Ok(None)
    }
}

/// What the schema cannot refuse.
fn spec_fault(scraper: &Scraper) -> Option<Fault> {
    let size = buffer_size(&scraper.spec);
    let good = quantity::units(size).is_some_and(|bytes| bytes > 0);
    (!good).then(|| Fault {
        reason: "InvalidBufferSize",
        message: format!("spec.buffer: {size:?} is not a quantity such as 1Gi"),
    })
}

/// The Secrets that pods mount: by which field, which, which key.
fn secrets_mounted(scraper: &Scraper, resolved: &Resolved) -> Vec<(&'static str, String, String)> {
    let mut all = Vec::new();
    if let crate::scraper::destination::Proof::Secret { name, key } = &resolved.proof {
        let field = "spec.destination.remoteWrite.authorization.credentials";
        all.push((field, name.clone(), key.clone()));
    }
    let source = scraper.spec.source.as_ref();
    if let Some(key) = source.and_then(|source| source.kubeconfig.as_ref()) {
        all.push(("spec.source.kubeconfig", key.name.clone(), key.key.clone()));
    }
    let eks = source.and_then(|source| source.eks.as_ref());
    if let Some(secret) = eks.and_then(|eks| eks.credentials_secret_name.as_ref()) {
        let field = "spec.source.eks.credentialsSecretName";
        for key in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            all.push((field, secret.clone(), key.to_owned()));
        }
    }
    all
}
