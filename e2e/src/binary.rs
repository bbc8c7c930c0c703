//! Where the built binary is.

use std::path::PathBuf;

/// `HEARTH_BIN`, or `hearth` beside the folder of the test's own executable.
///
/// # Panics
/// Where it is not built: the tests speak to the real thing or not at all.
pub fn hearth() -> PathBuf {
    if let Some(path) = std::env::var_os("HEARTH_BIN") {
        return PathBuf::from(path);
    }
    let own = std::env::current_exe().expect("a running test has a path");
    let beside = own.parent().and_then(|deps| deps.parent()).map(|dir| dir.join("hearth"));
    let path = beside.expect("tests lie in target/PROFILE/deps");
    assert!(path.exists(), "{} is not built: run `make test`, or set HEARTH_BIN", path.display());
    path
}
