//! One configuration: follows watches, tells changed groups.
//!
//! Thin: what becomes of an object is said by the `*_targets`, whom a change concerns by
//! `dependency`. Here is only when: changes are gathered for a moment and told in small batches.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::discovery_news::{News, Teller};
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::dependency::{Changed, TargetObject};
use crate::kubernetes::feeds::{Feeds, Many, Plan};
use crate::kubernetes::inbox::{Feed, Inbox};
use crate::kubernetes::object_meta::ObjectKey;

/// How long changes are gathered: a rollout then costs a few syncs a second, and a new pod is a
/// target well within half a second.
const GATHER: Duration = Duration::from_millis(250);
/// Groups of one piece of news, so that ten thousand pods are never in flight at once.
const BATCH_GROUPS: usize = 32;

/// Follows one configuration.
pub struct Source<T> {
    main: Many<T>,
    feeds: Feeds,
    inbox: Arc<Inbox>,
    /// What was told last about the watches.
    trouble: Option<String>,
    /// Keeps the cluster known as long as somebody looks into it.
    _cluster: Arc<Cluster>,
}

impl<T: TargetObject> Source<T> {
    /// Joins the watches it needs, or starts them; do so before a former source of the same job
    /// ends, and nothing is listed again.
    pub fn new(cluster: &Arc<Cluster>, plan: &Plan) -> Self {
        let inbox = Arc::new(Inbox::default());
        let main = Many::open(cluster, plan, plan.role, Feed::Main, &inbox);
        let feeds = Feeds::open(cluster, plan, &inbox);
        Self { main, feeds, inbox, trouble: None, _cluster: Arc::clone(cluster) }
    }

    /// Runs until nobody listens.
    pub async fn run(mut self, teller: Teller) {
        while !(self.main.is_synced() && self.feeds.are_synced()) {
            if !self.tell_trouble(&teller).await {
                return;
            }
            self.inbox.woken().await;
        }
        // What changes from here on is noted, and told once more at worst.
        self.inbox.take();
        let everything = self.main.keys();
        if !self.tell_groups(&teller, everything).await || !teller.tell(News::Complete).await {
            return;
        }
        loop {
            if !self.tell_trouble(&teller).await {
                return;
            }
            self.inbox.woken().await;
            sleep(GATHER).await;
            let concerned = self.concerned(self.inbox.take());
            if !self.tell_groups(&teller, concerned).await {
                return;
            }
        }
    }

    /// The objects whose groups may have changed.
    fn concerned(&self, changes: BTreeSet<(Feed, ObjectKey)>) -> BTreeSet<ObjectKey> {
        let mut changed = Changed::default();
        let mut concerned = BTreeSet::new();
        for (feed, key) in changes {
            match feed {
                Feed::Main => drop(concerned.insert(key)),
                feed => changed.insert(feed, key),
            }
        }
        if !changed.is_empty() {
            self.feeds.spread(&mut changed);
            let all = self.main.all();
            let touched = all.iter().filter(|object| object.depends_on(&changed));
            concerned.extend(touched.map(|object| object.meta().key()));
        }
        concerned
    }

    async fn tell_groups(&self, teller: &Teller, keys: BTreeSet<ObjectKey>) -> bool {
        let mut batch = Vec::new();
        for key in keys {
            batch.push(match self.main.get(&key) {
                Some(object) => object.group(&self.feeds),
                None => T::no_group(&key),
            });
            if batch.len() == BATCH_GROUPS
                && !teller.tell(News::Changed(std::mem::take(&mut batch))).await
            {
                return false;
            }
        }
        batch.is_empty() || teller.tell(News::Changed(batch)).await
    }

    async fn tell_trouble(&mut self, teller: &Teller) -> bool {
        let mut reasons = self.main.troubles();
        reasons.extend(self.feeds.troubles());
        let trouble = (!reasons.is_empty()).then(|| {
            format!("kubernetes_sd_configs: {}", reasons.into_iter().collect::<Vec<_>>().join("; "))
        });
        if trouble == self.trouble {
            return true;
        }
        self.trouble.clone_from(&trouble);
        teller.tell(News::Trouble(trouble)).await
    }
}
