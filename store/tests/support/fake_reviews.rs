//! An API server of the test: its tokens and rights.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use store::http::access::reviews::{Attributes, Identity, Reviews, Verdict};

/// What it knows, and how often it was asked.
#[derive(Default)]
pub struct Known {
    /// Audience and user by token.
    pub tokens: BTreeMap<String, (String, String)>,
    /// `user verb resource/subresource namespace/name`, or `user verb /path`.
    pub rights: BTreeSet<String>,
    /// Answers nobody.
    pub down: bool,
    /// All questions in order.
    pub asked: Vec<String>,
}

/// The port.
#[derive(Default)]
pub struct FakeReviews {
    known: Mutex<Known>,
}

impl FakeReviews {
    /// Changes or looks at what it knows.
    pub fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A token `NAME-token` of this user for the audience `store`, and rights.
    pub fn user(&self, user: &str, rights: &[&str]) {
        self.with(|known| {
            let token = (format!("{user}-token"), ("store".to_owned(), user.to_owned()));
            known.tokens.extend([token]);
            known.rights.extend(rights.iter().map(|right| format!("{user} {right}")));
        });
    }
}

impl Reviews for FakeReviews {
    fn token<'a>(&'a self, token: &'a str, audience: &'a str) -> BoxFuture<'a, Verdict<Identity>> {
        let verdict = self.with(|known| {
            known.asked.push(format!("whose is {token}"));
            match known.tokens.get(token) {
                _ if known.down => Verdict::Unknown("connection refused".to_owned()),
                None => Verdict::No("service account token has expired".to_owned()),
                Some((made_for, _)) if made_for != audience => {
                    Verdict::No(format!("it is for the audience {made_for}"))
                }
                Some((_, user)) => {
                    Verdict::Yes(Identity { user: user.clone(), ..Identity::default() })
                }
            }
        });
        ready(verdict).boxed()
    }

    fn access<'a>(
        &'a self,
        identity: &'a Identity,
        attributes: &'a Attributes,
    ) -> BoxFuture<'a, Verdict<()>> {
        let user = &identity.user;
        let right = match attributes {
            Attributes::Path { path, verb } => format!("{user} {verb} {path}"),
            Attributes::Resource { resource, subresource, verb, namespace, name } => {
                let slash = if subresource.is_empty() { "" } else { "/" };
                format!("{user} {verb} {resource}{slash}{subresource} {namespace}/{name}")
            }
        };
        let verdict = self.with(|known| {
            let verdict = match known.rights.contains(&right) {
                _ if known.down => Verdict::Unknown("connection refused".to_owned()),
                true => Verdict::Yes(()),
                false => Verdict::No("no rule fits".to_owned()),
            };
            known.asked.push(right);
            verdict
        });
        ready(verdict).boxed()
    }
}
