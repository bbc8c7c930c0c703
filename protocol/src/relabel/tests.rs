//! Each action, and the corners of `replace`.

use proptest::prelude::*;

use super::*;
use crate::fault::Fault;

fn labels(text: &str) -> Labels {
    Labels::from_pairs(text.split_whitespace().map(|pair| pair.split_once('=').expect("n=v")))
}

fn config(yaml: &str) -> RelabelConfig {
    crate::yaml::parse(yaml).expect("a valid rule")
}

fn apply(yaml: &str, before: &str) -> Option<String> {
    let rule = config(yaml).compile(false).expect("a usable rule");
    let after = relabel(&labels(before), &[rule])?;
    Some(after.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" "))
}

fn faults(yaml: &str) -> Vec<Fault> {
    let mut found = Vec::new();
    config(yaml).validate(false, &mut Faults::new(&mut found));
    found
}

#[test]
fn each_action_does_its_work() {
    for (rule, before, after) in [
        (
            "{source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'x$1'}",
            "a=foo",
            Some("a=foo d=xoo"),
        ),
        (
            "{source_labels: [a, b], separator: '-', target_label: c}",
            "a=1 b=2",
            Some("a=1 b=2 c=1-2"),
        ),
        (
            "{source_labels: [a], regex: 'f', target_label: d, replacement: x}",
            "a=foo",
            Some("a=foo"),
        ),
        (
            "{source_labels: [a], target_label: a, regex: 'f.*', replacement: ''}",
            "a=foo b=1",
            Some("b=1"),
        ),
        ("{action: keep, source_labels: [a], regex: 'f.*'}", "a=foo", Some("a=foo")),
        ("{action: keep, source_labels: [a], regex: 'o+'}", "a=foo", None),
        ("{action: DROP, source_labels: [a], regex: 'f.*'}", "a=foo", None),
        ("{action: drop, source_labels: [a], regex: ''}", "b=1", None),
        ("{action: keepequal, source_labels: [a], target_label: b}", "a=1 b=1", Some("a=1 b=1")),
        ("{action: keepequal, source_labels: [a], target_label: b}", "a=1 b=2", None),
        ("{action: dropequal, source_labels: [a], target_label: b}", "a=1 b=1", None),
        (
            "{action: hashmod, source_labels: [c], target_label: d, modulus: 1000}",
            "c=baz",
            Some("c=baz d=976"),
        ),
        ("{action: labelmap, regex: 'm_(.+)'}", "m_a=1 m_b=2 c=3", Some("a=1 b=2 c=3 m_a=1 m_b=2")),
        (
            "{action: labelmap, regex: 'm_(.+)', replacement: 'n_${1}'}",
            "m_a=1",
            Some("m_a=1 n_a=1"),
        ),
        ("{action: labeldrop, regex: 'm_.*'}", "m_a=1 b=2", Some("b=2")),
        ("{action: labelkeep, regex: 'm_.*'}", "m_a=1 b=2", Some("m_a=1")),
        ("{action: lowercase, source_labels: [a], target_label: b}", "a=FoO", Some("a=FoO b=foo")),
        ("{action: uppercase, source_labels: [a], target_label: b}", "a=FoO", Some("a=FoO b=FOO")),
    ] {
        assert_eq!(apply(rule, before).as_deref(), after, "{rule} on {before}");
    }
}

#[test]
fn the_target_label_expands_too() {
    let rule = "{source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${1}', \
                replacement: '${2}'}";
    assert_eq!(apply(rule, "a=some-name-value").as_deref(), Some("a=some-name-value name=value"));
    // A name that comes out empty is no name: nothing happens.
    let rule = "{source_labels: [a], regex: '(x?).*', target_label: '${1}', replacement: v}";
    assert_eq!(apply(rule, "a=foo").as_deref(), Some("a=foo"));
}

#[test]
fn a_written_but_empty_regex_is_not_the_default() {
    assert_eq!(
        apply("{regex: '', replacement: x, target_label: b}", "a=1").as_deref(),
        Some("a=1 b=x")
    );
    assert_eq!(
        apply("{regex: , source_labels: [a], target_label: b}", "a=1").as_deref(),
        Some("a=1")
    );
    assert_eq!(apply("{source_labels: [a], target_label: b}", "a=1").as_deref(), Some("a=1 b=1"));
}

#[test]
fn a_dot_matches_a_line_end() {
    let rule = config("{action: keep, source_labels: [a], regex: 'x.y'}").compile(false).unwrap();
    let set = Labels::from_pairs([("a", "x\ny")]);
    assert!(relabel(&set, &[rule]).is_some());
}

#[test]
fn names_expand_as_in_go() {
    let regex = GoRegex::anchored("(?P<first>a)(b)(c)?").unwrap();
    let captures = regex.as_regex().captures("ab").unwrap();
    for (template, text) in [
        ("$1-$2", "a-b"),
        ("${1}x", "ax"),
        ("$1x", ""),
        ("$first", "a"),
        ("$3|", "|"),
        ("$9|$none|", "||"),
        ("$$1", "$1"),
        ("a$", "a$"),
        ("$-", "$-"),
        ("${1", "${1"),
        ("${}", "${}"),
        ("$01", ""),
        ("${1-}", "${1-}"),
    ] {
        assert_eq!(expand(template, &captures), text, "{template}");
    }
}

#[test]
fn the_old_alphabet_is_enforced_only_where_asked_for() {
    let rule = config("{source_labels: [a], target_label: '$1', replacement: v}");
    let before = labels("a=x.y");
    let after = |legacy| relabel(&before, &[rule.compile(legacy).unwrap()]).unwrap();
    assert_eq!(after(true), before);
    assert_eq!(after(false).value("x.y"), "v");
}

#[test]
fn faults_name_their_field() {
    for (rule, paths) in [
        ("{regex: 'a(b'}", &["regex", "target_label"][..]),
        ("{action: jump}", &["action"]),
        ("{action: }", &["action"]),
        ("{action: hashmod, source_labels: [a], target_label: b}", &["modulus"]),
        (
            "{action: labeldrop, regex: a, source_labels: [b], target_label: c}",
            &["source_labels", "target_label"],
        ),
        ("{action: keepequal, source_labels: [a], target_label: b, regex: x}", &["regex"]),
        (
            "{action: lowercase, source_labels: [a], target_label: b, replacement: x}",
            &["replacement"],
        ),
        ("{source_labels: [a], target_label: b}", &[]),
    ] {
        let found: Vec<String> = faults(rule).into_iter().map(|fault| fault.path).collect();
        assert_eq!(found, paths, "{rule}");
    }
}

proptest! {
    #[test]
    fn any_rule_that_compiles_acts_without_panic(
        action in "replace|keep|drop|labelmap|labeldrop|labelkeep|lowercase|hashmod",
        regex in "[a-z.*+()?|$^\\[\\]]{0,8}",
        replacement in "[a-z$1{}]{0,6}",
        target in "[a-z$1{}]{1,6}",
        value in "\\PC{0,10}",
    ) {
        let rule = RelabelConfig {
            source_labels: vec!["a".to_owned()],
            regex: Some(regex),
            modulus: Some(7),
            target_label: target,
            replacement: Some(replacement),
            action: Some(action),
            ..RelabelConfig::default()
        };
        if let Some(rule) = rule.compile(false) {
            let before = Labels::from_pairs([("a", value), ("b", "x".to_owned())]);
            if let Some(after) = relabel(&before, &[rule]) {
                for (name, value) in after.iter() {
                    prop_assert!(!name.is_empty() && !value.is_empty());
                }
            }
        }
    }
}
