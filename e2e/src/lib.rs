//! Words that the black box tests use.

pub mod binary;
pub mod eventually;
pub mod exporter;
pub mod inbox;
pub mod kubernetes;
pub mod process;
pub mod remote_write;
