//! The commit log on the local disk.
//!
//! One writer task takes what waits, writes it as one batch, syncs once, and answers all of it: the
//! slower the disk, the larger the batches. Built on the ports alone, so that the very same code
//! runs in the simulated world.
//!
//! A failed write or sync is answered with [`LogError::Unavailable`] and leaves nothing behind; the
//! next append tries the disk again, so the log recovers when the disk does.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{Notify, oneshot};

use crate::append_queue::{AppendQueue, Pending, Ticket};
use crate::commit_log::{CommitLog, LogError, LogRecord, Position, RECORD_BYTES_MAX, StreamName};
use crate::disk::{Disk, DiskFile};
use crate::log_index::{LogIndex, SegmentIndex};
use crate::log_layout::{LOG_DIR, segment_path};
use crate::random::Random;
use crate::recovery::{LastBatch, LogOpenError, Recovered, recover};
use crate::segment::{FRAME_HEADER_LEN, HEADER_LEN, SegmentHeader, read_frame};
use crate::segment_writer::{Batch, SEGMENT_BYTES_MAX, SegmentWriter, Written};
use crate::tasks::{TaskHandle, Tasks, run_blocking};

/// How a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// A new segment is begun where a batch would take the current one beyond this; at most 1 GiB.
    pub segment_bytes_max: u64,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { segment_bytes_max: SEGMENT_BYTES_MAX }
    }
}

/// The commit log on the local disk.
pub struct LocalLog {
    shared: Arc<Shared>,
    writer: Mutex<Option<TaskHandle>>,
}

struct Shared {
    disk: Arc<dyn Disk>,
    state: Mutex<State>,
    work: Notify,
}

#[derive(Default)]
struct State {
    queue: AppendQueue,
    index: LogIndex,
    closed: bool,
}

impl LocalLog {
    /// Recovers the log and starts its writer. Blocks while the log is read.
    pub fn open(
        disk: &Arc<dyn Disk>,
        random: &Arc<dyn Random>,
        tasks: &Arc<dyn Tasks>,
        settings: LogSettings,
    ) -> Result<Self, LogOpenError> {
        let Recovered { mut index, last_batch } = recover(disk.as_ref())?;
        let bytes_max = settings.segment_bytes_max;
        let mut writer = SegmentWriter::new(disk.clone(), random.clone(), bytes_max);
        if let Some(last_batch) = last_batch {
            write_again(&mut writer, last_batch, &mut index, disk.as_ref())?;
        }
        let state = Mutex::new(State { index, ..State::default() });
        let shared = Arc::new(Shared { disk: disk.clone(), state, work: Notify::new() });
        let task = write_batches(shared.clone(), tasks.clone(), writer);
        let writer = Mutex::new(Some(tasks.spawn("commit log writer", Box::pin(task))));
        Ok(Self { shared, writer })
    }

    /// Refuses further appends, waits until all that were made are durable, and lets go of the
    /// disk.
    pub async fn close(&self) {
        self.shared.close();
        let writer = self.writer.lock().expect("nobody panics with this lock").take();
        if let Some(writer) = writer {
            writer.ended().await;
        }
    }

    /// What could not be read at open, for people.
    pub fn damage(&self) -> Vec<String> {
        let state = self.shared.lock();
        let damage = state.index.segments.iter().flat_map(|segment| &segment.damage);
        damage.map(|damage| damage.message.clone()).collect()
    }
}

/// Makes the last batch durable, whatever became of it before. On a full disk a sync has to do, so
/// that what is there can still be read.
fn write_again(
    writer: &mut SegmentWriter,
    last: LastBatch,
    index: &mut LogIndex,
    disk: &dyn Disk,
) -> Result<(), LogOpenError> {
    let records = last.records.into_iter().map(|(stream, payload)| {
        // Nobody waits for these.
        let (reply, _) = oneshot::channel();
        Pending { stream, payload, reply }
    });
    let batch = Batch { first: last.first, records: records.collect(), trims: index.take_trims() };
    match writer.write(&batch) {
        Ok(written) => {
            index.cut(last.first);
            index.enter(&batch, written);
            Ok(())
        }
        Err(error) => {
            index.unwritten_trims.extend(batch.trims.into_iter().map(|(stream, _)| stream));
            tracing::warn!(%error, "commit log: the last records could not be written once more");
            let newest = index.segments.back().expect("the last batch lies in a segment");
            let path = segment_path(newest.first);
            let header = SegmentHeader { first: newest.first, salt: newest.salt };
            let synced = disk.open(&path).and_then(|mut file| sync_if_same(file.as_mut(), header));
            synced
                .and_then(|()| disk.sync_dir(Path::new(LOG_DIR)))
                .map_err(|source| LogOpenError::Disk { path: disk.describe(&path), source })
        }
    }
}

