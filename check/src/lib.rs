//! One verdict on what users write.
//!
//! Text in, faults out: the webhook, the controllers, the store, `hearth up` and `hearth check` all
//! ask here, so that the same text gets the same answer everywhere.

pub mod manifest;
pub mod manifests;
pub mod specs;
pub mod verdict;

pub mod patience;
pub mod unit_test_answers;
pub mod unit_test_input;
pub mod unit_test_run;
pub mod unit_tests;
