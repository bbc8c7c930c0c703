//! From the bucket and the log to a database.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, RwLock};

use world::commit_log::StreamName;
use world::world::World;

use crate::block_reader::BlockSource;
use crate::error::TsdbError;
use crate::exemplars::Exemplars;
use crate::live::{Maintenance, NOTHING_UNFLUSHED};
use crate::manifest::{self, Names};
use crate::metadata::Families;
use crate::options::TsdbOptions;
use crate::replay;
use crate::section_cache::SectionCache;
use crate::tsdb::Tsdb;

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
}
