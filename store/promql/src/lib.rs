//! PromQL: parse, plan, evaluate; pure and synchronous.
//!
//! A query is plan -> fetch -> evaluate. Time and budget are arguments, data comes in by `source`.

pub mod source;
pub mod value;
