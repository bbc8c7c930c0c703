//! When a collector counts as ready.
//!
//! Once everything it looks into has been listed once, or has said why it cannot be: whoever rolls
//! out collectors one by one then takes the next one only when this one scrapes what is its own. A
//! collector that was ready stays so.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::role_report::Told;

/// How long discovery may keep a collector with a Scraper from being ready: a list that hangs is
/// given up after 30 seconds, and a source that never says anything must not stop a rollout.
pub const DISCOVERY_WAIT_MAX: Duration = Duration::from_mins(1);
/// Jobs that are named.
const NAMED_MAX: usize = 5;

/// Remembers that it was ready.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Stage>);

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    /// There is no Scraper yet.
    #[default]
    Idle,
    /// A generation has been in force since then.
    Looking(Instant),
    Ready,
}

impl Readiness {
    /// What it waits for, `None` where it is ready; `undiscovered` names jobs that wait.
    pub fn waits_for(
        &self,
        told: &Told,
        undiscovered: impl FnOnce() -> Vec<String>,
    ) -> Option<String> {
        let mut stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*stage, Stage::Ready) {
            return None;
        }
        if told.generation == 0 {
            return Some(no_scraper(told));
        }
        let now = Instant::now();
        let since = match *stage {
            Stage::Looking(since) => since,
            Stage::Idle | Stage::Ready => now,
        };
        *stage = Stage::Looking(since);
        let waits_for = unlisted(told, &undiscovered());
        if waits_for.is_some() && now.duration_since(since) < DISCOVERY_WAIT_MAX {
            return waits_for;
        }
        *stage = Stage::Ready;
        None
    }
}

fn no_scraper(told: &Told) -> String {
    let reasons: Vec<String> = told.troubles.iter().chain(&told.refused).cloned().collect();
    let colon = if reasons.is_empty() { "" } else { ": " };
    format!("waiting for the Scraper{colon}{}", reasons.join("; "))
}

fn unlisted(told: &Told, undiscovered: &[String]) -> Option<String> {
    let limit = DISCOVERY_WAIT_MAX.as_secs();
    let wait = |what: &str| Some(format!("waiting, {limit} s at most, {what}"));
    if !told.cluster_looked_for {
        return wait("for the address of the cluster to discover targets in");
    }
    if !told.monitors_listed {
        return wait("for monitors to be listed");
    }
    if undiscovered.is_empty() {
        return None;
    }
    let named: Vec<&str> = undiscovered.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = undiscovered.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    wait(&format!("for the first targets of jobs {}{more}", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(generation: i64, cluster_looked_for: bool, monitors_listed: bool) -> Told {
        Told { generation, cluster_looked_for, monitors_listed, ..Told::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_for_all_that_is_listed_and_stays_ready() {
        let readiness = Readiness::default();
        let jobs = |count: usize| (0..count).map(|at| format!("j{at}")).collect::<Vec<_>>();
        let refused = Some("line 1".to_owned());
        let none = Told { refused, ..told(0, true, true) };
        let said = readiness.waits_for(&none, Vec::new);
        assert_eq!(said.as_deref(), Some("waiting for the Scraper: line 1"));
        for (told, undiscovered, word) in [
            (told(1, false, true), 0, "address"),
            (told(1, true, false), 0, "monitors"),
            (told(1, true, true), 7, "j0, j1, j2, j3, j4 and 2 more"),
        ] {
            let said = readiness.waits_for(&told, || jobs(undiscovered)).expect("it waits");
            assert!(said.contains(word), "{said}");
        }
        assert_eq!(readiness.waits_for(&told(1, true, true), Vec::new), None);
        assert_eq!(readiness.waits_for(&told(1, true, false), || jobs(1)), None, "it was ready");
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_no_longer_than_it_says_and_from_the_first_generation_on() {
        let readiness = Readiness::default();
        let wait = |generation| {
            readiness.waits_for(&told(generation, true, true), || vec!["slow".to_owned()])
        };
        assert!(wait(0).is_some());
        tokio::time::advance(2 * DISCOVERY_WAIT_MAX).await;
        assert!(wait(1).is_some());
        tokio::time::advance(DISCOVERY_WAIT_MAX / 2).await;
        assert!(wait(1).is_some());
        tokio::time::advance(DISCOVERY_WAIT_MAX / 2).await;
        assert_eq!(wait(1), None);
    }
}
