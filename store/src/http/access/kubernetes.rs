//! The access mode `kubernetes`: whose token, and may they.
//!
//! A token goes to the API server once in ten seconds and is remembered by its hash only. Without
//! an answer nobody comes in.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use sha2::{Digest as _, Sha256};
use world::clock::Clock;

use crate::http::access::decisions::{Decisions, ReviewCounts};
use crate::http::access::refusal::Refusal;
use crate::http::access::reviews::{Attributes, GROUP, Identity, Reviews, Verdict};
use crate::http::access::right::Verb;
use crate::principal::{Principal, Sees};
use crate::settings::KubernetesSettings;

/// Tokens remembered: one for each collector, operator and person of a large cluster.
const TOKENS_MAX: usize = 4096;

/// Decisions remembered: the operator's token alone asks for each workspace.
const DECISIONS_MAX: usize = 16 * 1024;

/// Namespaces asked about, one by one, for a list of workspaces: each is a review, and whoever sees
/// more of them than that is somebody who may list all.
const LISTED_NAMESPACES_MAX: usize = 1000;

/// Such reviews under way at once, so that one list leaves lanes to others.
const LISTED_AT_ONCE: usize = 16;

/// Larger than any token that an API server makes: those have one or two kilobytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Of what the API server says, as much is passed on.
const REASON_CHARS_MAX: usize = 500;

/// Between two log lines about an API server that is away: each request would write one.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// SHA-256 of a token.
type TokenHash = [u8; 32];

/// Decides by asking the API server.
pub struct KubernetesAccess {
    settings: KubernetesSettings,
    reviews: Arc<dyn Reviews>,
    tokens: Decisions<TokenHash, Arc<Identity>>,
    decisions: Decisions<(TokenHash, Attributes), ()>,
    clock: Arc<dyn Clock>,
    silent_until: Mutex<Duration>,
}

impl KubernetesAccess {
    /// Asks these reviews.
    pub fn new(
        settings: KubernetesSettings,
        reviews: Arc<dyn Reviews>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let tokens = Decisions::new(clock.clone(), TOKENS_MAX);
        let decisions = Decisions::new(clock.clone(), DECISIONS_MAX);
        let (clock, silent_until) = (clock.clone(), Mutex::default());
        Self { settings, reviews, tokens, decisions, clock, silent_until }
    }

    /// The store's own namespace.
    pub fn namespace(&self) -> &str {
        &self.settings.namespace
    }

