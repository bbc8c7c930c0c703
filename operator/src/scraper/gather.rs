//! What the collectors of one Scraper say together.      (pure)

use std::collections::{BTreeMap, BTreeSet};

use crds::scraper_status::{ErrorCount, JobHealth, RemoteWriteHealth, TargetCounts};
use crds::status::{REJECTED_MAX, RejectedObject};
use protocol::collector_report::{CollectorReport, ERRORS_MAX, JobReport, RejectedReport};

/// Jobs in a status at most.
pub const JOBS_MAX: usize = 50;
/// Letters of a message at most: a status is read by people.
const MESSAGE_CHARS_MAX: usize = 300;

/// What one shard answered, by its number: a report, or why there is none.
pub type Answer = Result<CollectorReport, String>;

/// All answers together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    /// Shards that answered.
    pub answered: usize,
    /// Shards that were asked.
    pub asked: usize,
    /// Shards that run the generation and know the number of shards.
    pub programmed: usize,
    /// Why the first shard that refuses the generation refuses it.
    pub refused: Option<String>,
    /// What is amiss with the first shard that tells of something.
    pub trouble: Option<String>,
    /// Why the first shard that does not answer does not.
    pub silent: Option<String>,
    /// Targets of all shards.
    pub targets: TargetCounts,
    /// Jobs of all shards: those with trouble first, then by name.
    pub jobs: Vec<JobHealth>,
    /// Objects that were left out, by kind and name.
    pub rejected: Vec<RejectedObject>,
    /// How writing fares; `None` where nobody answered.
    pub remote_write: Option<RemoteWriteHealth>,
}

/// Gathers the answers of all shards of one generation.
pub fn gather(answers: &[Answer], generation: i64) -> Gathered {
    let shards = answers.len();
    let mut gathered = Gathered { asked: shards, ..Gathered::default() };
    let mut jobs = BTreeMap::new();
    let mut rejected = BTreeSet::new();
    for (shard, answer) in answers.iter().enumerate() {
        let report = match answer {
            Ok(report) => report,
            Err(why) => {
                gathered.silent.get_or_insert_with(|| format!("collector {shard}: {why}"));
                continue;
            }
        };
        gathered.answered += 1;
        take(&mut gathered, report, (shard, shards, generation));
        for job in &report.jobs {
            add_job(jobs.entry(job.name.clone()).or_default(), job);
        }
        rejected.extend(report.rejected.iter().cloned());
    }
    gathered.jobs = jobs_of(jobs);
    gathered.rejected = rejected.into_iter().take(REJECTED_MAX).map(rejected_of).collect();
    gathered
}

fn take(
    gathered: &mut Gathered,
    report: &CollectorReport,
    (shard, shards, generation): (usize, usize, i64),
) {
    // A report of a later generation than we know says that ours is behind: no trouble at all.
    let runs = report.refused.is_none() && report.generation >= generation;
    gathered.programmed += usize::from(runs && report.shards as usize == shards);
    if let Some(why) = &report.refused {
        gathered.refused.get_or_insert_with(|| format!("collector {shard}: {}", shortened(why)));
    }
    if let Some(what) = report.troubles.first() {
        gathered.trouble.get_or_insert_with(|| format!("collector {shard}: {}", shortened(what)));
    }
    gathered.targets.active += count(report.active);
    gathered.targets.down += count(report.down);
    gathered.targets.dropped += count(report.dropped);
    let write = gathered.remote_write.get_or_insert_with(|| RemoteWriteHealth {
        health: "ok".to_owned(),
        ..RemoteWriteHealth::default()
    });
    if let Some(error) = &report.write.last_error {
        "failing".clone_into(&mut write.health);
        write.last_error.get_or_insert_with(|| shortened(error));
    }
    write.dropped_samples += count(report.write.dropped);
    write.refused_samples += count(report.write.refused);
}

#[derive(Default)]
struct Job {
    active: i64,
    down: i64,
    errors: BTreeMap<String, i64>,
}

fn add_job(job: &mut Job, report: &JobReport) {
    job.active += count(report.active);
    job.down += count(report.down);
    for (message, targets) in &report.errors {
        *job.errors.entry(shortened(message)).or_default() += count(*targets);
    }
}

