//! Routes, groups, silences, messages.
//!
//! One [`alertmanager::AlertManager`] serves one workspace. What decides is pure and stands in
//! `state` and the files below it; `alertmanager`, `notify` and the receivers only do.

pub mod alert;
pub mod alertmanager;
pub mod api;
mod attempt;
pub mod default_templates;
pub mod group;
pub mod http_client;
pub mod inhibition;
pub mod journal;
pub mod matcher_index;
pub mod message;
pub mod notification_log;
pub mod notify;
pub mod outcome;
pub mod plan;
pub mod ports;
pub mod receiver_sns;
pub mod receiver_webhook;
pub mod route;
pub mod silence;
pub mod sns_message;
pub mod state;
pub mod time_interval;
