//! File patterns: `rules/*.yml`, as Go reads them.
//!
//! The rules of `filepath.Glob`: `*` any characters, `?` one, `[a-z]` one of a class, `[^a-z]` one
//! that is not of it, `\x` the character itself; none of them goes across a slash. Names that begin
//! with a dot are no exception.

use std::path::{Component, Path, PathBuf};

use crate::yaml_files::FILES_MAX;

/// What is wrong with a pattern, or with the folders it leads into.
#[derive(Debug, thiserror::Error)]
pub enum GlobError {
    /// A class that does not end, or a backslash with nothing behind it.
    #[error("malformed pattern {0:?}")]
    Malformed(String),
    /// A pattern that is too wide.
    #[error("pattern {0:?} fits more than the limit of {FILES_MAX} files")]
    TooMany(String),
}

/// The files and folders below `base` that fit, sorted; folders that cannot be read fit nothing.
pub fn find(base: &Path, pattern: &str) -> Result<Vec<PathBuf>, GlobError> {
    let root = if Path::new(pattern).is_absolute() { Path::new("/") } else { base };
    let mut found = vec![root.to_owned()];
    for part in Path::new(pattern).components() {
        let part = match part {
            Component::RootDir | Component::CurDir | Component::Prefix(_) => continue,
            Component::ParentDir => "..".to_owned(),
            Component::Normal(part) => part.to_string_lossy().into_owned(),
        };
        let mut next = Vec::new();
        for folder in &found {
            step(folder, &part, &mut next)
                .ok_or_else(|| GlobError::Malformed(pattern.to_owned()))?;
            if next.len() > FILES_MAX {
                return Err(GlobError::TooMany(pattern.to_owned()));
            }
        }
        found = next;
    }
    found.sort();
    Ok(found)
}

/// What fits one part of the pattern; `None` where the part is malformed.
fn step(folder: &Path, part: &str, found: &mut Vec<PathBuf>) -> Option<()> {
    let pattern: Vec<char> = part.chars().collect();
    fits(&pattern, &[])?;
    if !part.contains(['*', '?', '[', '\\']) {
        let path = folder.join(part);
        found.extend(path.exists().then_some(path));
        return Some(());
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name: Vec<char> = entry.file_name().to_string_lossy().chars().collect();
        if fits(&pattern, &name)? {
            found.push(entry.path());
        }
    }
    Some(())
}

/// Whether a name fits; `None` where the pattern is malformed. The last star alone is tried again,
/// so that no pattern takes long.
fn fits(pattern: &[char], name: &[char]) -> Option<bool> {
    let (mut at, mut here) = (0, 0);
    let mut star = None;
    well_formed(pattern)?;
    while here < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, here));
            at += 1;
            continue;
        }
        match one(&pattern[at..], name[here]) {
            Some(width) => (at, here) = (at + width, here + 1),
            None => {
                let Some((after, from)) = star else { return Some(false) };
                star = Some((after, from + 1));
                (at, here) = (after, from + 1);
            }
        }
    }
    Some(pattern[at..].iter().all(|sign| *sign == '*'))
}

/// The width of the pattern's first sign where it fits the character.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', sign, ..] => (*sign == c).then_some(2),
        ['[', ..] => {
            let (width, holds) = class(pattern, c)?;
            holds.then_some(width)
        }
        [sign, ..] => (*sign == c).then_some(1),
        [] => None,
    }
}

/// The width of a class, and whether it holds the character.
fn class(pattern: &[char], c: char) -> Option<(usize, bool)> {
    let negated = pattern.get(1) == Some(&'^');
    let mut at = if negated { 2 } else { 1 };
    let (mut holds, first) = (false, at);
    while at == first || pattern.get(at) != Some(&']') {
        let (from, width) = sign(&pattern[at..])?;
        at += width;
        let mut to = from;
        if pattern.get(at) == Some(&'-') {
            let (end, width) = sign(&pattern[at + 1..])?;
            (to, at) = (end, at + 1 + width);
        }
        holds |= (from..=to).contains(&c);
    }
    Some((at + 1, holds != negated))
}

/// One character inside a class, and its width.
fn sign(pattern: &[char]) -> Option<(char, usize)> {
    match pattern {
        ['\\', sign, ..] => Some((*sign, 2)),
        ['\\' | '-' | ']', ..] | [] => None,
        [sign, ..] => Some((*sign, 1)),
    }
}

fn well_formed(pattern: &[char]) -> Option<()> {
    let mut at = 0;
    while at < pattern.len() {
        at += match pattern[at] {
            '[' => class(&pattern[at..], ' ')?.0,
            '\\' if at + 1 == pattern.len() => return None,
            '\\' => 2,
            _ => 1,
        };
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pattern: &str, name: &str) -> Option<bool> {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        fits(&chars(pattern), &chars(name))
    }

    #[test]
    fn patterns_fit_as_in_go() {
        for (pattern, name, fit) in [
            ("*.yml", "a.yml", true),
            ("*.yml", ".yml", true),
            ("*.yml", "a.yaml", false),
            ("a*b*c", "aXXbYYc", true),
            ("a*b*c", "aXXbYY", false),
            ("?.yml", "a.yml", true),
            ("?.yml", "ab.yml", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("\\*x", "*x", true),
            ("\\*x", "ax", false),
        ] {
            assert_eq!(told(pattern, name), Some(fit), "{pattern} {name}");
        }
        for malformed in ["[", "[a", "[]", "a\\", "[a-]", "[-a]"] {
            assert_eq!(told(malformed, "a"), None, "{malformed}");
        }
    }

    #[test]
    fn files_are_found_below_the_base() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for folder in ["one", "two"] {
            std::fs::create_dir(dir.path().join(folder)).expect("a new folder");
            std::fs::write(dir.path().join(folder).join("r.yml"), "").expect("a new file");
        }
        let found = |pattern: &str| find(dir.path(), pattern).expect("a good pattern");
        assert_eq!(found("*/r.yml").len(), 2);
        assert_eq!(found("one/../two/r.yml").len(), 1);
        assert_eq!(found("o*/[r].y?l"), [dir.path().join("one/r.yml")]);
        assert_eq!(found("three/*"), Vec::<PathBuf>::new());
        let whole = dir.path().join("*/r.yml");
        assert_eq!(found(&whole.to_string_lossy()).len(), 2);
    }
}
