//! One operator leads: an elector on one Lease.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::time::Instant;

use crate::runtime::context::Context;
use crate::runtime::error::{ApiFault, api_message};

/// The Lease's name.
pub const LEASE: &str = "hearth-operator";
/// A lease that was not renewed for this long is over.
pub const LEASE_SECONDS: i32 = 60;
/// The leader renews it this often.
const RENEWAL: Duration = Duration::from_secs(20);
/// The leader stops leading when it could not renew for this long: well before others may begin.
const GIVE_UP: Duration = Duration::from_secs(45);
/// Others look this often, and so does the leader after a failure.
const LOOK: Duration = Duration::from_secs(5);
/// Longest time of one request: a hanging API server must not carry a leader past its lease.
const REQUEST_PATIENCE: Duration = Duration::from_secs(10);

/// What to do about a lease.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// Write this: the lease is ours, free or over.
    Take(LeaseSpec),
    /// Somebody else leads.
    Wait,
}

/// Decides by the lease as it was read. `unchanged_for` is how long, by our own clock, nobody
/// renewed it: clocks of other machines are not trusted.
pub fn decide(
    lease: Option<&LeaseSpec>,
    me: &str,
    unchanged_for: Duration,
    now: Timestamp,
) -> Move {
    let holder = lease.and_then(|lease| lease.holder_identity.as_deref()).unwrap_or_default();
    let mine = holder == me;
    let life = lease.and_then(|lease| lease.lease_duration_seconds).unwrap_or(LEASE_SECONDS);
    let over = unchanged_for >= Duration::from_secs(u64::try_from(life).unwrap_or_default());
    if !mine && !holder.is_empty() && !over {
        return Move::Wait;
    }
    let known = lease.cloned().unwrap_or_default();
    let changes = known.lease_transitions.unwrap_or_default();
    Move::Take(LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: Some(LEASE_SECONDS),
        renew_time: Some(MicroTime(now)),
        acquire_time: if mine { known.acquire_time } else { Some(MicroTime(now)) },
        lease_transitions: Some(if mine { changes } else { changes.saturating_add(1) }),
        ..known
    })
}

/// An elector with a client of its own.
pub struct Elector {
    api: Api<Lease>,
    me: String,
    context: Arc<Context>,
    /// The last state read or written, and since when nobody changed it.
    known: Option<(Lease, Instant)>,
}

/// How one look ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Leads,
    Follows,
    Failed,
}

impl Elector {
    /// `me` tells this process from every other, before and after it. `client` must not retry.
    pub fn new(context: Arc<Context>, client: kube::Client, me: String) -> Self {
        let api = Api::namespaced(client, &context.settings.namespace);
        Self { api, me, context, known: None }
    }

    /// Leads while it can, until the process ends.
    pub async fn run(mut self) {
        let mut renewed = None;
        loop {
            let asked = Instant::now();
            let looked = tokio::time::timeout(REQUEST_PATIENCE, self.look()).await;
            match looked.unwrap_or(Look::Failed) {
                Look::Leads => renewed = Some(asked),
                Look::Follows => renewed = None,
                // What we know may be old now: read before the next write.
                Look::Failed => self.known = self.known.take().filter(|_| renewed.is_none()),
            }
            let leads = renewed.is_some_and(|at| at.elapsed() < GIVE_UP);
            self.tell(leads);
            let fresh = renewed.is_some_and(|at| at.elapsed() < RENEWAL);
            let wait = if fresh { RENEWAL } else { LOOK };
            tokio::time::sleep(wait).await;
        }
    }

