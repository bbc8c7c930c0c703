//! The verdict on a rule file.

use std::collections::BTreeMap;

use protocol::fault::Fault;
use protocol::rule_file::{RuleFile, RuleKind};

use crate::spec::{RuleSettings, compile};

/// All faults of a rule file: form, names, expressions, templates.
pub fn check_text(text: &str, settings: &RuleSettings) -> Result<RuleFile, Vec<Fault>> {
    let file = RuleFile::parse(text)?;
    check_file(&file, settings)?;
    Ok(file)
}

/// The faults that only the languages inside of a file know.
pub fn check_file(file: &RuleFile, settings: &RuleSettings) -> Result<(), Vec<Fault>> {
    compile("", file, settings).map(drop)
}

/// Rules that say the same name and labels twice: they overwrite each other's series. Prometheus
/// runs
/// them; a linter should tell.
pub fn duplicate_rules(file: &RuleFile) -> Vec<Fault> {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for (at, group) in file.groups.iter().enumerate() {
        for (number, rule) in group.rules.iter().enumerate() {
            let RuleKind::Recording { record } = &rule.kind else { continue };
            let labels: Vec<_> = rule.label_pairs().collect();
            let count = first.entry(format!("{} {labels:?}", record.text)).or_default();
            *count += 1;
            if *count > 1 {
                let message = format!(
                    "group {:?}, rule {}: {:?} with the same labels is recorded by an earlier rule, \
                     too; these may clash and overwrite each other",
                    group.name,
                    number + 1,
                    record.text
                );
                let path = format!("groups[{at}].rules[{number}].record");
                faults.push(record.fault(path, message));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        match check_text(text, &RuleSettings::default()) {
            Ok(_) => vec![],
            Err(faults) => faults.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn expressions_and_templates_are_faulted_at_their_place() {
        let text = r#"groups:
  - name: g
    rules:
      - record: a
        expr: sum(up))
      - alert: B
        expr: |
          up
            == == 0
        labels:
          severity: "{{ $nope }}"
        annotations:
          summary: |
            fine
            {{ .Labels.x | nofunction }}
      - record: ok
        expr: up
"#;
        let told = faults(text);
        assert_eq!(told.len(), 4, "{told:#?}");
        for (at, start) in [
            (0, "5:23: groups[0].rules[0].expr: group \"g\", rule 1, \"a\": could not parse"),
            (1, "9:16: groups[0].rules[1].expr: group \"g\", rule 2, \"B\": could not parse"),
            (2, "11:22: groups[0].rules[1].labels.severity: "),
            (3, "15:13: groups[0].rules[1].annotations.summary: "),
        ] {
            assert!(told.iter().any(|t| t.starts_with(start)), "{at} {start}: {told:#?}");
        }
    }

    #[test]
    fn duplicate_recordings_are_told() {
        let text = "groups:\n- name: a\n  rules:\n  - {record: x, expr: up}\n  - {record: x, expr: \
                    down}\n  - {record: x, expr: up, labels: {a: b}}\n";
        let file = check_text(text, &RuleSettings::default()).expect("valid");
        let told = duplicate_rules(&file);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].path, "groups[0].rules[1].record");
    }
}