    /// Reviews so far, of tokens and of rights.
    pub fn review_counts(&self) -> [(&'static str, ReviewCounts); 2] {
        [("token", self.tokens.counts()), ("access", self.decisions.counts())]
    }

    /// Who asks, where all of this is allowed.
    pub async fn admit(&self, token: &str, wanted: &[Attributes]) -> Result<Principal, Refusal> {
        if token.len() > TOKEN_BYTES_MAX {
            let message = format!("the token exceeds the limit of {TOKEN_BYTES_MAX} bytes");
            return Err(Refusal::Unauthenticated(message));
        }
        let hash = TokenHash::from(Sha256::digest(token));
        let identity = self.identify(token, hash).await?;
        for attributes in wanted {
            self.check(hash, &identity, attributes).await?;
        }
        Ok(Principal::authenticated(&identity.user))
    }

    /// Which of the workspaces in these namespaces somebody sees in a list; an error where that one
    /// may list them nowhere.
    pub async fn sees(
        &self,
        token: &str,
        mut namespaces: BTreeSet<Option<String>>,
    ) -> Result<Sees, Refusal> {
        let hash = TokenHash::from(Sha256::digest(token));
        let identity = self.identify(token, hash).await?;
        match self.check(hash, &identity, &listing("")).await {
            Ok(()) => return Ok(Sees::All),
            Err(Refusal::Denied(_)) => {}
            Err(refusal) => return Err(refusal),
        }
        if namespaces.len() > LISTED_NAMESPACES_MAX {
            return Err(Refusal::Denied(format!(
                "{} may not list workspaces of {GROUP} in all namespaces; they stand in {} \
                 namespaces, and one by one at most {LISTED_NAMESPACES_MAX} are asked about; a \
                 ClusterRole with apiGroups [{GROUP}], resources [workspaces] and verbs [list], \
                 bound to that user in all namespaces, allows it",
                identity.user,
                namespaces.len()
            )));
        }
        // The store's own, whether or not a workspace stands there yet.
        namespaces.insert(None);
        let asked = namespaces.into_iter().map(|namespace| {
            let listing = listing(namespace.as_deref().unwrap_or_else(|| self.namespace()));
            let identity = &identity;
            async move { (namespace, self.check(hash, identity, &listing).await) }
        });
        let verdicts: Vec<_> = stream::iter(asked).buffered(LISTED_AT_ONCE).collect().await;
        let (mut seen, mut denied) = (BTreeSet::new(), None);
        for (namespace, verdict) in verdicts {
            match verdict {
                Ok(()) => drop(seen.insert(namespace)),
                // The first one is the store's own.
                Err(refusal @ Refusal::Denied(_)) => denied = denied.or(Some(refusal)),
                Err(refusal) => return Err(refusal),
            }
        }
        match denied {
            Some(refusal) if seen.is_empty() => Err(refusal),
            _ => Ok(Sees::Namespaces(Arc::new(seen))),
        }
    }

    /// What to say to somebody without a token.
    pub fn no_token(&self) -> Refusal {
        Refusal::Unauthenticated(format!("there is no bearer token; {}", self.token_cure()))
    }

    fn token_cure(&self) -> String {
        format!(
            "send the header authorization: Bearer TOKEN with a token for the audience {audience}, \
             as `kubectl create token SERVICEACCOUNT --audience {audience}` makes one",
            audience = self.settings.audience
        )
    }

    async fn identify(&self, token: &str, hash: TokenHash) -> Result<Arc<Identity>, Refusal> {
        let ask = async {
            match self.reviews.token(token, &self.settings.audience).await {
                Verdict::Yes(identity) => Verdict::Yes(Arc::new(identity)),
                Verdict::No(reason) => Verdict::No(reason),
                Verdict::Unknown(reason) => self.unknown(reason),
            }
        };
        match self.tokens.get(hash, ask).await {
            Verdict::Yes(identity) => Ok(identity),
            Verdict::No(reason) => Err(Refusal::Unauthenticated(format!(
                "the bearer token was refused{}; {}",
                because(&reason),
                self.token_cure()
            ))),
            Verdict::Unknown(reason) => Err(unavailable(&reason)),
        }
    }

    async fn check(
        &self,
        hash: TokenHash,
        identity: &Identity,
        attributes: &Attributes,
    ) -> Result<(), Refusal> {
        let ask = async {
            match self.reviews.access(identity, attributes).await {
                Verdict::Unknown(reason) => self.unknown(reason),
                verdict => verdict,
            }
        };
        match self.decisions.get((hash, attributes.clone()), ask).await {
            Verdict::Yes(()) => Ok(()),
            Verdict::No(reason) => {
                Err(Refusal::Denied(denial(&identity.user, attributes, &reason)))
            }
            Verdict::Unknown(reason) => Err(unavailable(&reason)),
        }
    }

    fn unknown<T>(&self, reason: String) -> Verdict<T> {
        let now = self.clock.steady();
        let mut silent_until = self.silent_until.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= *silent_until {
            *silent_until = now + LOG_PAUSE;
            tracing::warn!(reason, "the Kubernetes API server did not review; nobody comes in");
        }
        Verdict::Unknown(reason)
    }
}

/// To list the workspaces of a namespace; of all of them where it is empty.
fn listing(namespace: &str) -> Attributes {
    Attributes::Resource {
        resource: "workspaces",
        subresource: "",
        verb: Verb::List.as_str(),
        namespace: namespace.to_owned(),
        name: String::new(),
    }
}

fn unavailable(reason: &str) -> Refusal {
    Refusal::Unavailable(format!(
        "the Kubernetes API server could not be asked for access{}; try again",
        because(reason)
    ))
}

/// Who may not do what, and what would allow it.
fn denial(user: &str, attributes: &Attributes, reason: &str) -> String {
    let because = because(reason);
    match attributes {
        Attributes::Path { path, verb } => format!(
            "{user} may not {verb} {path}{because}; a ClusterRole with nonResourceURLs [{path}] \
             and verbs [{verb}], bound to that user, allows it"
        ),
        Attributes::Resource { resource, subresource, verb, namespace, name } => {
            let slash = if subresource.is_empty() { "" } else { "/" };
            let which = if name.is_empty() { String::new() } else { format!(" {name:?}") };
            let only =
                if name.is_empty() { String::new() } else { format!(", resourceNames [{name}]") };
            let (role, place) = match namespace.as_str() {
                "" => ("ClusterRole", "in all namespaces".to_owned()),
                namespace => ("Role", format!("in namespace {namespace}")),
            };
            format!(
                "{user} may not {verb} {resource}{slash}{subresource}{which} of {GROUP} \
                 {place}{because}; a {role} with apiGroups [{GROUP}], resources \
                 [{resource}{slash}{subresource}]{only} and verbs [{verb}], bound to that user \
                 {place}, allows it"
            )
        }
    }
}

fn because(reason: &str) -> String {
    match reason.trim() {
        "" => String::new(),
        reason => format!(": {}", reason.chars().take(REASON_CHARS_MAX).collect::<String>()),
    }
}

#[cfg(test)]
mod tests;
