//! Where the segments lie, and where in them a record does.

use std::path::PathBuf;

use crate::commit_log::Position;

/// The folder of the segments, within the data directory.
pub const LOG_DIR: &str = "log";
/// Evidence: damaged segments get a second name here, which is never removed by the program.
pub const DAMAGED_DIR: &str = "log/damaged";

/// A segment that has no name yet; means nothing after a restart.
pub const DRAFT: &str = "log/next.draft";

/// The path of the segment that begins at `first`.
pub fn segment_path(first: Position) -> PathBuf {
    PathBuf::from(format!("{LOG_DIR}/{:016x}.seg", first.0))
}

/// The first position of a segment, from its file name.
pub fn segment_first(name: &str) -> Option<Position> {
    let digits = name.strip_suffix(".seg")?;
    let lower = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (digits.len() == 16 && lower).then(|| u64::from_str_radix(digits, 16).ok().map(Position))?
}

/// One record in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Position less the segment's first.
    pub ordinal: u32,
    /// Of the frame, from the start of the file.
    pub offset: u32,
    /// Bytes of the payload.
    pub len: u32,
}
