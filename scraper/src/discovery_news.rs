//! What a source of targets tells its job.

use tokio::sync::mpsc;

use crate::target_labels::TargetGroup;

/// What one source of a job has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Discovered {
    /// The job.
    pub job_name: String,
    /// Counts the job's configurations, so that news of an older one is not mistaken.
    pub generation: u64,
    /// Which of the job's sources.
    pub source: usize,
    /// What it says.
    pub news: News,
}

/// What a source has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// These are all its groups, and it is well.
    All(Vec<TargetGroup>),
    /// These groups are new or others than before; one without targets is gone.
    Changed(Vec<TargetGroup>),
    /// It has told all its groups by `Changed`: what was not told is no longer there.
    Complete,
    /// What is wrong with it, `None` for nothing any more; it keeps what it had.
    Trouble(Option<String>),
}

/// Passes on what a source finds.
pub struct Teller {
    /// The job that listens.
    pub job_name: String,
    /// See [`Discovered::generation`].
    pub generation: u64,
    /// Which of the job's sources.
    pub source: usize,
    /// Where the job listens.
    pub news: mpsc::Sender<Discovered>,
}

impl Teller {
    /// Whether somebody still listens.
    pub async fn tell(&self, news: News) -> bool {
        let (generation, source) = (self.generation, self.source);
        let job_name = self.job_name.clone();
        self.news.send(Discovered { job_name, generation, source, news }).await.is_ok()
    }

    /// The same for a source that always learns all or nothing.
    pub async fn tell_all(&self, groups: Result<Vec<TargetGroup>, String>) -> bool {
        self.tell(match groups {
            Ok(groups) => News::All(groups),
            Err(reason) => News::Trouble(Some(reason)),
        })
        .await
    }
}
