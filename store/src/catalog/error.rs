//! Why the catalog could not do its work.

use world::bucket::BucketError;
use world::commit_log::LogError;

/// By what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Nothing changed; the same change may be tried again.
    #[error("the change could not be made durable: {0}")]
    Log(#[from] LogError),
    /// A snapshot could not be read or written.
    #[error("catalog snapshot: {0}")]
    Bucket(#[from] BucketError),
    /// The key file could not be read or made.
    #[error("key file {path}: {error}")]
    KeyFile {
        /// Where it is.
        path: String,
        /// What happened.
        error: std::io::Error,
    },
    /// Bytes that are not ours, damaged, or of a newer version.
    #[error("{what} cannot be read: {reason}")]
    Format {
        /// Which file or record.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A record could not be turned into bytes or back.
    #[error("catalog record: {0}")]
    Json(#[from] serde_json::Error),
    /// A sealed secret does not open with this data directory's key.
    #[error("secret {0} does not open with the key of this data directory; put it again")]
    Sealed(String),
    /// The client token came before, with another request.
    #[error("the client token was used before for a different request")]
    TokenReused,
}