fn jobs_of(jobs: BTreeMap<String, Job>) -> Vec<JobHealth> {
    let mut all: Vec<JobHealth> = jobs
        .into_iter()
        .map(|(name, Job { active, down, errors })| {
            let mut errors: Vec<ErrorCount> =
                errors.into_iter().map(|(message, count)| ErrorCount { message, count }).collect();
            errors.sort_by_key(|error| std::cmp::Reverse(error.count));
            errors.truncate(ERRORS_MAX);
            JobHealth { name, active, down, errors }
        })
        .collect();
    // Stable: by name within those with trouble and those without.
    all.sort_by_key(|job| job.down == 0 && job.errors.is_empty());
    all.truncate(JOBS_MAX);
    all
}

fn rejected_of(report: RejectedReport) -> RejectedObject {
    let RejectedReport { kind, namespace, name, reason } = report;
    RejectedObject { kind, namespace, name, reason: shortened(&reason) }
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn shortened(message: &str) -> String {
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use protocol::collector_report::WriteReport;

    use super::*;

    fn report(shard: u32, shards: u32, generation: i64) -> CollectorReport {
        let job = |name: &str, active, down, errors| JobReport {
            name: name.to_owned(),
            active,
            down,
            errors,
        };
        CollectorReport {
            shard,
            shards,
            generation,
            active: 10,
            down: 1,
            dropped: 2,
            jobs: vec![
                job("good", 5, 0, vec![]),
                job("poor", 5, 1, vec![("connection refused".to_owned(), 1)]),
            ],
            rejected: vec![RejectedReport { kind: "PodMonitor".into(), ..Default::default() }],
            ..CollectorReport::default()
        }
    }

    #[test]
    fn shards_add_up_and_trouble_comes_first() {
        let all = gather(&[Ok(report(0, 2, 4)), Ok(report(1, 2, 4))], 4);
        assert_eq!((all.asked, all.answered, all.programmed), (2, 2, 2));
        assert_eq!(all.targets, TargetCounts { active: 20, down: 2, dropped: 4 });
        assert_eq!(all.jobs[0].name, "poor");
        assert_eq!(
            all.jobs[0].errors,
            [ErrorCount { message: "connection refused".into(), count: 2 }]
        );
        assert_eq!(all.rejected.len(), 1, "what both say stands once");
        assert_eq!(all.remote_write.unwrap().health, "ok");
    }

    #[test]
    fn a_shard_that_is_silent_behind_or_refuses_does_not_run_the_generation() {
        let refusing = CollectorReport { refused: Some("line 3: no".into()), ..report(2, 4, 4) };
        let lost = vec!["the cluster to discover targets in: no".to_owned()];
        let miscounting = CollectorReport { troubles: lost, ..report(3, 3, 4) };
        let answers =
            [Ok(report(0, 4, 3)), Err("no route".to_owned()), Ok(refusing), Ok(miscounting)];
        let all = gather(&answers, 4);
        assert_eq!((all.answered, all.programmed), (3, 0));
        assert_eq!(all.refused.as_deref(), Some("collector 2: line 3: no"));
        assert_eq!(all.silent.as_deref(), Some("collector 1: no route"));
        let trouble = all.trouble.as_deref();
        assert_eq!(trouble, Some("collector 3: the cluster to discover targets in: no"));
    }

    #[test]
    fn a_thousand_jobs_stay_a_short_status() {
        let job = |at: usize| JobReport {
            name: format!("job-{at:04}"),
            active: 1,
            down: u64::from(at == 999),
            errors: (0..9).map(|n| (format!("{n}").repeat(900), n + 1)).collect(),
        };
        let write = WriteReport { last_error: Some("x".repeat(9000)), ..WriteReport::default() };
        let long = CollectorReport {
            jobs: (0..1000).map(job).collect(),
            rejected: (0..100)
                .map(|at| RejectedReport { name: format!("{at}"), ..Default::default() })
                .collect(),
            write,
            ..CollectorReport::default()
        };
        let all = gather(&[Ok(long)], 0);
        assert_eq!((all.jobs.len(), all.rejected.len()), (JOBS_MAX, REJECTED_MAX));
        assert_eq!(all.jobs[0].errors.len(), ERRORS_MAX);
        assert!(all.jobs[0].errors[0].count == 9, "the most frequent first");
        let text = serde_json::to_string(&all.remote_write).unwrap();
        assert!(text.len() < 1000 && text.contains("failing"), "{text}");
    }
}
