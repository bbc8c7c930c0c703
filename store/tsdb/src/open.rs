//! Opens a database: its manifest, its blocks, its log.

use std::sync::Arc;

use world::world::World;

use crate::error::TsdbError;
use crate::live::Maintenance;
use crate::manifest::{self, Names};
use crate::options::TsdbOptions;
use crate::replay;
use crate::tsdb::Tsdb;

impl Tsdb {
    /// Opens the database: the newest manifest, its blocks, and what the log holds beyond them.
    pub async fn open(
        world: World,
        workspace_id: &str,
        options: TsdbOptions,
    ) -> Result<Arc<Self>, TsdbError> {
        let newest = manifest::load_newest(&*world.bucket, &Names::new(workspace_id)).await?;
        // 31 bits beside the 32 of the cut.
        let incarnation = world.random.next_u64() & 0x7fff_ffff;
        let flushed = newest.flushed;
        let mut database = Self::of(&newest, world, workspace_id, incarnation, options);
        let mut m = Maintenance { manifest: newest, writer: incarnation, ..Maintenance::default() };
        database.open_blocks(&mut m).await?;
        database.log_damage = replay::replay(&database, flushed)?;
        database.head.limit_label_sets(database.options().limits.label_sets.clone());
        *database.maintenance.lock().await = m;
        Ok(Arc::new(database))
    }
}
