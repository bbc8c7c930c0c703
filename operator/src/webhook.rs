//! The validating admission webhook: what CEL cannot say.
//!
//! ```text
//! API server --HTTPS--> server -> review (pure) -> check::verdict
//!                         ^ certificate (of the operator's authority)
//! ValidatingWebhookConfiguration.caBundle <- configuration
//! ```
//!
//! Every replica serves; none of them writes anything for a request, so that a dry run is the same.
//! The chart says `failurePolicy: Ignore`: the controllers repeat each check, and a webhook that is
//! away refuses nobody.

pub mod certificate;
pub mod configuration;
pub mod review;
pub mod server;

#[cfg(test)]
mod tests;