    /// Gives the lease back, so that the next leader need not wait for its end.
    pub async fn resign(context: &Context, client: kube::Client, me: &str) {
        let api: Api<Lease> = Api::namespaced(client, &context.settings.namespace);
        let resigning = async {
            let mut lease = api.get(LEASE).await?;
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() == Some(me) {
                spec.holder_identity = None;
                api.replace(LEASE, &PostParams::default(), &lease).await?;
            }
            Ok::<_, kube::Error>(())
        };
        match tokio::time::timeout(REQUEST_PATIENCE, resigning).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(message = %api_message(&error), "lease not returned"),
            Err(_) => tracing::warn!("lease not returned in time"),
        }
    }

    fn tell(&self, leads: bool) {
        if *self.context.leadership().borrow() != leads {
            tracing::info!(leads, me = %self.me, "leadership changes");
            self.context.lead(leads);
        }
    }

    async fn look(&mut self) -> Look {
        match self.attempt().await {
            Ok(looked) => looked,
            Err(error) if ApiFault::of(&error) == ApiFault::Conflict => {
                self.known = None;
                Look::Failed
            }
            Err(error) => {
                tracing::warn!(message = %api_message(&error), "the lease could not be renewed");
                Look::Failed
            }
        }
    }

    /// One look: a leader that knows its lease only writes, everybody else reads first.
    async fn attempt(&mut self) -> Result<Look, kube::Error> {
        let mine = |known: &(Lease, Instant)| {
            known.0.spec.as_ref().and_then(|s| s.holder_identity.as_deref()) == Some(&self.me)
        };
        if !self.known.as_ref().is_some_and(mine) {
            let read = self.api.get_opt(LEASE).await?;
            self.learn(read);
        }
        let spec = self.known.as_ref().and_then(|(lease, _)| lease.spec.as_ref());
        let unchanged = self.known.as_ref().map_or(Duration::ZERO, |(_, since)| since.elapsed());
        let Move::Take(spec) = decide(spec, &self.me, unchanged, self.context.clock.now()) else {
            return Ok(Look::Follows);
        };
        let mut lease = Lease {
            metadata: ObjectMeta { name: Some(LEASE.to_owned()), ..ObjectMeta::default() },
            spec: Some(spec),
        };
        let written = match &self.known {
            Some((known, _)) => {
                lease.metadata.resource_version = known.resource_version();
                self.api.replace(LEASE, &PostParams::default(), &lease).await?
            }
            None => self.api.create(&PostParams::default(), &lease).await?,
        };
        self.known = Some((written, Instant::now()));
        Ok(Look::Leads)
    }

    fn learn(&mut self, read: Option<Lease>) {
        let same = |known: &(Lease, Instant)| {
            read.as_ref().is_some_and(|read| read.resource_version() == known.0.resource_version())
        };
        if !self.known.as_ref().is_some_and(same) {
            self.known = read.map(|lease| (lease, Instant::now()));
        }
    }
}

/// The end of a lease, for those who want to tell people.
pub fn over(spec: &LeaseSpec) -> Option<Timestamp> {
    let life = SignedDuration::from_secs(i64::from(spec.lease_duration_seconds?));
    spec.renew_time.as_ref()?.0.checked_add(life).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn held(by: &str) -> LeaseSpec {
        let Move::Take(spec) = decide(None, by, Duration::ZERO, now()) else { panic!("free") };
        spec
    }

    #[test]
    fn a_lease_of_another_is_left_alone_until_nobody_renewed_it_for_its_whole_life() {
        let lease = held("a");
        let at = |seconds| decide(Some(&lease), "b", Duration::from_secs(seconds), now());
        assert_eq!(at(0), Move::Wait);
        assert_eq!(at(59), Move::Wait);
        let Move::Take(taken) = at(60) else { panic!("over") };
        assert_eq!(taken.holder_identity.as_deref(), Some("b"));
        assert_eq!(taken.lease_transitions, Some(2));
    }

    #[test]
    fn a_renewal_keeps_since_when_it_is_held_and_a_lease_given_back_is_free() {
        let lease = held("a");
        let later = now() + SignedDuration::from_secs(20);
        let Move::Take(renewed) = decide(Some(&lease), "a", Duration::ZERO, later) else {
            panic!("ours")
        };
        assert_eq!(renewed.acquire_time, lease.acquire_time);
        assert_eq!(renewed.lease_transitions, lease.lease_transitions);
        assert_eq!(renewed.renew_time, Some(MicroTime(later)));
        let free = LeaseSpec { holder_identity: None, ..lease };
        assert!(matches!(decide(Some(&free), "b", Duration::ZERO, now()), Move::Take(_)));
    }
}
