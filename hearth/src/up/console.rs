//! What `hearth up` shows: few and calm lines. Pure.

use std::collections::BTreeMap;

/// What there is to show, by a key that stays the same while the thing does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// From what it is (`target app 127.0.0.1:8080`) to how it is (`up`).
    pub states: BTreeMap<String, String>,
}

impl View {
    /// Adds one thing.
    pub fn put(&mut self, what: impl Into<String>, how: impl Into<String>) {
        self.states.insert(what.into(), how.into());
    }
}

/// Most lines at once; a storm is counted instead of shown.
const LINES_MAX: usize = 40;

/// The lines that tell how `next` differs from `before`.
pub fn changes(before: &View, next: &View) -> Vec<String> {
    let mut lines = Vec::new();
    for (what, how) in &next.states {
        if before.states.get(what) != Some(how) {
            lines.push(format!("{what}  {how}"));
        }
    }
    for what in before.states.keys().filter(|what| !next.states.contains_key(*what)) {
        lines.push(format!("{what}  gone"));
    }
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("... and {more} more changes"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_told() {
        let (mut before, mut next) = (View::default(), View::default());
        before.put("target a", "up");
        before.put("target b", "up");
        before.put("alert x", "firing");
        next.put("target a", "up");
        next.put("target b", "down: connection refused");
        next.put("target c", "up");
        assert_eq!(
            changes(&before, &next),
            ["target b  down: connection refused", "target c  up", "alert x  gone"]
        );
        assert!(changes(&next, &next).is_empty());
    }
}
