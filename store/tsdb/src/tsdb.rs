//! The database of one workspace: open, append, select.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use protocol::matcher::Matcher;
use protocol::sample::TimeSeries;
use world::commit_log::{LogError, Position, StreamName};
use world::world::World;

use crate::error::TsdbError;
use crate::head::{Head, Replay};
use crate::ingest::{self, AppendMode, Plan};
use crate::options::TsdbOptions;
use crate::outcome::AppendOutcome;
use crate::record::{self, RecordWriter};
use crate::selection::{SelectBudget, SelectedSeries};

/// One workspace's samples.
pub struct Tsdb {
    world: World,
    stream: StreamName,
    options: RwLock<Arc<TsdbOptions>>,
    head: Head,
    /// Appends hold it for reading from check to head; a cut takes it for writing, so that the cut
    /// falls between whole appends.
    gate: tokio::sync::RwLock<()>,
    /// The high half of this process's epochs.
    incarnation: u64,
    /// The newest position whose record is in the head, plus one; 0 where there is none.
    applied: AtomicU64,
}

impl Tsdb {
    /// Opens the database and puts back what the log holds.
    pub async fn open(
        world: World,
        workspace_id: &str,
        options: TsdbOptions,
    ) -> Result<Arc<Self>, TsdbError> {
        let stream = StreamName::new(format!("samples/{workspace_id}"));
        let incarnation = world.random.next_u64() & 0x7fff_ffff;
        let database = Self {
            stream,
            options: RwLock::new(Arc::new(options)),
            head: Head::default(),
            gate: tokio::sync::RwLock::new(()),
            incarnation,
            applied: AtomicU64::new(0),
            world,
        };
        database.replay()?;
        Ok(Arc::new(database))
    }

    fn replay(&self) -> Result<(), TsdbError> {
        let mut replay = Replay::default();
        let mut failure = None;
        let walked = self.world.log.replay(&self.stream, &mut |entry| {
            let what = format!("record {} of {}", entry.position.0, self.stream);
            let applied = record::decode(&entry.payload, &what)
                .and_then(|record| replay.apply(&self.head, &record, &what));
            self.mark_applied(entry.position);
            applied.map_err(|error| {
                let told = LogError::Damaged(error.to_string());
                failure = Some(error);
                told
            })
        });
        match failure {
            Some(error) => Err(error),
            None => Ok(walked?),
        }
    }

    fn mark_applied(&self, position: Position) {
        self.applied.fetch_max(position.0 + 1, Ordering::AcqRel);
    }

    /// The options in force.
    pub fn options(&self) -> Arc<TsdbOptions> {
        Arc::clone(&self.options.read().expect("no code panics while it holds the options"))
    }

    /// Changes the options; appends under way keep the old ones.
    pub fn configure(&self, options: TsdbOptions) {
        *self.options.write().expect("no code panics while it holds the options") =
            Arc::new(options);
    }

    /// Checks a batch, makes what is taken durable, and only then shows it to queries.
    ///
    /// `Err` means that nothing was written. A sample that is stored already is silently fine.
    pub async fn append(
        &self,
        batch: Vec<TimeSeries>,
        mode: AppendMode,
    ) -> Result<AppendOutcome, TsdbError> {
        let _pass = self.gate.read().await;
        let now_ms = self.world.clock.now_ms();
        let plan = ingest::plan(&self.head, &self.options(), now_ms, batch, mode);
        if plan.is_empty() {
            return Ok(plan.outcome);
        }
        let record = self.record(&plan);
        let position = self.world.log.append(&self.stream, record).await?;
        self.apply(&plan);
        self.mark_applied(position);
        Ok(plan.outcome)
    }

    fn record(&self, plan: &Plan) -> bytes::Bytes {
        // A sample of a known series takes about 8 bytes, a new series about 200.
        const SERIES_BYTES: usize = 16;
        let cut = self.head.cut();
        let epoch = self.incarnation << 32 | u64::from(cut);
        let count = plan.accepted.len();
        let mut writer = RecordWriter::new(epoch, count, 64 + count * SERIES_BYTES);
        for entry in &plan.accepted {
            let labels = (!entry.series.is_logged(cut)).then_some(&entry.labels);
            let id = entry.series.id;
            writer.series(id, labels, &entry.samples, &entry.histograms, &entry.exemplars);
        }
        writer.finish(&plan.metadata)
    }

    fn apply(&self, plan: &Plan) {
        let cut = self.head.cut();
        for entry in &plan.accepted {
            entry.series.set_logged(cut);
            self.head.push(&entry.series, &entry.samples, &entry.histograms);
        }
    }

    /// The series for which all matchers hold and that have samples in `from_ms..=to_ms`, sorted
    /// by labels.
    pub async fn select(
        &self,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        budget: SelectBudget,
    ) -> Result<Vec<SelectedSeries>, TsdbError> {
        let found = self.head.select(matchers, from_ms, to_ms);
        if found.len() as u64 > budget.series_max {
            return Err(TsdbError::OverBudget { limit: "series", max: budget.series_max });
        }
        if found.iter().map(|(_, part)| part.bytes()).sum::<u64>() > budget.bytes_max {
            return Err(TsdbError::OverBudget { limit: "bytes", max: budget.bytes_max });
        }
        let mut selected: Vec<_> =
            found.into_iter().map(|(labels, part)| SelectedSeries::new(labels, part)).collect();
        selected.sort_by(|a, b| a.labels().cmp(b.labels()));
        Ok(selected)
    }
}

#[cfg(test)]
mod tests;
