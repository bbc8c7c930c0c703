//! Where the samples go.

use bytes::Bytes;
use futures::future::BoxFuture;

/// Takes remote write requests. In one process this is the store's own router, over the network a
/// client: the bytes are the same.
pub trait WriteDestination: Send + Sync {
    /// Delivers one request. `Err`: no answer came, try again later.
    fn write(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, String>>;
}
