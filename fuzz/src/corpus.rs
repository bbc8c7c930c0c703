//! Walks the seeds of a target; for the tests of the crates.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Far more than any seed takes in a debug build on a busy machine; a loop without end takes
/// longer.
const SECONDS_MAX: u64 = 20;
/// Of all seeds of a test program together. Seeds are small: more means that a number in a file was
/// believed.
const RESIDENT_KIB_MAX: u64 = 1 << 20;

/// Runs every seed of `target` through `body`; names the seed where it panics or takes too long.
pub fn each(target: &str, body: fn(&[u8])) {
    let folder = corpus_folder().join(target);
    let entries = std::fs::read_dir(&folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the corpus can be listed").path()).collect();
    seeds.sort();
    assert!(seeds.len() >= 3, "{} has too few seeds", folder.display());
    for seed in seeds {
        let bytes = std::fs::read(&seed);
        let bytes = bytes.unwrap_or_else(|error| panic!("{}: {error}", seed.display()));
        let began = Instant::now();
        let ended = std::panic::catch_unwind(|| body(&bytes));
        assert!(ended.is_ok(), "{} breaks a promise", seed.display());
        let took = began.elapsed();
        assert!(took < Duration::from_secs(SECONDS_MAX), "{} took {took:?}", seed.display());
    }
    if let Some(kib) = resident_kib_max() {
        assert!(kib < RESIDENT_KIB_MAX, "the seeds of {target} took {kib} KiB of memory");
    }
}

fn corpus_folder() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = here.ancestors().map(|folder| folder.join("fuzz/corpus"));
    folders.find(|folder| folder.is_dir()).expect("the corpus is part of the repository")
}

// The high-water mark of this process; only Linux tells.
fn resident_kib_max() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
