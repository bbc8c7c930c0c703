//! Words that the black box tests use.

pub mod base64;
pub mod binary;
pub mod eventually;
pub mod exporter;
pub mod foreign;
pub mod inbox;
pub mod install;
pub mod kubernetes;
pub mod process;
pub mod remote_write;
pub mod scene;
pub mod workspace;
