//! Stores, as clients of their control API.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crds::store::Store;
use crds::workspace::Workspace;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use tokio::time::Instant;

use crate::control::client::ControlClient;
use crate::control::https::{HttpsTransport, TokenSource};
use crate::control::owner::Install;
use crate::control::transport::Transport;
use crate::runtime::apply::find;
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::Context;
use crate::runtime::error::ReconcileError;
use crate::runtime::watches::Selection;
use crate::settings::ObjectName;
use crate::workspace::trouble::Unresolved;

/// How long an authority that lies in a user's Secret is trusted without reading it again: the
/// operator does not watch Secrets that are not its own.
const AUTHORITY_AGE_MAX: Duration = Duration::from_mins(5);

/// Reaches stores. Tests put doubles in.
pub trait StoreLinks: Send + Sync + 'static {
    /// A transport to a Store that has told where it answers.
    fn link<'a>(
        &'a self,
        store: &'a Store,
    ) -> BoxFuture<'a, Result<Arc<dyn Transport>, ReconcileError>>;
}

/// All stores that the operator sees.
pub struct Stores {
    /// The installation in whose name all is done.
    pub install: Install,
    default_store: Option<ObjectName>,
    cache: Arc<Cache<Store>>,
    links: Arc<dyn StoreLinks>,
}

impl Stores {
    /// The stores of the cluster, over HTTPS.
    pub fn new(context: &Arc<Context>) -> Arc<Self> {
        Self::with_links(context, Arc::new(HttpsLinks::new(context)))
    }

    /// The same over links of another kind.
    pub fn with_links(context: &Arc<Context>, links: Arc<dyn StoreLinks>) -> Arc<Self> {
        Arc::new(Self {
            install: Install::new(&context.settings.install),
            default_store: context.settings.default_store.clone(),
            cache: context.watches.namespaced::<Store>(Selection::default()),
            links,
        })
    }

    /// The cache of Stores, to be told of changes.
    pub fn cache(&self) -> &Arc<Cache<Store>> {
        &self.cache
    }

    /// The Store that carries a Workspace.
    pub fn of_workspace(&self, workspace: &Workspace) -> Result<ObjectName, Unresolved> {
        if let Some(reference) = &workspace.spec.store_ref {
            let own = || workspace.namespace().unwrap_or_default();
            let namespace = reference.namespace.clone().unwrap_or_else(own);
            return Ok(ObjectName { namespace, name: reference.name.clone() });
        }
        let missing = "spec.storeRef is missing and the operator has no default Store: name one, \
                       or set --default-store";
        self.default_store.clone().ok_or_else(|| Unresolved::stuck("NoStore", missing))
    }

    /// Whether there is such a Store at all.
    pub fn exists(&self, name: &ObjectName) -> bool {
        !self.cache.synced() || self.cache.get(name).is_some()
    }

    /// The Store, once it has said where it answers.
    fn answering(&self, name: &ObjectName) -> Result<Arc<Store>, Unresolved> {
        let Some(store) = self.cache.get(name) else {
            let message = format!("there is no Store {name}: make it, or correct spec.storeRef");
            return Err(Unresolved::waits("StoreNotFound", message));
        };
        let told = store.status.as_ref().and_then(|status| status.endpoint.as_ref());
        if told.is_none() {
            let message = format!("Store {name} does not answer yet: see its own conditions");
            return Err(Unresolved::waits("StoreNotReady", message));
        }
        Ok(store)
    }

    /// A client of a Store's control API, for an owner.
    ///
    /// # Errors
    /// `Ok(Err(..))`: there is no such Store, or it is not ready. `Err`: it could not be reached.
    pub async fn client(
        &self,
        name: &ObjectName,
        owner: &str,
    ) -> Result<Result<ControlClient, Unresolved>, ReconcileError> {
        let store = match self.answering(name) {
            Ok(store) => store,
            Err(unresolved) => return Ok(Err(unresolved)),
        };
        let transport = self.links.link(&store).await?;
        Ok(Ok(ControlClient::new(transport, owner)))
    }

