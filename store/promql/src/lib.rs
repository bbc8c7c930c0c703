//! PromQL: parse, plan, evaluate; pure and synchronous.
//!
//! A query is plan -> fetch -> evaluate. Time and budget are arguments, data comes in by `source`.

pub mod ast;
pub mod function_table;
pub mod operator;
pub mod options;
pub mod source;
pub mod value;
