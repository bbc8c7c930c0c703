//! The database of one workspace.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use protocol::sample::TimeSeries;
use world::commit_log::{Position, StreamName};
use world::world::World;

use crate::block_reader::BlockSource;
use crate::error::TsdbError;
use crate::exemplars::Exemplars;
use crate::head::Head;
use crate::ingest::{self, AppendMode, Plan};
use crate::live::{Live, Maintenance, NOTHING_UNFLUSHED};
use crate::manifest::{self, Names};
use crate::metadata::Families;
use crate::options::TsdbOptions;
use crate::outcome::AppendOutcome;
use crate::record::{Record, RecordWriter};
use crate::replay;
use crate::section_cache::SectionCache;

/// One workspace's samples.
pub struct Tsdb {
    pub(crate) world: World,
    pub(crate) stream: StreamName,
    pub(crate) names: Names,
    options: RwLock<Arc<TsdbOptions>>,
    pub(crate) head: Arc<Head>,
    pub(crate) exemplars: Exemplars,
    pub(crate) families: Families,
    pub(crate) source: BlockSource,
    live: RwLock<Arc<Live>>,
    /// Appends hold it for reading from check to head; a cut takes it for writing, so that the cut
    /// falls between whole appends.
    pub(crate) gate: tokio::sync::RwLock<()>,
    /// Whoever changes blocks holds it; taken before the gate.
    pub(crate) maintenance: tokio::sync::Mutex<Maintenance>,
    /// The high half of this process's epochs.
    incarnation: u64,
    /// The newest position whose record is in the head, plus one; 0 where there is none.
    pub(crate) applied: AtomicU64,
    /// Records below this position were in blocks when it opened.
    flushed_at_open: u64,
    /// When the oldest record that waits for a flush came, by the clock.
    pub(crate) unflushed_since_ms: AtomicI64,
    /// Bytes of the records that wait for a flush.
    pub(crate) unflushed_bytes: AtomicU64,
    /// What of the log could not be read when it opened.
    log_damage: Vec<String>,
    closed: AtomicBool,
}

/// What a database holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TsdbStats {
    /// Series in the head: the active ones.
    pub head_series: u64,
    /// Samples appended since the last flush began.
    pub head_samples: u64,
    /// About how many bytes of memory the head takes.
    pub head_bytes: u64,
    /// Bytes of the log that wait for a flush.
    pub log_bytes: u64,
    /// Blocks in use.
    pub blocks: u64,
    /// Blocks that do not open; queries of their time are refused.
    pub damaged_blocks: u64,
    /// Samples in blocks.
    pub block_samples: u64,
    /// Bytes of the blocks in use.
    pub block_bytes: u64,
    /// Bytes of memory that sections of blocks take.
    pub cache_bytes: u64,
    /// Oldest timestamp.
    pub min_ms: Option<i64>,
    /// Newest timestamp.
    pub max_ms: Option<i64>,
}

impl Tsdb {
    /// Opens the database: the newest manifest, its blocks, and what the log holds beyond them.
    pub async fn open(
        world: World,
        workspace_id: &str,
        options: TsdbOptions,
    ) -> Result<Arc<Self>, TsdbError> {
        let names = Names::new(workspace_id);
        let newest = manifest::load_newest(&*world.bucket, &names).await?;
        // 31 bits beside the 32 of the cut.
        let incarnation = world.random.next_u64() & 0x7fff_ffff;
        let flushed = newest.flushed;
        let cache = SectionCache::new(options.cache_bytes_max as usize);
        let mut database = Self {
            stream: StreamName::new(format!("samples/{workspace_id}")),
            names,
            options: RwLock::new(Arc::new(options)),
            head: Arc::default(),
            exemplars: Exemplars::default(),
            families: Families::default(),
            source: BlockSource { bucket: Arc::clone(&world.bucket), cache },
            live: RwLock::default(),
            gate: tokio::sync::RwLock::new(()),
            maintenance: tokio::sync::Mutex::default(),
            incarnation,
            applied: AtomicU64::new(flushed),
            flushed_at_open: flushed,
            unflushed_since_ms: AtomicI64::new(NOTHING_UNFLUSHED),
            unflushed_bytes: AtomicU64::new(0),
            log_damage: Vec::new(),
            closed: AtomicBool::new(false),
            world,
        };
        if let Some(newest_ms) = newest.newest_ms {
            database.head.saw(newest_ms);
        }
        let families_max = database.options().metadata_families_max;
        for (family, metadata) in &newest.metadata {
            database.families.put(family, metadata, families_max);
        }
        let mut m = Maintenance { manifest: newest, writer: incarnation, ..Maintenance::default() };
        database.open_blocks(&mut m).await?;
        database.log_damage = replay::replay(&database, flushed)?;
        database.exemplars.settle(database.options().exemplars_max);
        database.head.limit_label_sets(database.options().limits.label_sets.clone());
        *database.maintenance.lock().await = m;
        Ok(Arc::new(database))
    }

    // Exemplars and metadata of a record of the log.
    pub(crate) fn remember(&self, record: &Record) {
        let options = self.options();
        // A flush wrote all of them again, perhaps behind newer ones: see `Exemplars::settle`.
        let exemplars_max = options.exemplars_max.saturating_mul(2);
        for entry in &record.series {
            if let Some(labels) = &entry.labels {
                for exemplar in &entry.exemplars {
                    self.exemplars.push(labels, exemplar.clone(), exemplars_max);
                }
            }
        }
        for (family, metadata) in &record.metadata {
            self.families.put(family, metadata, options.metadata_families_max);
        }
    }

