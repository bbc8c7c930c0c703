//! Runs a test under one seed or many.
//!
//! `HEARTH_SIM_SEEDS=n` runs n seeds in place of the test's own number, `HEARTH_SIM_SEED=s` runs
//! just that one. A failure says how to run it again.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::sim::Sim;

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome<T> {
    /// What the test gave.
    pub value: T,
    /// The hash of all that happened.
    pub trace: u64,
}

/// Runs a test in a world made from `seed`.
pub fn run<T, Fut>(seed: u64, test: impl FnOnce(Sim) -> Fut) -> Outcome<T>
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let sim = Sim::new(seed);
    let executor = sim.executor.clone();
    let value = executor.block_on(test(sim));
    let trace = executor.trace();
    executor.clear();
    Outcome { value, trace }
}

/// Runs a test under many seeds. `test_file` is the name of the test's file, for the command that
/// a failure prints.
///
/// # Panics
/// Where the test does, with that command.
pub fn for_each_seed<Fut>(test_file: &str, seeds: u64, test: impl Fn(Sim) -> Fut)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    for seed in chosen_seeds(seeds) {
        let outcome = catch_unwind(AssertUnwindSafe(|| run(seed, &test)));
        if let Err(panic) = outcome {
            let what = panic.downcast_ref::<String>().map(String::as_str);
            let what = what.or_else(|| panic.downcast_ref::<&str>().copied());
            let Some(what) = what else { resume_unwind(panic) };
            panic!(
                "seed {seed}: {what}\n\
                 to run it again: HEARTH_SIM_SEED={seed} cargo test -p sim --test {test_file}"
            );
        }
    }
}

fn chosen_seeds(seeds: u64) -> Vec<u64> {
    if let Some(seed) = number_from_environment("HEARTH_SIM_SEED") {
        return vec![seed];
    }
    (0..number_from_environment("HEARTH_SIM_SEEDS").unwrap_or(seeds)).collect()
}

#[expect(clippy::disallowed_methods, reason = "which seeds to run is asked by the person who runs")]
fn number_from_environment(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    let number = value.parse();
    Some(number.unwrap_or_else(|_| panic!("{name}={value:?} is not a number")))
}
