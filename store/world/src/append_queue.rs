//! What waits to be written to the log, in order.
//!
//! Two parts. *Admitted* appends will be written whether or not their caller still waits; they are
//! bounded by count and bytes. Behind them stands a *line* of appends whose callers wait: each
//! costs only what its caller holds anyway, and leaves when its caller goes away.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::commit_log::{LogError, Position, StreamName};

/// Bytes of admitted appends: two of the largest records, half a second of a fast disk.
pub const QUEUE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Admitted appends: their bookkeeping stays under 2 MiB.
pub const QUEUE_RECORDS_MAX: usize = 16 * 1024;
/// Bytes of one batch, unless a single record is larger: the time to write it bounds how long the
/// next append waits.
pub const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One append on its way.
#[derive(Debug)]
pub struct Pending {
    /// Where it goes.
    pub stream: StreamName,
    /// What is to be kept.
    pub payload: Bytes,
    /// Told when it is durable, or that it is not.
    pub reply: oneshot::Sender<Result<Position, LogError>>,
}

/// Place in the line; see [`AppendQueue::leave`].
pub type Ticket = u64;

/// Appends in the order of their calls.
#[derive(Debug, Default)]
pub struct AppendQueue {
    admitted: VecDeque<Pending>,
    admitted_bytes: usize,
    line: BTreeMap<Ticket, Pending>,
    next_ticket: Ticket,
}

impl AppendQueue {
    /// Puts an append at the end; a ticket where it has to stand in line.
    pub fn push(&mut self, pending: Pending) -> Option<Ticket> {
        if self.line.is_empty() && self.has_room(pending.payload.len()) {
            self.admit(pending);
            return None;
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.line.insert(ticket, pending);
        Some(ticket)
    }

    /// The caller went away; no effect once the append was admitted.
    pub fn leave(&mut self, ticket: Ticket) {
        self.line.remove(&ticket);
    }

    /// The oldest appends, as many as make one batch; then lets others in from the line.
    pub fn take_batch(&mut self) -> Vec<Pending> {
        let mut bytes = 0;
        let mut count = 0;
        for pending in &self.admitted {
            bytes += pending.payload.len();
            if count > 0 && bytes > BATCH_BYTES_MAX {
                break;
            }
            count += 1;
        }
        let batch: Vec<Pending> = self.admitted.drain(..count).collect();
        self.admitted_bytes -= batch.iter().map(|pending| pending.payload.len()).sum::<usize>();
        self.let_in();
        batch
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.admitted.is_empty() && self.line.is_empty()
    }

    fn let_in(&mut self) {
        while let Some(first) = self.line.first_entry() {
            let len = first.get().payload.len();
            let has_room = self.admitted.is_empty()
                || (self.admitted.len() < QUEUE_RECORDS_MAX
                    && self.admitted_bytes + len <= QUEUE_BYTES_MAX);
            if !has_room {
                break;
            }
            let pending = first.remove();
            self.admit(pending);
        }
    }

    fn has_room(&self, len: usize) -> bool {
        self.admitted.len() < QUEUE_RECORDS_MAX && self.admitted_bytes + len <= QUEUE_BYTES_MAX
    }

    fn admit(&mut self, pending: Pending) {
        self.admitted_bytes += pending.payload.len();
        self.admitted.push_back(pending);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(tag: usize, len: usize) -> Pending {
        let (reply, _) = oneshot::channel();
        let stream = StreamName::new(format!("s/{tag}"));
        Pending { stream, payload: Bytes::from(vec![0; len]), reply }
    }

    fn names(batch: &[Pending]) -> Vec<&str> {
        batch.iter().map(|pending| pending.stream.as_str()).collect()
    }

    #[test]
    fn keeps_the_order_through_the_line() {
        let mut queue = AppendQueue::default();
        assert_eq!(queue.push(pending(0, QUEUE_BYTES_MAX / 2)), None);
        assert_eq!(queue.push(pending(1, QUEUE_BYTES_MAX / 2)), None);
        assert!(queue.push(pending(2, 1)).is_some());
        assert!(queue.push(pending(3, 0)).is_some(), "nobody passes those who stand in line");
        assert_eq!(names(&queue.take_batch()), ["s/0"]);
        assert_eq!(names(&queue.take_batch()), ["s/1"]);
        assert_eq!(names(&queue.take_batch()), ["s/2", "s/3"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn who_leaves_the_line_is_not_written() {
        let mut queue = AppendQueue::default();
        for tag in 0..QUEUE_RECORDS_MAX {
            assert_eq!(queue.push(pending(tag, 1)), None);
        }
        let ticket = queue.push(pending(1_000_000, 1)).expect("full");
        let stays = queue.push(pending(2_000_000, 1)).expect("full");
        queue.leave(ticket);
        assert_eq!(queue.take_batch().len(), QUEUE_RECORDS_MAX);
        queue.leave(stays);
        assert_eq!(names(&queue.take_batch()), ["s/2000000"], "admitted before it left");
    }
}
