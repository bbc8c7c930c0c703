//! When an authority is replaced.                        (pure)

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long an authority is valid.
pub const AUTHORITY_DAYS: i64 = 365;
/// How long a certificate from it is valid.
pub const LEAF_DAYS: i64 = 90;
/// How long the next authority is trusted before it signs, where nothing else is said: every client
/// has read it by then.
pub const OVERLAP_HOURS: i64 = 24;

/// One authority: its certificate and its key, PEM.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signer {
    /// The name in its certificate; no two authorities share one.
    pub common_name: String,
    /// Its certificate.
    pub certificate: String,
    /// Its key; empty once it signs no more.
    pub key: String,
    /// Valid from here.
    pub not_before: Timestamp,
    /// Valid until here.
    pub not_after: Timestamp,
    /// When it took up its present place: next, current or previous.
    pub since: Timestamp,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} until {}", self.common_name, self.not_after)
    }
}

/// The authorities that count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signers {
    /// Signs.
    pub current: Signer,
    /// Will sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Signer>,
    /// Signed what may still be about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Signer>,
}

impl Signers {
    /// The certificates that clients trust: the current one first.
    pub fn bundle(&self) -> String {
        let Self { current, next, previous } = self;
        let all = std::iter::once(current).chain(next).chain(previous);
        all.map(|signer| signer.certificate.trim_end().to_owned() + "\n").collect()
    }
}

/// What is to be done with the authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this time.
    Keep {
        /// When to ask again.
        until: Timestamp,
    },
    /// There is none, or it has ended: make one and sign with it at once.
    Begin,
    /// Make the next one and let it be trusted.
    Announce,
    /// The next one signs from now on.
    Switch,
    /// Nothing of the previous one is about any more.
    Drop,
}

/// When authorities are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How long the next authority is trusted before it signs.
    pub overlap: SignedDuration,
    /// Somebody wants an authority that took its place after this time.
    pub wanted_after: Option<Timestamp>,
}

/// What is to be done now.
pub fn step(signers: Option<&Signers>, schedule: Schedule, now: Timestamp) -> Step {
    let Some(Signers { current, next, previous }) = signers else { return Step::Begin };
    if now >= current.not_after {
        return Step::Begin;
    }
    let aged = renewal(current.not_before, current.not_after);
    let wanted = schedule.wanted_after.filter(|wanted| current.since < *wanted);
    let renewal = wanted.map_or(aged, |wanted| wanted.min(aged));
    let switch = next.as_ref().map(|next| next.since + schedule.overlap);
    let drop = previous.as_ref().map(|previous| previous.since + days(LEAF_DAYS));
    match (switch, drop) {
        (_, Some(at)) if now >= at => Step::Drop,
        (Some(at), _) if now >= at => Step::Switch,
        (None, _) if now >= renewal => Step::Announce,
        (switch, drop) => {
            let until = [Some(switch.unwrap_or(renewal)), drop];
            Step::Keep { until: until.into_iter().flatten().min().unwrap_or(renewal) }
        }
    }
}

/// The authorities after a step; `made` is the fresh one where the step needs one.
pub fn after(signers: Option<Signers>, step: Step, made: Signer, now: Timestamp) -> Signers {
    let placed = |signer: Signer| Signer { since: now, ..signer };
    match (signers, step) {
        (None, _) | (Some(_), Step::Begin) => {
            Signers { current: placed(made), next: None, previous: None }
        }
        (Some(signers), Step::Announce) => Signers { next: Some(placed(made)), ..signers },
        (Some(Signers { current, next, .. }), Step::Switch) => Signers {
            previous: Some(Signer { key: String::new(), ..placed(current) }),
            current: placed(next.unwrap_or(made)),
            next: None,
        },
        (Some(signers), Step::Drop) => Signers { previous: None, ..signers },
        (Some(signers), Step::Keep { .. }) => signers,
    }
}

