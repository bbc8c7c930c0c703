//! What the collector says of itself, bounded.
//!
//! Pure: its status and what it was told go in, the report comes out.

use std::collections::BTreeMap;

use protocol::collector_report::{
    CollectorReport, ERRORS_MAX, JOBS_MAX, JobReport, REJECTED_MAX, RejectedReport, TROUBLES_MAX,
    WriteReport,
};

use crate::status::{CollectorStatus, Health};

/// Characters of one message: reports are gathered into an object of the API server.
const MESSAGE_CHARS_MAX: usize = 512;

/// What of the role is not in the collector's own status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Which shard this is.
    pub shard: u32,
    /// How many count.
    pub shards: u32,
    /// The generation in force; 0: none yet.
    pub generation: i64,
    /// Why the newest generation is not in force.
    pub refused: Option<String>,
    /// Objects that were left out.
    pub rejected: Vec<RejectedReport>,
    /// What else is amiss: the API server does not answer, a kind is not installed.
    pub troubles: Vec<String>,
    /// Why the cluster to discover targets in, or its newest credentials, cannot be used.
    pub cluster_trouble: Option<String>,
    /// Whether that cluster's address was found, or was not and it is known why.
    pub cluster_looked_for: bool,
    /// Whether monitors were listed, or could not be and it is known why.
    pub monitors_listed: bool,
}

impl Told {
    /// All that is amiss beside jobs and objects.
    pub fn all_troubles(&self) -> impl Iterator<Item = &String> {
        self.troubles.iter().chain(&self.cluster_trouble)
    }
}

/// The report.
pub fn report(told: &Told, status: &CollectorStatus) -> CollectorReport {
    let mut jobs = jobs(status);
    // Those with trouble first, then by name.
    jobs.sort_by(|a, b| (a.errors.is_empty(), &a.name).cmp(&(b.errors.is_empty(), &b.name)));
    let down = jobs.iter().map(|job| job.down).sum();
    jobs.truncate(JOBS_MAX);
    let mut rejected: Vec<RejectedReport> = told.rejected.clone();
    for one in &mut rejected {
        one.reason = short(&one.reason);
    }
    rejected.truncate(REJECTED_MAX);
    CollectorReport {
        shard: told.shard,
        shards: told.shards,
        generation: told.generation,
        refused: told.refused.as_deref().map(short),
        troubles: told.all_troubles().take(TROUBLES_MAX).map(|text| short(text)).collect(),
        active: status.targets.len() as u64,
        down,
        // Every shard discovers everything: one of them tells, so that sums are right.
        dropped: if told.shard == 0 { status.dropped_count } else { 0 },
        jobs,
        rejected,
        write: WriteReport {
            last_error: status.last_write_error.as_deref().map(short),
            waiting: status.queue_length as u64 + status.samples_on_disk,
            dropped: status.samples_dropped,
            refused: status.samples_refused,
        },
    }
}

fn jobs(status: &CollectorStatus) -> Vec<JobReport> {
    let mut jobs: BTreeMap<&str, (JobReport, BTreeMap<String, u64>)> = BTreeMap::new();
    for (job, error) in &status.job_errors {
        *jobs.entry(job).or_default().1.entry(short(error)).or_default() += 1;
    }
    for target in &status.targets {
        let (job, errors) = jobs.entry(&target.job).or_default();
        job.active += 1;
        job.down += u64::from(target.health == Health::Down);
        if let Some(error) = &target.last_error {
            *errors.entry(short(error)).or_default() += 1;
        }
    }
    let each = jobs.into_iter().map(|(name, (mut job, errors))| {
        name.clone_into(&mut job.name);
        job.errors = errors.into_iter().collect();
        // The most frequent ones; of equally frequent ones the first by name.
        job.errors.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        job.errors.truncate(ERRORS_MAX);
        job
    });
    each.collect()
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::labels::Labels;

    use super::*;
    use crate::status::TargetStatus;

    fn target(job: &str, error: Option<&str>) -> TargetStatus {
        TargetStatus {
            job: job.to_owned(),
            discovered: Labels::default(),
            labels: Labels::default(),
            url: String::new(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            health: if error.is_some() { Health::Down } else { Health::Up },
            last_error: error.map(str::to_owned),
            last_scrape_ms: None,
            duration: Duration::ZERO,
            samples: 0,
        }
    }

    #[test]
    fn jobs_with_trouble_come_first_and_errors_are_counted() {
        let mut targets = vec![target("a", None), target("z", Some("refused"))];
        targets.extend((0..3).map(|_| target("z", Some("no answer"))));
        targets.extend((0..20).map(|at| target("z", Some(&format!("error {at:02}")))));
        let status = CollectorStatus { targets, dropped_count: 4, ..CollectorStatus::default() };
        let found = report(&Told::default(), &status);
        assert_eq!((found.active, found.down, found.dropped), (25, 24, 4));
        let names: Vec<&str> = found.jobs.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(names, ["z", "a"]);
        assert_eq!(found.jobs[0].errors.len(), ERRORS_MAX);
        assert_eq!(found.jobs[0].errors[0], ("no answer".to_owned(), 3));
        let other = report(&Told { shard: 1, ..Told::default() }, &status);
        assert_eq!(other.dropped, 0);
    }

    #[test]
    fn the_report_is_bounded() {
        let targets = (0..500).map(|at| target(&format!("job {at}"), None)).collect();
        let job_errors = vec![("job 499".to_owned(), "x".repeat(10_000))];
        let status = CollectorStatus { targets, job_errors, ..CollectorStatus::default() };
        let rejected = vec![RejectedReport::default(); 500];
        let found = report(&Told { rejected, ..Told::default() }, &status);
        assert_eq!((found.jobs.len(), found.rejected.len()), (JOBS_MAX, REJECTED_MAX));
        assert_eq!(found.jobs[0].name, "job 499");
        assert_eq!(found.jobs[0].errors[0].0.len(), MESSAGE_CHARS_MAX + 3);
        assert_eq!(found.active, 500);
    }
}
