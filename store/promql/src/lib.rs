//! PromQL: parse, plan, evaluate; pure and synchronous.
//!
//! A query is plan -> fetch -> evaluate. Time and budget are arguments, data comes in by `source`.

pub mod aggregation;
pub mod aggregation_fold;
pub mod aggregation_k;
pub mod aggregation_values;
pub mod annotations;
pub mod ast;
pub mod binary;
pub mod binary_element;
pub mod binary_set;
pub mod binary_vector;
pub mod budget;
pub mod classic_buckets;
pub mod engine;
pub mod errors;
pub mod eval;
pub mod eval_call;
pub mod eval_range;
pub mod eval_selector;
pub mod eval_series;
pub mod function_table;
pub mod functions_absent;
pub mod functions_calendar;
pub mod functions_changes;
pub mod functions_extended;
pub mod functions_histogram;
pub mod functions_info;
pub mod functions_instant;
pub mod functions_label;
pub mod functions_moments;
pub mod functions_over_time;
pub mod functions_rate;
pub mod functions_sort;
pub mod functions_trend;
pub mod operator;
pub mod options;
pub mod plan;
pub mod plan_build;
pub mod plan_durations;
pub mod source;
pub mod value;
