//! The YAML files of a folder, and their texts.

use std::path::{Path, PathBuf};

use check::manifests::TEXT_BYTES_MAX;

/// Most files of a folder; a folder of more is a mistake on the command line.
pub const FILES_MAX: usize = 10_000;

/// A path itself, or the .yaml and .yml files of a folder, in order of their names.
pub fn list(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let listing = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = listing.map_err(|error| error.to_string())?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ext| ext == "yaml" || ext == "yml"));
    files.sort();
    if files.len() > FILES_MAX {
        return Err(format!("{} files exceed the limit of {FILES_MAX} a folder", files.len()));
    }
    Ok(files)
}

/// The text of a file, unless it is larger than any that Hearth takes.
pub fn read(file: &Path) -> Result<String, String> {
    let too_large = std::fs::metadata(file).is_ok_and(|meta| meta.len() > TEXT_BYTES_MAX as u64);
    if too_large {
        return Err(format!("file exceeds the limit of {TEXT_BYTES_MAX} bytes"));
    }
    std::fs::read_to_string(file).map_err(|error| error.to_string())
}
