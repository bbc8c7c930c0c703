//! What a reconcile of a Scraper tells.                  (pure)

use crds::scraper::Scraper;
use crds::scraper_status::ScraperStatus;
use k8s_openapi::jiff::Timestamp;

use crate::runtime::rollout::Rollout;
use crate::runtime::status::{Progress, Said, common};
use crate::scraper::destination::Unresolved;
use crate::scraper::gather::Gathered;
use crate::scraper::names;

/// A fault of the spec: what runs is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// One CamelCase word.
    pub reason: &'static str,
    /// The culprit and the cure.
    pub message: String,
}

/// What a reconcile saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What of the spec cannot be followed.
    pub fault: Option<Fault>,
    /// Why it is not known where samples go.
    pub unresolved: Option<Unresolved>,
    /// How far the StatefulSet is; `None` before there is one.
    pub rollout: Option<Rollout>,
    /// Why pods are not ready.
    pub trouble: Option<String>,
    /// What the collectors say.
    pub gathered: Gathered,
}

impl Seen {
    fn programmed(&self) -> bool {
        let Gathered { asked, programmed, .. } = &self.gathered;
        let set = self.rollout.is_some_and(|rollout| rollout.wanted as usize == *asked);
        self.fault.is_none() && self.unresolved.is_none() && set && asked == programmed
    }

    /// Whether another look in a moment may show more.
    pub fn unsettled(&self) -> bool {
        let ready = self.rollout.is_some_and(|rollout| rollout.ready > 0);
        ready && !self.programmed() && self.gathered.refused.is_none() && self.fault.is_none()
    }
}

/// The status of a Scraper.
pub fn status(scraper: &Scraper, seen: &Seen, now: Timestamp) -> ScraperStatus {
    let before = scraper.status.clone().unwrap_or_default();
    let own = vec![accepted(seen), resolved(seen), programmed(seen), healthy(seen)];
    let progress = progress(seen);
    let generation = scraper.metadata.generation;
    let selector = names::family(scraper).selector();
    let selector: Vec<String> =
        selector.iter().map(|(label, value)| format!("{label}={value}")).collect();
    // Nobody's answer says nothing new: what was known of targets stays.
    let known = seen.gathered.answered > 0 || seen.gathered.asked == 0;
    let gathered = &seen.gathered;
    ScraperStatus {
        common: common(Some(&before.common), generation, &progress, own, now),
        status_code: Some(status_code(scraper, seen, before.status_code.as_deref()).to_owned()),
        shards: seen.rollout.map(|rollout| rollout.ready),
        selector: Some(selector.join(",")),
        targets: if known { Some(gathered.targets.clone()) } else { before.targets },
        jobs: if known { gathered.jobs.clone() } else { before.jobs },
        rejected: if known { gathered.rejected.clone() } else { before.rejected },
        remote_write: gathered.remote_write.clone().or(before.remote_write),
    }
}

/// AMP's word.
fn status_code(scraper: &Scraper, seen: &Seen, before: Option<&str>) -> &'static str {
    if scraper.metadata.deletion_timestamp.is_some() {
        return "DELETING";
    }
    let stuck = matches!(progress(seen), Progress::Stalled { .. });
    match before {
        _ if seen.programmed() => "ACTIVE",
        Some("ACTIVE") => "ACTIVE",
        _ if stuck => "CREATION_FAILED",
        _ => "CREATING",
    }
}

fn progress(seen: &Seen) -> Progress {
    if let Some(Fault { reason, message }) = &seen.fault {
        return Progress::stalled(reason, message.clone());
    }
    if let Some(Unresolved { reason, message, passes, .. }) = &seen.unresolved {
        return match passes {
            true => Progress::reconciling(reason, message.clone()),
            false => Progress::stalled(reason, message.clone()),
        };
    }
    if let Some(why) = &seen.gathered.refused {
        return Progress::stalled("Refused", why.clone());
    }
    if seen.programmed() && seen.rollout.is_some_and(|rollout| rollout.done) {
        return Progress::ready("every collector runs this generation");
    }
    let waits = || "waiting for the collectors to run this generation".to_owned();
    let silent = seen.gathered.silent.clone();
    let message = seen.trouble.clone().or(silent).unwrap_or_else(waits);
    Progress::reconciling("RollingOut", message)
}

fn accepted(seen: &Seen) -> Said {
    if let Some(Fault { reason, message }) = &seen.fault {
        return Said::no("Accepted", reason, message.clone());
    }
    match &seen.gathered.refused {
        Some(why) => Said::no("Accepted", "Refused", why.clone()),
        None => Said::yes("Accepted", "Accepted", "the spec can be followed"),
    }
}

fn resolved(seen: &Seen) -> Said {
    match &seen.unresolved {
        None => Said::yes("ResolvedRefs", "ResolvedRefs", "the destination is known"),
        Some(Unresolved { reason, message, .. }) => {
            Said::no("ResolvedRefs", reason, message.clone())
        }
    }
}

fn programmed(seen: &Seen) -> Said {
    let Gathered { asked, programmed, .. } = seen.gathered;
    if seen.programmed() {
        let message = format!("{programmed} of {asked} collectors run this generation");
        return Said::yes("Programmed", "Programmed", message);
    }
    let message =
        format!("{programmed} of {asked} collectors run this generation; what ran before runs on");
    Said::no("Programmed", "NotYet", message)
}