/// The new segment may have taken the old one's name before it failed: what was recovered does not
/// tell where its records lie, and a reader would take them for lost. Another start finds them.
fn sync_if_same(file: &mut dyn DiskFile, header: SegmentHeader) -> io::Result<()> {
    let mut found = [0; HEADER_LEN];
    file.read_exact_at(0, &mut found)?;
    if found != header.encode() {
        return Err(io::Error::other(
            "the last records were written once more, and their new name is not durable; start again",
        ));
    }
    file.sync()
}

impl Drop for LocalLog {
    fn drop(&mut self) {
        // The writer finishes what waits and ends; it holds the disk until then.
        self.shared.close();
    }
}

impl CommitLog for LocalLog {
    fn append(
        &self,
        stream: &StreamName,
        payload: Bytes,
    ) -> BoxFuture<'static, Result<Position, LogError>> {
        let bytes = payload.len();
        if bytes > RECORD_BYTES_MAX {
            return Box::pin(async move { Err(LogError::RecordTooLarge { bytes }) });
        }
        let (reply, answer) = oneshot::channel();
        let ticket = {
            let mut state = self.shared.lock();
            if state.closed {
                return Box::pin(async { Err(LogError::Closed) });
            }
            state.queue.push(Pending { stream: stream.clone(), payload, reply })
        };
        self.shared.work.notify_one();
        let place = ticket.map(|ticket| PlaceInLine { shared: self.shared.clone(), ticket });
        Box::pin(async move {
            let _place = place;
            answer.await.unwrap_or(Err(LogError::Closed))
        })
    }

    fn replay(
        &self,
        stream: &StreamName,
        visit: &mut dyn FnMut(LogRecord) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let (segments, trim, damage) = self.shared.to_replay(stream);
        let mut damage = damage;
        for segment in &segments {
            let found = self.shared.replay_segment(segment, stream, trim, visit)?;
            damage = damage.or(found);
        }
        damage.map_or(Ok(()), |message| Err(LogError::Damaged(message)))
    }

    fn streams(&self) -> Vec<StreamName> {
        self.shared.lock().index.streams()
    }

    fn trim(&self, stream: &StreamName, upto: Position) {
        let mut state = self.shared.lock();
        state.index.trim(stream, upto);
        if state.index.removable().is_some() {
            self.shared.work.notify_one();
        }
    }

    fn pinned_bytes(&self) -> u64 {
        self.shared.lock().index.pinned_bytes()
    }

    fn pins(&self) -> Vec<(Position, StreamName)> {
        self.shared.lock().index.pins()
    }
}

/// Leaves the line when the caller of an append goes away.
struct PlaceInLine {
    shared: Arc<Shared>,
    ticket: Ticket,
}

impl Drop for PlaceInLine {
    fn drop(&mut self) {
        self.shared.lock().queue.leave(self.ticket);
    }
}

/// What the writer does next.
enum Work {
    Write(Batch),
    Remove(Position),
    Wait,
    End,
}

