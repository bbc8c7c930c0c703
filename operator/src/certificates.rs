//! The operator's certificate authority, and tokens.
//!
//! One authority in the Secret `hearth-operator-ca` signs the certificates of stores, collectors
//! and the webhook. It is replaced with overlap: the next one is trusted a while before it signs,
//! and the previous one as long as certificates of it may be about.

pub mod authority;
pub mod authority_secret;
pub mod issuing;
pub mod leaf;
pub mod leaf_secret;
pub mod rotation;
pub mod serving;
pub mod tokens;
