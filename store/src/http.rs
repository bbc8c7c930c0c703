//! HTTP: routes, access, bodies, answers.

pub mod answer;
pub mod data_action;
pub mod params;
pub mod routes;