fn healthy(seen: &Seen) -> Said {
    let Gathered { answered, asked, targets, remote_write, silent, trouble, jobs, .. } =
        &seen.gathered;
    let write = remote_write.as_ref().and_then(|write| write.last_error.clone());
    if let Some(error) = write {
        return Said::no("Healthy", "WriteFails", format!("samples do not arrive: {error}"));
    }
    if answered < asked {
        let why = silent.clone().unwrap_or_default();
        return match answered {
            0 => Said::unknown("Healthy", "NoAnswer", why),
            _ => Said::no("Healthy", "CollectorSilent", why),
        };
    }
    if let Some(why) = trouble {
        return Said::no("Healthy", "CollectorInTrouble", why.clone());
    }
    if targets.down > 0 {
        let message = format!("{} of {} targets are down", targets.down, targets.active);
        return Said::no("Healthy", "TargetsDown", message);
    }
    let troubled = jobs.iter().find_map(|job| Some((&job.name, job.errors.first()?)));
    if let Some((job, error)) = troubled {
        return Said::no("Healthy", "JobInTrouble", format!("job {job}: {}", error.message));
    }
    Said::yes("Healthy", "Healthy", format!("{} targets are up", targets.active))
}

#[cfg(test)]
mod tests {
    use crds::scraper_status::{ErrorCount, JobHealth};
    use serde_json::json;

    use super::*;
    use crate::runtime::status::{Holds, holds};

    fn scraper(status: Option<&str>) -> Scraper {
        let mut scraper = json!({
            "apiVersion": "hearth.dev/v1alpha1",
            "kind": "Scraper",
            "metadata": {"name": "pods", "namespace": "shop", "generation": 4},
            "spec": {"destination": {"workspaceRef": {"name": "m"}}, "scrapeConfiguration": "x"},
        });
        if let Some(code) = status {
            scraper["status"] = json!({
                "statusCode": code, "targets": {"active": 7, "down": 0, "dropped": 0}
            });
        }
        serde_json::from_value(scraper).unwrap()
    }

    fn running(programmed: usize) -> Seen {
        Seen {
            rollout: Some(Rollout { wanted: 2, ready: 2, done: true }),
            gathered: Gathered { asked: 2, answered: 2, programmed, ..Gathered::default() },
            ..Seen::default()
        }
    }

    fn all(seen: &Seen) -> ScraperStatus {
        status(&scraper(None), seen, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_scraper_is_ready_when_every_shard_runs_its_generation() {
        let good = all(&running(2));
        assert_eq!(holds(&good.common, "Ready"), Some(Holds::True));
        assert_eq!(good.status_code.as_deref(), Some("ACTIVE"));
        let half = all(&running(1));
        assert_eq!(holds(&half.common, "Reconciling"), Some(Holds::True));
        assert_eq!(half.status_code.as_deref(), Some("CREATING"));
        assert!(running(1).unsettled() && !running(2).unsettled());
    }

    #[test]
    fn a_refused_generation_stalls_and_the_word_stays_active() {
        let mut seen = running(0);
        seen.gathered.refused = Some("collector 0: line 3: unknown field".to_owned());
        let told = status(&scraper(Some("ACTIVE")), &seen, Timestamp::UNIX_EPOCH);
        assert_eq!(holds(&told.common, "Stalled"), Some(Holds::True));
        assert_eq!(holds(&told.common, "Accepted"), Some(Holds::False));
        assert_eq!(told.status_code.as_deref(), Some("ACTIVE"), "the old generation runs on");
    }

    #[test]
    fn silence_keeps_what_was_known() {
        let mut seen = running(0);
        seen.gathered.answered = 0;
        seen.gathered.silent = Some("collector 0: no route".to_owned());
        let told = status(&scraper(Some("ACTIVE")), &seen, Timestamp::UNIX_EPOCH);
        assert_eq!(told.targets.unwrap().active, 7);
        assert_eq!(holds(&told.common, "Healthy"), Some(Holds::Unknown));
    }

    #[test]
    fn a_job_without_targets_that_says_why_is_not_healthy() {
        let mut seen = running(2);
        let errors = vec![ErrorCount { message: "no rights".to_owned(), count: 1 }];
        seen.gathered.jobs =
            vec![JobHealth { name: "pods".to_owned(), errors, ..JobHealth::default() }];
        let told = all(&seen);
        assert_eq!(holds(&told.common, "Healthy"), Some(Holds::False));
        let messages = told.common.conditions.iter().map(|condition| condition.message.as_str());
        assert!(messages.into_iter().any(|message| message == "job pods: no rights"));
    }

    #[test]
    fn what_a_collector_says_of_its_cluster_stands_before_targets() {
        let mut seen = running(2);
        seen.gathered.targets.down = 1;
        seen.gathered.trouble = Some("collector 0: eks: 403".to_owned());
        let told = all(&seen);
        assert_eq!(holds(&told.common, "Healthy"), Some(Holds::False));
        let messages = told.common.conditions.iter().map(|condition| condition.message.as_str());
        assert!(messages.into_iter().any(|message| message == "collector 0: eks: 403"));
    }

    #[test]
    fn targets_that_are_down_are_no_reason_to_wait() {
        let mut seen = running(2);
        seen.gathered.targets.down = 1;
        let told = all(&seen);
        assert_eq!(holds(&told.common, "Healthy"), Some(Holds::False));
        assert_eq!(holds(&told.common, "Ready"), Some(Holds::True));
    }
}
