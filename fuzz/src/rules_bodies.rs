//! Hostile bytes for `rules`.

use rules::journal::decode;

/// A record of the journal of alert state.
pub fn rules_journal(bytes: &[u8]) {
    let _ = decode(bytes);
}
