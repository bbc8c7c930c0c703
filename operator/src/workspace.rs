//! Workspace: a tenant in a store, and what hangs on it.
//!
//! The controller finds the workspace by its owner or makes it, makes configuration and tags right,
//! takes in foreign rules and removes what nobody asks for any more. [`stores`] and [`reference`]
//! serve the kinds that refer to a Workspace, too.

pub mod controller;
pub mod letting_go;
pub mod pruning;
pub mod reference;
pub mod status;
pub mod stores;
pub mod trouble;
pub mod verdicts;