/// When something valid from `not_before` to `not_after` is renewed: after two thirds.
pub fn renewal(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    let life = not_after.duration_since(not_before);
    not_before + SignedDuration::from_secs(life.as_secs() / 3 * 2)
}

/// Days of 24 hours.
pub fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule =
        Schedule { overlap: SignedDuration::from_hours(OVERLAP_HOURS), wanted_after: None };

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap() + days(day)
    }

    fn signer(name: &str, from: i64) -> Signer {
        Signer {
            common_name: name.to_owned(),
            certificate: name.to_owned(),
            key: format!("key of {name}"),
            not_before: day(from),
            not_after: day(from + AUTHORITY_DAYS),
            since: day(from),
        }
    }

    #[test]
    fn two_years_of_rotation_never_sign_with_what_was_not_trusted_a_day_before() {
        let mut signers = None;
        let mut trusted_since = std::collections::BTreeMap::new();
        let mut steps = Vec::new();
        for hour in 0..(2 * 365 * 24) {
            let now = day(0) + SignedDuration::from_hours(hour);
            let step = step(signers.as_ref(), SCHEDULE, now);
            if !matches!(step, Step::Keep { .. }) {
                let today = hour / 24;
                steps.push(format!("{step:?} {today}"));
                signers = Some(after(signers, step, signer(&format!("ca-{today}"), today), now));
            }
            let known = signers.as_ref().unwrap();
            for name in known.bundle().lines() {
                trusted_since.entry(name.to_owned()).or_insert(now);
            }
            let current = &known.current;
            assert!(!current.key.is_empty() && now < current.not_after);
            let trusted = trusted_since[&current.certificate];
            let begun = current.since == day(0);
            assert!(begun || now.duration_since(trusted) >= SCHEDULE.overlap, "{now}");
            if let Some(previous) = &known.previous {
                assert!(previous.key.is_empty(), "a key that signs no more is not kept");
            }
        }
        let expected = [
            "Begin 0",
            "Announce 243",
            "Switch 244",
            "Drop 334",
            "Announce 486",
            "Switch 487",
            "Drop 577",
            "Announce 729",
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn an_authority_that_has_ended_is_replaced_at_once() {
        let signers = Signers { current: signer("old", 0), next: None, previous: None };
        assert_eq!(step(Some(&signers), SCHEDULE, day(AUTHORITY_DAYS)), Step::Begin);
        let fresh = after(Some(signers), Step::Begin, signer("new", 365), day(365));
        assert_eq!(fresh.current.common_name, "new");
        assert_eq!(fresh.bundle(), "new\n");
    }

    #[test]
    fn keep_says_when_to_ask_again() {
        let signers = Signers { current: signer("a", 0), next: None, previous: None };
        let Step::Keep { until } = step(Some(&signers), SCHEDULE, day(1)) else { panic!("keep") };
        assert!(until > day(242) && until <= day(244), "{until}");
        assert_eq!(step(Some(&signers), SCHEDULE, until), Step::Announce);
    }

    #[test]
    fn an_authority_is_replaced_once_when_somebody_asks_for_a_newer_one() {
        let mut signers = Signers { current: signer("old", 0), next: None, previous: None };
        let asked = Schedule { wanted_after: Some(day(10)), ..SCHEDULE };
        assert_eq!(step(Some(&signers), asked, day(9)), Step::Keep { until: day(10) });
        let mut steps = Vec::new();
        for day_now in [10, 10, 11, 11, 12] {
            let step = step(Some(&signers), asked, day(day_now));
            signers = after(Some(signers), step, signer("new", 10), day(day_now));
            steps.push(step);
        }
        assert_eq!([steps[0], steps[2]], [Step::Announce, Step::Switch], "{steps:?}");
        for quiet in [1, 3, 4] {
            assert!(matches!(steps[quiet], Step::Keep { .. }), "{steps:?}");
        }
        assert_eq!(signers.bundle(), "new\nold\n");
    }
}
