//! Hostile bytes for `check`.

use check::manifests::read;

/// Manifests. Every fault has a place within the text, so that people find it.
pub fn manifests(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let reading = read(text);
    let lines = text.split('\n').count() as u32 + 1;
    for fault in &reading.faults {
        assert!(fault.line <= lines, "{fault}: the text has {lines} lines");
    }
}
