//! `hearth check`: judges what users write.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use check::manifests::TEXT_BYTES_MAX;
use check::verdict;

use crate::cli::CheckArgs;

/// Prints `FILE:LINE:COLUMN: field: message` for each fault; 0 all good, 1 something is wrong.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let mut files = Vec::new();
    for path in &args.files {
        gather(path, &mut files)?;
    }
    let mut out = std::io::stdout().lock();
    let mut wrong = false;
    for file in &files {
        let text = read(file)?;
        for fault in verdict::judge(&text).faults {
            wrong = true;
            writeln!(out, "{}:{}:{}: {}", file.display(), fault.line.max(1), fault.column.max(1), {
                let separator = if fault.path.is_empty() { "" } else { ": " };
                format!("{}{separator}{}", fault.path, fault.message)
            })?;
        }
    }
    Ok(if wrong { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir(path)
        .with_context(|| path.display().to_string())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    found.retain(|file| file.extension().is_some_and(|ext| ext == "yaml" || ext == "yml"));
    found.sort();
    files.append(&mut found);
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<String> {
    let size = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
    anyhow::ensure!(
        size <= TEXT_BYTES_MAX as u64,
        "{}: {size} bytes exceed the limit of {TEXT_BYTES_MAX} bytes",
        file.display()
    );
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}
