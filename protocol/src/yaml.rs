//! YAML to types, with the place of what is wrong.

use serde::de::DeserializeOwned;

use crate::fault::Fault;
use crate::places::Places;
use crate::yaml_reader::from_str;

/// Reads one document. Unknown fields are refused by the types themselves.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    from_str(text).map_err(|error| Places::read(text).yaml_fault(&error))
}

/// Moves the faults of an embedded text (the value of the field `path`) to where they stand in the
/// whole text.
pub fn embed(text: &str, path: &str, faults: Vec<Fault>) -> Vec<Fault> {
    if faults.is_empty() {
        return faults;
    }
    let (line, column) = Places::read(text).of(path);
    // A block's place is its first line of content; its header is the last line before that.
    let before: Vec<&str> = text.lines().take(line.saturating_sub(1) as usize).collect();
    let header = before.iter().rposition(|line| !line.trim().is_empty()).unwrap_or(0);
    let indicator = before.get(header).and_then(|line| line.split_whitespace().last());
    let is_block = indicator.is_some_and(|word| word.starts_with(['|', '>']));
    let place = |fault: Fault| match (is_block, fault.line) {
        (true, 1..) => fault.shifted(header as u32 + 1, column.saturating_sub(1)),
        _ => Fault { line, column, ..fault },
    };
    faults.into_iter().map(|fault| place(fault).below(path)).collect()
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
    fn faults_of_an_embedded_text_move_to_their_place() {
        let inner = Fault { line: 2, column: 3, path: "a".into(), message: "no".into() };
        let text = "spec:\n  file: |\n    one: 1\n    two: 2\n  flat: x\n";
        let moved = embed(text, "spec.file", vec![inner.clone()]);
        assert_eq!(moved[0].to_string(), "4:7: spec.file.a: no");
        let moved = embed(text, "spec.flat", vec![inner]);
        assert_eq!(moved[0].to_string(), "5:9: spec.flat.a: no");
    }

    #[test]
    fn a_text_that_is_no_yaml_is_refused() {
        let fault = parse::<File>("groups: [\n").expect_err("open bracket");
        assert!(fault.line > 0, "{fault}");
    }
}
