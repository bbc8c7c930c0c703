//! One verdict on what users write.
//!
//! Text in, faults out: the webhook, the controllers, the store, `hearth up` and `hearth check` all
//! ask here, so that the same text gets the same answer everywhere.

pub mod judgement;
pub mod patience;
pub mod verdict;

pub mod manifest;
pub mod manifests;

pub mod pods;
pub mod rule_text;
pub mod schema;
pub mod scrape_warnings;
pub mod scraper_spec;
pub mod selectors;
pub mod specs;

pub mod unit_test_answers;
pub mod unit_test_input;
pub mod unit_test_run;
pub mod unit_tests;
