//! PromQL: parse, plan, evaluate; pure and synchronous.
//!
//! A query is plan -> fetch -> evaluate. Time and budget are arguments, data comes in by `source`.

pub mod ast;
pub mod function_table;
pub mod go_float;
pub mod lexer;
mod lexer_number;
mod literal;
pub mod operator;
pub mod options;
pub mod parse_error;
pub mod parser;
mod parser_call;
mod parser_duration;
mod parser_operator;
mod parser_selector;
pub mod printer;
pub mod source;
pub mod token;
pub mod type_check;
pub mod value;
