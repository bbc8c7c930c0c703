//! A foreign object as a rule file.                      (pure)

use serde_json::{Map, Value, json};

/// The `spec.groups` of a PrometheusRule or of GMP's Rules as a rule file. JSON is YAML, too.
///
/// Fields that mean nothing here are left out (`partial_response_strategy` of Thanos); a number as
/// an expression becomes text. Everything else is judged later, as every rule file is.
///
/// # Errors
/// What is wrong with the shape of the object.
pub fn rule_file(object: &Value) -> Result<String, String> {
    let groups = match object.pointer("/spec/groups") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(groups)) => groups.iter().map(group).collect::<Result<_, _>>()?,
        Some(_) => return Err("spec.groups is not a list".to_owned()),
    };
    Ok(json!({ "groups": groups }).to_string())
}

fn group(group: &Value) -> Result<Value, String> {
    let Some(fields) = group.as_object() else {
        return Err("spec.groups holds something that is not a group".to_owned());
    };
    let mut fields: Map<String, Value> = fields.clone();
    fields.remove("partial_response_strategy");
    let rules = match fields.remove("rules") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(rules)) => rules.into_iter().map(rule).collect(),
        Some(_) => return Err("the rules of a group are not a list".to_owned()),
    };
    fields.insert("rules".to_owned(), Value::Array(rules));
    Ok(Value::Object(fields))
}

fn rule(mut rule: Value) -> Value {
    if let Some(expr @ Value::Number(_)) = rule.get_mut("expr") {
        *expr = Value::String(expr.to_string());
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prometheus_rule_becomes_a_rule_file_that_is_good() {
        let object = json!({"spec": {"groups": [{
        "name": "a", "interval": "30s", "partial_response_strategy": "abort",
        "query_offset": "1m", "limit": 5, "labels": {"team": "x"},
        "rules": [
            {"record": "one", "expr": 1},
            {"alert": "Down", "expr": "up == 0", "for": "5m", "keep_firing_for": "1m",
             "labels": {"severity": "page"}, "annotations": {"summary": "{{ $value }}"}},
        ]}]}});
        let text = rule_file(&object).expect("the shape is right");
        assert_eq!(check::rule_text::rule_file(&text), [], "{text}");
        assert!(text.contains(r#""expr":"1""#) && !text.contains("partial"), "{text}");
    }

    #[test]
    fn what_is_no_list_is_told_and_nothing_at_all_is_an_empty_file() {
        assert!(rule_file(&json!({"spec": {"groups": 3}})).is_err());
        assert!(rule_file(&json!({"spec": {"groups": [{"name": "a", "rules": {}}]}})).is_err());
        assert_eq!(rule_file(&json!({"spec": {}})).as_deref(), Ok(r#"{"groups":[]}"#));
    }
}