async fn write_batches(shared: Arc<Shared>, tasks: Arc<dyn Tasks>, mut writer: SegmentWriter) {
    // A segment whose removal failed is tried again only after the next write: no hot loop.
    let mut may_remove = true;
    loop {
        match shared.next_work(may_remove) {
            Work::Write(batch) => {
                let (returned, batch, outcome) = run_blocking(tasks.as_ref(), move || {
                    let outcome = writer.write(&batch);
                    (writer, batch, outcome)
                })
                .await;
                writer = returned;
                shared.complete(batch, outcome);
                may_remove = true;
            }
            Work::Remove(first) => {
                let (returned, outcome) = run_blocking(tasks.as_ref(), move || {
                    let outcome = writer.remove(first);
                    (writer, outcome)
                })
                .await;
                writer = returned;
                may_remove = outcome.is_ok();
                match outcome {
                    Ok(()) => shared.lock().index.forget(first),
                    Err(error) => {
                        let segment = shared.disk.describe(&segment_path(first));
                        tracing::warn!(?segment, %error, "commit log: could not remove a segment");
                    }
                }
            }
            Work::Wait => shared.work.notified().await,
            Work::End => break,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with this lock")
    }

    fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    fn next_work(&self, may_remove: bool) -> Work {
        let mut state = self.lock();
        if !state.queue.is_empty() {
            let records = state.queue.take_batch();
            return Work::Write(Batch {
                first: state.index.next,
                trims: state.index.take_trims(),
                records,
            });
        }
        if let (Some(first), true) = (state.index.removable(), may_remove) {
            return Work::Remove(first);
        }
        if !state.closed {
            return Work::Wait;
        }
        let trims = state.index.take_trims();
        if trims.is_empty() {
            return Work::End;
        }
        Work::Write(Batch { first: state.index.next, records: Vec::new(), trims })
    }

    /// Enters what was written into the index, then answers: whoever hears that a record is durable
    /// finds it in a replay.
    fn complete(&self, batch: Batch, outcome: Result<Written, LogError>) {
        let mut state = self.lock();
        match outcome {
            Ok(written) => {
                let entries = written.entries.clone();
                state.index.enter(&batch, written);
                drop(state);
                for (nth, (record, _)) in batch.records.into_iter().zip(entries).enumerate() {
                    let position = Position(batch.first.0 + nth as u64);
                    // Whoever made the append may be gone; the record stays.
                    let _ = record.reply.send(Ok(position));
                }
            }
            Err(error) => {
                if !state.closed {
                    let again = batch.trims.into_iter().map(|(stream, _)| stream);
                    state.index.unwritten_trims.extend(again);
                }
                drop(state);
                tracing::error!(%error, records = batch.records.len(), "appends failed");
                for record in batch.records {
                    let _ = record.reply.send(Err(error.clone()));
                }
            }
        }
    }

    fn to_replay(
        &self,
        stream: &StreamName,
    ) -> (Vec<SegmentIndex>, Option<Position>, Option<String>) {
        let state = self.lock();
        let trim = state.index.trims.get(stream).copied();
        let holds = |segment: &&SegmentIndex| segment.streams.contains_key(stream);
        let segments = state.index.segments.iter().filter(holds).map(|segment| SegmentIndex {
            streams: [(stream.clone(), segment.streams[stream].clone())].into(),
            ..SegmentIndex::new(segment.first, segment.salt, segment.bytes)
        });
        let mut damage = state.index.segments.iter().flat_map(|segment| &segment.damage);
        let damage = damage.find(|damage| {
            let concerns = damage.stream.as_ref().is_none_or(|of| of == stream);
            concerns && trim.is_none_or(|trim| trim < damage.upto)
        });
        (segments.collect(), trim, damage.map(|damage| damage.message.clone()))
    }

    /// Visits the records of a stream in one segment; gives the first that went bad since the log
    /// was opened.
    fn replay_segment(
        &self,
        segment: &SegmentIndex,
        stream: &StreamName,
        trim: Option<Position>,
        visit: &mut dyn FnMut(LogRecord) -> Result<(), LogError>,
    ) -> Result<Option<String>, LogError> {
        let path = segment_path(segment.first);
        let shown = self.disk.describe(&path);
        let broken = |error| LogError::Unavailable(format!("{}: {error}", shown.display()));
        let file = match self.disk.open(&path) {
            // Trimmed and removed since the replay began: nobody needs it.
            Err(error) if error.kind() == ErrorKind::NotFound && !self.holds(segment.first) => {
                return Ok(None);
            }
            other => other.map_err(broken)?,
        };
        let mut damage = None;
        for entry in &segment.streams[stream] {
            let position = Position(segment.first.0 + u64::from(entry.ordinal));
            if trim.is_some_and(|trim| position <= trim) {
                continue;
            }
            let mut bytes = vec![0; FRAME_HEADER_LEN + entry.len as usize];
            file.read_exact_at(u64::from(entry.offset), &mut bytes).map_err(broken)?;
            if read_frame(&bytes, segment.salt).is_none() {
                let (shown, offset) = (shown.display(), entry.offset);
                let number = position.0;
                let why = format!("{shown} at byte {offset}: record {number} of {stream} is lost");
                damage = damage.or(Some(why));
                continue;
            }
            let payload = Bytes::from(bytes).slice(FRAME_HEADER_LEN..);
            visit(LogRecord { position, payload })?;
        }
        Ok(damage)
    }

    fn holds(&self, first: Position) -> bool {
        self.lock().index.segments.iter().any(|segment| segment.first == first)
    }
}
