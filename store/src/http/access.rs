//! Who may do what: the one place of decision.
//!
//! Callers inside the process carry a [`Principal`] and are trusted; everybody else shows what the
//! modes in force ask for. A token is judged wherever tokens are known, also beside mode `none`.

pub mod decisions;
pub mod kubernetes;
pub mod refusal;
pub mod remembered;
pub mod reviews;
pub mod right;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::request::Parts;
use world::clock::Clock;

use crate::http::access::decisions::ReviewCounts;
use crate::http::access::kubernetes::KubernetesAccess;
use crate::http::access::refusal::Refusal;
use crate::http::access::reviews::Reviews;
use crate::http::access::right::{Place, Right, Verb, acting_for_owners};
use crate::principal::{OWNER_HEADER, Principal};
use crate::settings::{AccessMode, StoreSettings};

/// Why a store does not start with these settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessRefusal {
    /// Nobody could come in.
    #[error("there is no access mode; give --auth none, or --auth kubernetes")]
    NoMode,
    /// A mode that is not there yet.
    #[error(
        "access mode {0:?} is not built yet; use none on the loopback interface, or kubernetes"
    )]
    NotBuilt(AccessMode),
    /// Something that the mode `kubernetes` cannot do without.
    #[error("access mode kubernetes needs {0}")]
    Missing(&'static str),
    /// Open to everybody on an interface that everybody reaches.
    #[error(
        "access mode none does not listen on {0}: everybody could read and write; listen on a \
         loopback address, or allow it with --insecure"
    )]
    NotLoopback(SocketAddr),
    /// Tokens for everybody on the way to read.
    #[error(
        "access mode kubernetes does not listen on {0} without TLS: tokens would travel in the \
         clear; give --tls-cert and --tls-key, or allow it with --insecure"
    )]
    TokensInTheClear(SocketAddr),
}

/// The decision on each request.
pub struct Access {
    insecure: bool,
    encrypted: bool,
    /// Whether those who show nothing may come in.
    open: bool,
    kubernetes: Option<KubernetesAccess>,
}

impl Access {
    /// The access control of these settings.
    pub fn new(
        settings: &StoreSettings,
        reviews: Option<Arc<dyn Reviews>>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, AccessRefusal> {
        let (mut open, mut kubernetes) = (false, None);
        for mode in &settings.access {
            match mode {
                AccessMode::None => open = true,
                AccessMode::Kubernetes => {
                    kubernetes = Some(kubernetes_access(settings, reviews.clone(), clock)?);
                }
                AccessMode::SigV4 => return Err(AccessRefusal::NotBuilt(*mode)),
            }
        }
        if !open && kubernetes.is_none() {
            return Err(AccessRefusal::NoMode);
        }
        let encrypted = settings.tls.is_some();
        Ok(Self { insecure: settings.insecure, encrypted, open, kubernetes })
    }

    /// Whether the store may listen there.
    pub fn check_listen(&self, address: SocketAddr) -> Result<(), AccessRefusal> {
        if address.ip().is_loopback() || self.insecure {
            Ok(())
        } else if self.open {
            Err(AccessRefusal::NotLoopback(address))
        } else if !self.encrypted {
            Err(AccessRefusal::TokensInTheClear(address))
        } else {
            Ok(())
        }
    }

    /// Reviews that the API server was asked for; none where no mode asks it.
    pub fn review_counts(&self) -> Vec<(&'static str, ReviewCounts)> {
        self.kubernetes.iter().flat_map(KubernetesAccess::review_counts).collect()
    }

    /// Who asks, where that one has the right at that place.
    ///
    /// A signature is taken as it is in mode `none`: nobody is refused there.
    pub async fn admit(
        &self,
        parts: &Parts,
        right: Right,
        place: impl FnOnce() -> Place,
    ) -> Result<Principal, Refusal> {
        let owner = parts.headers.get(OWNER_HEADER).and_then(|value| value.to_str().ok());
        if let Some(principal) = parts.extensions.get::<Principal>() {
            return Ok(principal.clone().acting_for(owner));
        }
        match (&self.kubernetes, bearer(parts)) {
            _ if right == Right::Open => Ok(Principal::outside()),
            (Some(kubernetes), Some(token)) => {
                let owner = owner.filter(|_| right.is_control());
                let wanted = right.attributes(place(), kubernetes.namespace());
                let for_owner = owner.map(|_| acting_for_owners());
                let wanted: Vec<_> = wanted.into_iter().chain(for_owner).collect();
                Ok(acting(kubernetes.admit(token, &wanted).await?, owner))
            }
            (Some(kubernetes), None) if !self.open => Err(kubernetes.no_token()),
            _ => Ok(Principal::outside()),
        }
    }

    /// Who asks for the list of workspaces, and which of them that one sees: whoever shows a token
    /// sees those of the namespaces that it may list. `namespaces` are those where workspaces
    /// stand.
    pub async fn admit_to_list(
        &self,
        parts: &Parts,
        namespaces: impl FnOnce() -> BTreeSet<Option<String>>,
    ) -> Result<Principal, Refusal> {
        let is_outside = parts.extensions.get::<Principal>().is_none();
        let kubernetes = self.kubernetes.as_ref().filter(|_| is_outside);
        let (Some(kubernetes), Some(token)) = (kubernetes, bearer(parts)) else {
            return self.admit(parts, Right::Workspaces(Verb::List), Place::default).await;
        };
        let owner = parts.headers.get(OWNER_HEADER).and_then(|value| value.to_str().ok());
        let wanted: Vec<_> = owner.map(|_| acting_for_owners()).into_iter().collect();
        let principal = kubernetes.admit(token, &wanted).await?;
        let sees = kubernetes.sees(token, namespaces()).await?;
        Ok(acting(principal, owner).seeing(sees))
    }
}

/// The principal, acting for the owner whom it may act for.
fn acting(principal: Principal, owner: Option<&str>) -> Principal {
    match owner {
        Some(owner) => principal.trusted().acting_for(Some(owner)),
        None => principal,
    }
}

fn kubernetes_access(
    settings: &StoreSettings,
    reviews: Option<Arc<dyn Reviews>>,
    clock: &Arc<dyn Clock>,
) -> Result<KubernetesAccess, AccessRefusal> {
    let missing = AccessRefusal::Missing;
    let kubernetes = settings.kubernetes.clone();
    let kubernetes =
        kubernetes.ok_or(missing("--kubernetes-audience and --kubernetes-namespace"))?;
    if kubernetes.audience.is_empty() {
        return Err(missing("an audience: --kubernetes-audience is empty"));
    }
    if kubernetes.namespace.is_empty() {
        return Err(missing("a namespace: --kubernetes-namespace is empty"));
    }
    let reviews = reviews.ok_or(missing("a Kubernetes API server to ask"))?;
    Ok(KubernetesAccess::new(kubernetes, reviews, clock))
}

/// The token of `authorization: Bearer TOKEN`.
fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests;
