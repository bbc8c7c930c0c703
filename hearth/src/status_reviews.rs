//! Who asks a collector for its report: what the store asks too.
//!
//! The same reviews, remembered by the hash of the token only, bounded and for seconds.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use scraper::token_review::{ReviewError, TokenReviews};
use store::http::access::kubernetes::KubernetesAccess;
use store::http::access::refusal::Refusal;
use store::http::access::reviews::Reviews;
use store::settings::KubernetesSettings;
use world::clock::Clock;

/// The store's access control, asked for nothing but identities.
pub struct StatusReviews(KubernetesAccess);

impl StatusReviews {
    /// Takes tokens that were made for this audience.
    pub fn new(reviews: Arc<dyn Reviews>, audience: String, clock: &Arc<dyn Clock>) -> Self {
        // No right is asked for, so no namespace matters.
        let settings = KubernetesSettings { audience, namespace: String::new() };
        Self(KubernetesAccess::new(settings, reviews, clock))
    }

    async fn ask(&self, token: &str) -> Result<String, Refusal> {
        if token.is_empty() {
            return Err(self.0.no_token());
        }
        let principal = self.0.admit(token, &[]).await?;
        principal.user.ok_or_else(|| Refusal::Unauthenticated("the token names nobody".to_owned()))
    }
}

impl TokenReviews for StatusReviews {
    fn user<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<String, ReviewError>> {
        async move {
            self.ask(token).await.map_err(|refusal| match refusal {
                Refusal::Unauthenticated(message) | Refusal::Denied(message) => {
                    ReviewError::Unauthenticated(message)
                }
                Refusal::Unavailable(message) => ReviewError::Unavailable(message),
            })
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use store::http::access::reviews::{Attributes, Identity, Verdict};
    use world::real_clock::RealClock;

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Reviews for Counting {
        fn token<'a>(
            &'a self,
            token: &'a str,
            audience: &'a str,
        ) -> BoxFuture<'a, Verdict<Identity>> {
            assert_eq!(audience, "collector");
            self.0.fetch_add(1, Ordering::SeqCst);
            let verdict = match token {
                "bad" => Verdict::No("it is old".to_owned()),
                "away" => Verdict::Unknown("no route".to_owned()),
                user => Verdict::Yes(Identity { user: user.to_owned(), ..Identity::default() }),
            };
            async { verdict }.boxed()
        }

        fn access<'a>(&'a self, _: &'a Identity, _: &'a Attributes) -> BoxFuture<'a, Verdict<()>> {
            panic!("no right is asked for")
        }
    }

    #[tokio::test]
    async fn a_token_is_asked_about_once_and_strangers_are_told_why() {
        let reviews = Arc::new(Counting::default());
        let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
        let status = StatusReviews::new(Arc::clone(&reviews) as _, "collector".to_owned(), &clock);
        for _ in 0..3 {
            assert_eq!(status.user("operator").await, Ok("operator".to_owned()));
        }
        assert_eq!(reviews.0.load(Ordering::SeqCst), 1);
        let bad = status.user("bad").await;
        assert!(matches!(&bad, Err(ReviewError::Unauthenticated(why)) if why.contains("old")));
        let away = status.user("away").await;
        assert!(matches!(&away, Err(ReviewError::Unavailable(why)) if why.contains("no route")));
        let none = status.user("").await;
        assert!(matches!(&none, Err(ReviewError::Unauthenticated(why)) if why.contains("Bearer")));
        assert_eq!(reviews.0.load(Ordering::SeqCst), 3, "nobody asks about no token");
    }
}
