//! Good files, bad files and where the faults are.

use super::*;

const GOOD: &str = r#"
groups:
  - name: node
    interval: 30s
    query_offset: 1m
    limit: 10
    labels: {team: infra, tier: 1}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
        labels:
          team: core
      - alert: Down
        expr: |
          up{job="node"}
            == 0
        for: 5m
        keep_firing_for: 10m
        labels: {severity: page}
        annotations:
          summary: "{{ $labels.instance }} is down"
          empty:
  - name: other
"#;

#[test]
fn a_good_file_is_read_whole() {
    let file = RuleFile::parse(GOOD).expect("a good file");
    let group = &file.groups[0];
    assert_eq!(file.groups.len(), 2);
    assert_eq!(group.interval, Some(PromDuration::from_secs(30)));
    assert_eq!(group.query_offset, Some(PromDuration::from_secs(60)));
    assert_eq!(group.limit, 10);
    let recorded: Vec<_> = group.rules[0].label_pairs().collect();
    assert_eq!(recorded, [("team", "core"), ("tier", "1")]);
    assert_eq!(group.rules[0].name(), "job:up:sum");
    let alert = &group.rules[1];
    let RuleKind::Alerting { hold, keep_firing, annotations, .. } = &alert.kind else {
        panic!("an alert: {alert:?}");
    };
    assert_eq!((hold.as_millis(), keep_firing.as_millis()), (300_000, 600_000));
    assert_eq!(annotations["summary"].text, "{{ $labels.instance }} is down");
    assert_eq!(annotations["empty"].text, "");
    assert_eq!(alert.expr.text, "up{job=\"node\"}\n  == 0\n");
}

#[test]
fn places_inside_of_expressions_are_those_of_the_file() {
    let file = RuleFile::parse(GOOD).expect("a good file");
    let line_of =
        |needle: &str| GOOD.lines().position(|line| line.contains(needle)).expect("there");
    let block = &file.groups[0].rules[1].expr;
    let equals = line_of("  == 0") as u32 + 1;
    assert_eq!(block.place_of(2, 3), (equals, 13), "{block:?}");
    let plain = &file.groups[0].rules[0].expr;
    let sum = line_of("sum by") as u32 + 1;
    assert_eq!(plain.place_of(1, 5), (sum, 19), "{plain:?}");
    let RuleKind::Alerting { annotations, .. } = &file.groups[0].rules[1].kind else {
        panic!("an alert");
    };
    let summary = line_of("summary:") as u32 + 1;
    assert_eq!(annotations["summary"].place_of(1, 1), (summary, 21));
}

#[test]
fn empty_files_have_no_groups() {
    for text in ["", "groups:\n", "groups: []\n", "# nothing\n"] {
        assert_eq!(RuleFile::parse(text).expect(text), RuleFile::default(), "{text:?}");
    }
}

#[test]
fn all_faults_are_told_with_their_places() {
    let text = r#"groups:
- name: a
  rules:
  - record: x{y="z"}
    expr: up
    for: 1m
    annotations: {a: b}
  - alert: Both
    record: both
    expr: up
  - expr: up
  - alert: NoExpr
  - alert: Labels
    expr: up
    labels:
      __name__: nope
- name: a
- name: ""
- rules: []
"#;
    let faults = RuleFile::parse(text).expect_err("a bad file");
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    for (line, path, message) in [
        (4, "groups[0].rules[0].record", "group \"a\", rule 1, \"x{y=\\\"z\\\"}\": braces present"),
        (4, "groups[0].rules[0].for", "invalid field 'for' in recording rule"),
        (4, "groups[0].rules[0].annotations", "invalid field 'annotations'"),
        (8, "groups[0].rules[1]", "only one of 'record' and 'alert'"),
        (11, "groups[0].rules[2]", "group \"a\", rule 3: one of 'record' and 'alert'"),
        (12, "groups[0].rules[3].expr", "field 'expr' must be set"),
        (16, "groups[0].rules[4].labels.__name__", "invalid label name"),
        (17, "groups[1].name", "repeated in the same file"),
        (18, "groups[2].name", "group name must not be empty"),
        (19, "groups[3]", "group name must not be empty"),
    ] {
        let found =
            faults.iter().any(|f| f.line == line && f.path == path && f.message.contains(message));
        assert!(found, "{line} {path} {message}: {told:#?}");
    }
    assert_eq!(faults.len(), 10, "{told:#?}");
}

#[test]
fn what_is_not_the_form_is_refused() {
    for (text, line, word) in [
        ("groups:\n- name: a\n  foo: 1\n", 3, "foo"),
        (
            "groups:\n- name: a\n  rules:\n  - alert: x\n    expr: up\n    severity: page\n",
            6,
            "severity",
        ),
        ("groups:\n- name: a\n  name: b\n", 3, "name"),
        ("groups:\n- name: a\n  interval: often\n", 3, "often"),
        ("groups: 5\n", 1, ""),
        ("groups: [\n", 1, ""),
    ] {
        let faults = RuleFile::parse(text).expect_err(text);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].line >= 1 && faults[0].line.abs_diff(line) <= 1, "{text}: {}", faults[0]);
        assert!(faults[0].message.contains(word), "{text}: {}", faults[0]);
    }
}