    /// Base URL of a Store for clients in the cluster, without a slash at its end.
    pub fn endpoint(&self, name: &ObjectName) -> Option<String> {
        let endpoint = self.cache.get(name)?.status.as_ref()?.endpoint.clone()?;
        Some(endpoint.trim_end_matches('/').to_owned())
    }

    /// Every Store that there is.
    pub fn names(&self) -> Vec<ObjectName> {
        self.cache.all().iter().map(|store| name_of(store.as_ref())).collect()
    }
}

/// Links over HTTPS with the operator's own tokens.
struct HttpsLinks {
    context: Arc<Context>,
    secrets: Arc<Cache<Secret>>,
    /// Authorities of users' own certificates, and when they were read.
    read: Mutex<BTreeMap<ObjectName, (String, Instant)>>,
}

impl HttpsLinks {
    fn new(context: &Arc<Context>) -> Self {
        let secrets = context.watches.namespaced::<Secret>(Selection::managed());
        Self { context: Arc::clone(context), secrets, read: Mutex::default() }
    }

    /// The certificates to trust, PEM.
    async fn authority(&self, secret: &ObjectName) -> Result<String, ReconcileError> {
        if let Some(own) = self.secrets.get(secret) {
            return pem(secret, &own);
        }
        let known = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(secret).cloned();
        if let Some((pem, at)) = known
            && at.elapsed() < AUTHORITY_AGE_MAX
        {
            return Ok(pem);
        }
        let missing = || ReconcileError::Remote {
            reason: "StoreUnreachable",
            message: format!("there is no Secret {secret} with the Store's ca.crt yet"),
        };
        let found: Secret = find(&self.context, secret).await?.ok_or_else(missing)?;
        let pem = pem(secret, &found)?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(secret.clone(), (pem.clone(), Instant::now()));
        Ok(pem)
    }
}

fn pem(name: &ObjectName, secret: &Secret) -> Result<String, ReconcileError> {
    let bytes = secret.data.as_ref().and_then(|data| data.get("ca.crt"));
    let text = bytes.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
    text.ok_or_else(|| ReconcileError::Remote {
        reason: "StoreUnreachable",
        message: format!("Secret {name} holds no ca.crt, so the Store cannot be trusted: add it"),
    })
}

impl StoreLinks for HttpsLinks {
    fn link<'a>(
        &'a self,
        store: &'a Store,
    ) -> BoxFuture<'a, Result<Arc<dyn Transport>, ReconcileError>> {
        Box::pin(async move {
            let name = name_of(store);
            let status = store.status.clone().unwrap_or_default();
            let (Some(url), Some(secret)) = (status.endpoint, status.ca_secret_name) else {
                return Err(ReconcileError::Remote {
                    reason: "StoreUnreachable",
                    message: format!("Store {name} has not said yet whom to trust"),
                });
            };
            let ObjectName { namespace, name } = name;
            let audience = status.audience.unwrap_or(format!("hearth.dev/{namespace}/{name}"));
            let secret = ObjectName { namespace, name: secret };
            let client = self.context.https.trusting(&self.authority(&secret).await?)?;
            let tokens = StoreTokens { context: Arc::clone(&self.context), audience };
            let transport = HttpsTransport::new(&url, client, Arc::new(tokens));
            Ok(Arc::new(transport) as Arc<dyn Transport>)
        })
    }
}

/// The operator's tokens for one Store.
struct StoreTokens {
    context: Arc<Context>,
    audience: String,
}

impl TokenSource for StoreTokens {
    fn token(&self) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            let token = self.context.tokens.get(&self.audience).await;
            token.map_err(|error| error.to_string())
        })
    }

    fn refused(&self) {
        self.context.tokens.forget(&self.audience);
    }
}
