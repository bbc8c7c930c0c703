//! How disk and bucket fail.
//!
//! All numbers are times in a thousand.

/// Faults of the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskFaults {
    /// An append writes only its first bytes and fails.
    pub append: u64,
    /// A sync fails. Some of what was to be synced is on the disk then, and what is not will never
    /// be, whatever later syncs say.
    pub sync: u64,
    /// Creating, linking, renaming, removing, opening, syncing of a folder fails without effect.
    pub names: u64,
    /// The disk holds no more bytes than this.
    pub bytes_max: Option<u64>,
}

/// Faults of the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketFaults {
    /// A request fails without effect.
    pub request: u64,
    /// A put or delete is done, and its caller is told that it failed.
    pub lost_reply: u64,
}
