//! The store's control API: asked, and made right.
//!
//! One code for the operator and for `hearth up`: object by object it compares what is wanted with
//! what is there and changes the difference, in the name of the object's owner. How a request
//! reaches a store is behind [`transport::Transport`].

pub mod client;
pub mod configuration;
pub mod definitions;
pub mod error;
pub mod health;
pub mod https;
pub mod owner;
pub mod prune;
pub mod secrets;
pub mod tags;
pub mod transport;
pub mod wanted;
pub mod workspaces;
