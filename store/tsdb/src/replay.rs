//! From the log back into the head, when a database opens.
//!
//! What cannot be read is named and told, and the rest is taken: one bad record must not keep a
//! workspace from serving what is whole.

use std::sync::Arc;

use rapidhash::RapidHashMap;
use world::commit_log::LogError;

use crate::error::TsdbError;
use crate::head::Head;
use crate::head_series::Series;
use crate::record::{self, NO_SERIES, Record, RecordSeries};
use crate::tsdb::Tsdb;

/// Damages that are told one by one; more say nothing new.
const DAMAGES_MAX: usize = 16;

/// Series by their numbers in the epoch of the record that is read.
#[derive(Debug, Default)]
struct Replay {
    epoch: Option<u64>,
    series: RapidHashMap<u32, Arc<Series>>,
}

/// Puts the records from position `flushed` on back, oldest first; gives what was damaged.
pub fn replay(database: &Tsdb, flushed: u64) -> Result<Vec<String>, TsdbError> {
    let mut replay = Replay::default();
    let mut damage = Vec::new();
    let mut failure = None;
    let stream = &database.stream;
    let walked = database.world.log.replay(stream, &mut |entry| {
        let what = format!("record {} of {stream}", entry.position.0);
        if entry.position.0 < flushed {
            // In blocks, but for exemplars: a flush that ended early did not write them again.
            if let Ok(record) = record::decode(&entry.payload, &what) {
                database.remember(&record);
            }
            return Ok(());
        }
        let applied = record::decode(&entry.payload, &what).and_then(|record| {
            database.remember(&record);
            replay.apply(&database.head, record, &what)
        });
        database.mark_applied(entry.position, entry.payload.len());
        match applied {
            Ok(()) => Ok(()),
            Err(error @ TsdbError::Damaged { .. }) => {
                tell(&mut damage, error.to_string());
                Ok(())
            }
            Err(error) => {
                let told = LogError::Damaged(error.to_string());
                failure = Some(error);
                Err(told)
            }
        }
    });
    match (failure, walked) {
        (Some(error), _) => Err(error),
        (None, Err(LogError::Damaged(reason))) => {
            tell(&mut damage, format!("commit log of {stream} is damaged: {reason}"));
            Ok(damage)
        }
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => Ok(damage),
    }
}

fn tell(damage: &mut Vec<String>, text: String) {
    tracing::error!(damage = %text, "acknowledged samples are lost");
    if damage.len() < DAMAGES_MAX {
        damage.push(text);
    }
}

impl Replay {
    // Every series that is known gets its samples, also where another of the record is not.
    fn apply(&mut self, head: &Head, record: Record, what: &str) -> Result<(), TsdbError> {
        if self.epoch != Some(record.epoch) {
            self.epoch = Some(record.epoch);
            self.series.clear();
        }
        let mut unknown = None;
        for entry in record.series {
            let RecordSeries { reference, labels, samples, histograms, exemplars: _ } = entry;
            if reference == NO_SERIES {
                continue;
            }
            if let Some(labels) = labels {
                let series = head.get_or_create(&labels, u64::MAX).expect("there is no limit here");
                self.series.insert(reference, series);
            }
            match self.series.get(&reference) {
                Some(series) => head.push(series, &samples, &histograms),
                None => unknown = Some(reference),
            }
        }
        match unknown {
            None => Ok(()),
            Some(reference) => Err(TsdbError::Damaged {
                what: what.into(),
                reason: format!(
                    "it names series {reference}, which no record before it spells out"
                ),
            }),
        }
    }
}
