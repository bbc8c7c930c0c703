//! Rule groups and their alerts.
//!
//! A group is evaluated on slots that are the same on every machine and after every restart; what
//! it decides is decided by pure code (`alerting`, `recording`, `schedule`, `restore`), what it
//! does goes through ports. Begin with `manager`, then `group`.

pub mod ports;
pub mod spec;

pub mod alerting;
pub mod recording;
pub mod restore;
pub mod schedule;

pub mod expansion;
pub mod group;
pub mod group_state;
pub mod journal;
pub mod manager;
pub mod memory;
pub mod rehearsal;

pub mod api;
pub mod check;
pub mod status;
