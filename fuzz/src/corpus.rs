//! Walks the seeds of a target; for the tests of the crates.
//!
//! First every seed as it is, then what edits make of the seeds: bytes set, cut out, put in,
//! repeated, another seed's end glued on. The edits are the same in every run; the fuzzer has the
//! others.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Far more than any seed takes in a debug build on a busy machine; a loop without end takes
/// longer.
const SECONDS_MAX: u64 = 20;
/// Of all seeds of a test program together. Seeds are small: more means that a number in a file was
/// believed.
const RESIDENT_KIB_MAX: u64 = 1 << 20;
/// Edited seeds of a target: seconds in a debug build.
const EDITED_SEEDS: u32 = 128;

/// Runs every seed of `target` through `body`, then edited ones; shows the bytes where it panics or
/// takes too long.
pub fn each(target: &str, body: fn(&[u8])) {
    let seeds = seeds(target);
    for (path, bytes) in &seeds {
        let began = Instant::now();
        let ended = std::panic::catch_unwind(|| body(bytes));
        assert!(ended.is_ok(), "{} breaks a promise", path.display());
        let took = began.elapsed();
        assert!(took < Duration::from_secs(SECONDS_MAX), "{} took {took:?}", path.display());
    }
    let seeds: Vec<Vec<u8>> = seeds.into_iter().map(|(_, bytes)| bytes).collect();
    edited(target, seeds, body);
    if let Some(kib) = resident_kib_max() {
        assert!(kib < RESIDENT_KIB_MAX, "the seeds of {target} took {kib} KiB of memory");
    }
}

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = corpus_folder().join(target);
    let entries = std::fs::read_dir(&folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the corpus can be listed").path()).collect();
    paths.sort();
    assert!(paths.len() >= 3, "{} has too few seeds", folder.display());
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path);
        let bytes = bytes.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

fn edited(target: &str, seeds: Vec<Vec<u8>>, body: fn(&[u8])) {
    let config = Config { cases: EDITED_SEEDS, failure_persistence: None, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, random);
    let strategy = (any::<Index>(), prop::collection::vec(edit(), 1..6));
    let strategy = strategy.prop_map(move |(seed, edits)| {
        let start = seed.get(&seeds).clone();
        Shown(edits.iter().fold(start, |bytes, edit| edit.done(bytes, &seeds)))
    });
    let outcome = runner.run(&strategy, |Shown(bytes)| {
        let began = Instant::now();
        body(&bytes);
        let took = began.elapsed();
        let fast = took < Duration::from_secs(SECONDS_MAX);
        if fast { Ok(()) } else { Err(TestCaseError::fail(format!("it took {took:?}"))) }
    });
    if let Err(fault) = outcome {
        panic!("{target}, put the bytes into fuzz/corpus/{target} to keep the case:\n{fault}");
    }
}

/// Bytes, shown as they can be pasted into a `b"..."`.
struct Shown(Vec<u8>);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    Repeat(Index, usize, usize),
    Glue(Index, Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(place, byte)| Edit::Set(place, byte)),
        1 => at().prop_map(Edit::Cut),
        2 => (at(), 1..16usize).prop_map(|(place, bytes)| Edit::Remove(place, bytes)),
        2 => (at(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(place, bytes)| Edit::Insert(place, bytes)),
        2 => (at(), 1..24usize, 1..40usize).prop_map(|(a, len, times)| Edit::Repeat(a, len, times)),
        2 => (at(), at(), at()).prop_map(|(here, seed, there)| Edit::Glue(here, seed, there)),
    ]
}

impl Edit {
    fn done(&self, mut bytes: Vec<u8>, seeds: &[Vec<u8>]) -> Vec<u8> {
        let place = |index: &Index, bytes: &[u8]| index.index(bytes.len() + 1);
        match self {
            Self::Set(at, byte) => {
                let at = place(at, &bytes);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Self::Cut(at) => bytes.truncate(place(at, &bytes)),
            Self::Remove(at, len) => {
                let at = place(at, &bytes);
                drop(bytes.drain(at..bytes.len().min(at + len)));
            }
            Self::Insert(at, more) => {
                let at = place(at, &bytes);
                drop(bytes.splice(at..at, more.iter().copied()));
            }
            Self::Repeat(at, len, times) => {
                let at = place(at, &bytes);
                let more = bytes[at..bytes.len().min(at + len)].repeat(*times);
                drop(bytes.splice(at..at, more));
            }
            Self::Glue(at, seed, from) => {
                bytes.truncate(place(at, &bytes));
                let other = seed.get(seeds);
                bytes.extend_from_slice(&other[place(from, other)..]);
            }
        }
        bytes
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
