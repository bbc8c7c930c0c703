//! YAML to types, with the place of what is wrong.
//!
//! Bounded: the size of the text by the caller's limit, nesting, aliases and events by the parser's
//! budget.

use serde::de::DeserializeOwned;

use crate::fault::Fault;

/// Reads one document. Unknown fields are refused by the types themselves.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_saphyr::from_str(text).map_err(|error| to_fault(text, &error))
}

fn to_fault(text: &str, error: &serde_saphyr::Error) -> Fault {
    let (line, column) =
        error.location().map_or((0, 0), |place| (place.line() as u32, place.column() as u32));
    let message = error.without_snippet().to_string();
    // The parser repeats the place behind its message; the fault carries it apart.
    let message = message.split(" at line ").next().unwrap_or_default();
    let message = message.lines().next().unwrap_or_default().trim_end_matches('.').to_owned();
    Fault { line, column, path: path_at(text, line), message }
}

/// The path of the field on `line` (from 1), found by walking up the indentation.
///
/// Good for block style, which is what people write; flow style gives the path of its first line.
pub fn path_at(text: &str, line: u32) -> String {
    let lines: Vec<&str> = text.lines().take(line as usize).collect();
    let mut parts: Vec<String> = Vec::new();
    // A parent's key stands left of its child's key, or not right of its child's dash.
    let (mut below, mut from_item) = (usize::MAX, false);
    for (at, text) in lines.iter().enumerate().rev() {
        let Some((indent, key)) = key_of(text) else { continue };
        let dash = text.len() - text.trim_start().len();
        let item = indent > dash;
        let parent = if from_item { indent <= below } else { indent < below };
        let first_key_of_same_item = item && !from_item && indent == below;
        if (from_item && item && dash >= below) || !(parent || first_key_of_same_item) {
            continue;
        }
        if parent {
            parts.push(key.to_owned());
        }
        if item {
            parts.push(format!("[{}]", item_number(&lines[..at], dash)));
        }
        (below, from_item) = (dash, item);
        if dash == 0 && !item {
            break;
        }
    }
    let mut path = String::new();
    for part in parts.iter().rev() {
        if !path.is_empty() && !part.starts_with('[') {
            path.push('.');
        }
        path.push_str(part);
    }
    path
}

/// Line and column, from 1, of the field with this path; of its nearest parent that has a line of its
/// own; (0, 0) where not even that is there.
pub fn place_of(text: &str, path: &str) -> (u32, u32) {
    let mut wanted = path;
    while !wanted.is_empty() {
        let last = wanted.rsplit(['.', '[']).next().unwrap_or(wanted).trim_end_matches(']');
        for (at, line) in text.lines().enumerate() {
            // Looking up the path of a line is dear: only do it where the line can be the one.
            let number = last.parse::<usize>().is_ok();
            if !(number && line.trim_start().starts_with('-') || line.contains(last)) {
                continue;
            }
            let found = path_at(text, at as u32 + 1);
            if found == wanted || (number && found.starts_with(wanted)) {
                let column = line.len() - line.trim_start().trim_start_matches("- ").len() + 1;
                return (at as u32 + 1, column as u32);
            }
        }
        wanted = &wanted[..wanted.rfind(['.', '[']).unwrap_or(0)];
    }
    (0, 0)
}

/// Moves the faults of an embedded text (the value of the field `path`) to where they stand in the
/// whole text.
pub fn embed(text: &str, path: &str, faults: Vec<Fault>) -> Vec<Fault> {
    let (line, column) = place_of(text, path);
    let value = text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
    let value = value.split_once(": ").map_or("", |(_, value)| value.trim());
    let is_block = value.starts_with(['|', '>']);
    let indent = text
        .lines()
        .skip(line as usize)
        .find(|line| !line.trim().is_empty())
        .map_or(0, |line| line.len() - line.trim_start().len()) as u32;
    let place = |fault: Fault| match (is_block, fault.line) {
        (true, 1..) => fault.shifted(line, indent),
        _ => Fault { line, column, ..fault },
    };
    faults.into_iter().map(|fault| place(fault).below(path)).collect()
}

/// Where the key of a line begins and what it is, past any `- `.
fn key_of(line: &str) -> Option<(usize, &str)> {
    let bare = line.trim_start();
    if bare.is_empty() || bare.starts_with('#') {
        return None;
    }
    let entry = bare.strip_prefix("- ").map_or(bare, str::trim_start);
    let indent = line.len() - entry.len();
    let end = entry.find(": ").or_else(|| entry.strip_suffix(':').map(str::len));
    match end {
        Some(end) if !entry.starts_with(['{', '[', '"', '\'']) => Some((indent, &entry[..end])),
        _ if bare.starts_with("- ") => Some((indent, "")),
        _ => None,
    }
    .filter(|(_, key)| !key.contains(' '))
}

fn item_number(before: &[&str], dash: usize) -> usize {
    let mut number = 0;
    for line in before.iter().rev() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        if bare.is_empty() || bare.starts_with('#') || indent > dash {
            continue;
        }
        if indent == dash && bare.starts_with("- ") {
            number += 1;
            continue;
        }
        break;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only the shape matters here")]
    struct Group {
        name: String,
        rules: Vec<Rule>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only the shape matters here")]
    struct Rule {
        expr: String,
        limit: Option<u32>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only the shape matters here")]
    struct File {
        groups: Vec<Group>,
    }

    #[test]
    fn an_unknown_field_is_named_with_its_place() {
        let text = "groups:\n- name: a\n  rules:\n  - expr: up\n  - expr: down\n    sever: page\n";
        let fault = parse::<File>(text).expect_err("unknown field");
        assert_eq!((fault.line, fault.path.as_str()), (6, "groups[0].rules[1].sever"));
        assert!(fault.message.contains("sever"), "{fault}");
        assert!(!fault.message.contains("line"), "{fault}");
    }

    #[test]
    fn a_wrong_type_is_named_with_its_place() {
        let text = "groups:\n  - name: a\n    rules:\n      - expr: up\n        limit: many\n";
        let fault = parse::<File>(text).expect_err("wrong type");
        assert_eq!((fault.line, fault.path.as_str()), (5, "groups[0].rules[0].limit"));
    }

    #[test]
    fn a_text_that_is_no_yaml_is_refused() {
        let fault = parse::<File>("groups: [\n").expect_err("open bracket");
        assert!(fault.line > 0, "{fault}");
    }
}
