//! Words that the black box tests use.

pub mod api_collectors;
pub mod api_install;
pub mod api_server;
pub mod audit;
pub mod base64;
pub mod binary;
pub mod eventually;
pub mod exporter;
pub mod foreign;
pub mod inbox;
pub mod install;
pub mod kubernetes;
pub mod pod_process;
pub mod process;
pub mod remote_write;
pub mod role;
pub mod scene;
pub mod workspace;
