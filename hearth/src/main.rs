//! The binary: one executable, every role.

mod check_command;
mod cli;
mod crds_command;
mod glob;
mod kubernetes_reviews;
mod logging;
mod operator_command;
mod process_reader;
mod query;
mod scraper_command;
mod serve;
mod status_reviews;
mod token_reviews;
mod up;
mod yaml_files;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

/// One allocator for every role, benched as shipped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("this is the first call in the process");
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            // Standard error may be closed: then nobody is there to be told.
            let _ = writeln!(std::io::stderr(), "hearth: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { log_format, log_level, command } = cli;
    logging::start(log_format, &log_level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command {
        Command::Up(args) => runtime.block_on(up::run(args)).map(|()| ExitCode::SUCCESS),
        Command::Store(args) => runtime.block_on(serve::run(args)).map(|()| ExitCode::SUCCESS),
        Command::Scraper(args) => {
            runtime.block_on(scraper_command::run(args)).map(|()| ExitCode::SUCCESS)
        }
        Command::Operator(args) => {
            runtime.block_on(operator_command::run(args)).map(|()| ExitCode::SUCCESS)
        }
        Command::Check(args) => check_command::run(&args),
        Command::Crds => crds_command::run().map(|()| ExitCode::SUCCESS),
        Command::Query(args) => runtime.block_on(query::run(args)).map(|()| ExitCode::SUCCESS),
    }
}
