//! Go templates with Go's rules.
//!
//! Syntax and HTML escaping come from the `gotmpl` crate; looking up, calling and printing are done
//! here the way Go's `text/template` and `fmt` do, under limits, since templates come from tenants.
//! Rendering is pure: data, functions and limits in, text out.

pub mod error;
pub mod value;

pub mod limits;
pub mod set;

pub mod functions;
pub mod functions_alert;
pub mod functions_rule;

pub mod data;
pub mod go_time;

mod bounded;
mod builtins;
mod exec;
mod go_layout;
mod html;
mod humanize;
mod json;
mod look_up;
mod numbers;
mod print;
mod printf;
mod regexes;
mod syntax;
mod time_methods;