    pub(crate) fn mark_applied(&self, position: Position, bytes: usize) {
        self.applied.fetch_max(position.0 + 1, Ordering::AcqRel);
        self.unflushed_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.unflushed_since_ms.fetch_min(self.world.clock.now_ms(), Ordering::Relaxed);
    }

    /// The options in force.
    pub fn options(&self) -> Arc<TsdbOptions> {
        Arc::clone(&self.options.read().expect("no code panics while it holds the options"))
    }

    /// Changes the options; appends under way keep the old ones.
    pub fn configure(&self, options: TsdbOptions) {
        // Counting anew looks at every series: only where the sets changed.
        if self.options().limits.label_sets != options.limits.label_sets {
            self.head.limit_label_sets(options.limits.label_sets.clone());
        }
        *self.options.write().expect("no code panics while it holds the options") =
            Arc::new(options);
    }

    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().expect("no code panics while it holds the list of blocks"))
    }

    pub(crate) fn set_live(&self, live: Live) {
        *self.live.write().expect("no code panics while it holds the list of blocks") =
            Arc::new(live);
    }

    pub(crate) fn check_open(&self) -> Result<(), TsdbError> {
        if self.closed.load(Ordering::Acquire) { Err(TsdbError::Closed) } else { Ok(()) }
    }

    /// Samples before this are not answered any more.
    pub(crate) fn oldest_kept_ms(&self, now_ms: i64) -> i64 {
        let retention_ms = self.options().retention_ms;
        retention_ms.map_or(i64::MIN, |retention_ms| now_ms.saturating_sub(retention_ms))
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
        self.check_open()?;
        let options = self.options();
        let now_ms = self.world.clock.now_ms();
        let mut plan = ingest::plan(&self.head, &options, now_ms, batch, mode);
        plan.drop_known(&self.exemplars, &self.families);
        if plan.is_empty() {
            return Ok(plan.outcome);
        }
        let record = self.record(&plan);
        let bytes = record.len();
        let position = self.world.log.append(&self.stream, record).await?;
        if position.0 < self.flushed_at_open {
            return Err(TsdbError::Damaged {
                what: "commit log".into(),
                reason: format!(
                    "it gave position {} after {} was flushed: it is not the log of these blocks",
                    position.0, self.flushed_at_open
                ),
            });
        }
        self.apply(&mut plan, &options);
        self.mark_applied(position, bytes);
        Ok(plan.outcome)
    }

    fn record(&self, plan: &Plan) -> bytes::Bytes {
        // A sample of a known series takes about 8 bytes.
        const SERIES_BYTES: usize = 16;
        let cut = self.head.cut();
        let count = plan.accepted.len();
        let mut writer = RecordWriter::new(self.epoch(), count, 64 + count * SERIES_BYTES);
        for entry in &plan.accepted {
            // Exemplars are put back by labels, not by number.
            let spelled_out = !entry.series.is_logged(cut) || !entry.exemplars.is_empty();
            let labels = spelled_out.then_some(&entry.labels);
            let id = entry.series.id;
            writer.series(id, labels, &entry.samples, &entry.histograms, &entry.exemplars);
        }
        writer.finish(&plan.metadata)
    }

    /// Of the records that are written now; whoever asks is in the gate.
    pub(crate) fn epoch(&self) -> u64 {
        self.incarnation << 32 | u64::from(self.head.cut())
    }

    fn apply(&self, plan: &mut Plan, options: &TsdbOptions) {
        let cut = self.head.cut();
        for entry in &mut plan.accepted {
            entry.series.set_logged(cut);
            self.head.push(&entry.series, &entry.samples, &entry.histograms);
            for exemplar in entry.exemplars.drain(..) {
                self.exemplars.push(&entry.labels, exemplar, options.exemplars_max);
            }
        }
        for (family, metadata) in &plan.metadata {
            self.families.put(family, metadata, options.metadata_families_max);
        }
    }

    /// What of the log could not be read when it opened: acknowledged samples are lost. Empty in
    /// all but the worst days; at most 16 texts.
    pub fn log_damage(&self) -> &[String] {
        &self.log_damage
    }

    /// What it holds now.
    pub fn stats(&self) -> TsdbStats {
        let live = self.live();
        let footers = || live.blocks.iter().map(|block| &block.footer);
        let head_min_ms = self.head.oldest_ms();
        TsdbStats {
            head_series: self.head.series_count(),
            head_samples: self.head.sample_count(),
            head_bytes: self.head.bytes(),
            log_bytes: self.unflushed_bytes.load(Ordering::Relaxed),
            blocks: live.blocks.len() as u64,
            damaged_blocks: live.quarantined.len() as u64,
            block_samples: footers().map(|footer| footer.samples).sum(),
            block_bytes: live.blocks.iter().map(|block| block.len()).sum(),
            cache_bytes: self.source.cache.bytes() as u64,
            min_ms: footers().map(|footer| footer.min_ms).chain(head_min_ms).min(),
            max_ms: self.head.newest_ms(),
        }
    }

    /// Waits for the appends under way and refuses further ones. Nothing needs to be flushed: the
    /// log holds it.
    pub async fn close(&self) {
        let _maintenance = self.maintenance.lock().await;
        let _all = self.gate.write().await;
        self.closed.store(true, Ordering::Release);
    }

    /// Closes it and deletes all it stored, for ever. After `Err` it may be called again.
    pub async fn destroy(&self) -> Result<(), TsdbError> {
        self.close().await;
        for object in self.source.bucket.list(self.names.all()).await? {
            self.source.bucket.delete(&object.name).await?;
        }
        if let Some(last) = self.applied.load(Ordering::Acquire).checked_sub(1) {
            self.world.log.trim(&self.stream, Position(last));
        }
        Ok(())
    }
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
