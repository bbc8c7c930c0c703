//! The bucket: whole objects under names, written once.
//!
//! Only put-if-absent is ever needed: names are numbered or random, content is never overwritten
//! and never compared-and-swapped. What [`Bucket::put_new`] acknowledged is durable and visible to
//! all.

use bytes::Bytes;
use futures::future::BoxFuture;

/// Why the bucket did not answer as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BucketError {
    /// No object of this name.
    #[error("no object {0:?} in the bucket")]
    NotFound(String),
    /// The range lies outside the object.
    #[error("object {name:?}: no bytes {offset}..{end}")]
    OutOfRange {
        /// The object.
        name: String,
        /// First byte asked for.
        offset: u64,
        /// One past the last byte asked for.
        end: u64,
    },
    /// The bucket is out of reach, full or broken: worth another try.
    #[error("bucket: {0}")]
    Unavailable(String),
}

/// What became of a put-if-absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is there now, durable.
    Created,
    /// The name was taken; nothing changed.
    Exists,
}

/// One object in a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectMeta {
    /// The whole name, `/` between its parts.
    pub name: String,
    /// Bytes.
    pub len: u64,
}

/// Whole objects under names.
pub trait Bucket: Send + Sync + 'static {
    /// Stores an object unless the name is taken.
    fn put_new(&self, name: &str, content: Bytes) -> BoxFuture<'_, Result<Put, BucketError>>;

    /// The whole object.
    fn get(&self, name: &str) -> BoxFuture<'_, Result<Bytes, BucketError>>;

    /// `len` bytes from `offset`.
    fn get_range(
        &self,
        name: &str,
        offset: u64,
        len: u64,
    ) -> BoxFuture<'_, Result<Bytes, BucketError>>;

    /// The last `len` bytes (the whole object if it is shorter) and the object's length.
    fn get_tail(&self, name: &str, len: u64) -> BoxFuture<'_, Result<(Bytes, u64), BucketError>>;

    /// All objects whose name begins with `prefix`, sorted by name.
    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<ObjectMeta>, BucketError>>;

    /// Removes an object; fine where there is none.
    fn delete(&self, name: &str) -> BoxFuture<'_, Result<(), BucketError>>;
}
