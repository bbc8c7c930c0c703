//! Verdicts on configurations.

use std::path::PathBuf;

use proptest::prelude::*;

use crate::alertmanager_config::AlertmanagerConfig;
use crate::alertmanager_config::definition::{AmpDefinition, Origin};
use crate::alertmanager_config::matchers::{matchers_text, parse_matcher, parse_matchers};
use crate::alertmanager_config::secret::SecretText;

const GOOD: &str = r"
route:
  receiver: inbox
  group_by: [alertname]
  group_wait: 1s
  routes:
    - matchers: [severity=page, 'team=~a|b']
      receiver: topic
receivers:
  - name: inbox
    webhook_configs:
      - url: secret://hooks/url
  - name: topic
    sns_configs:
      - topic_arn: arn:aws:sns:eu-west-1:1:t
        sigv4: {region: eu-west-1}
";

fn messages(text: &str) -> Vec<String> {
    let faults = AlertmanagerConfig::parse(text).expect_err("the file is wrong");
    faults.into_iter().map(|fault| fault.to_string()).collect()
}

#[test]
fn a_good_file_is_read() {
    let config = AlertmanagerConfig::parse(GOOD).expect("the file is good");
    let child = &config.route.routes[0];
    assert_eq!(matchers_text(&child.all_matchers()), r#"{severity="page",team=~"a|b"}"#);
    let webhook = config.receivers[0].webhooks().next().expect("one webhook");
    assert!(webhook.send_resolved);
    assert!(matches!(&webhook.url, Some(SecretText::Reference(r)) if r.key == "url"));
}

#[test]
fn every_fault_is_told_with_its_place() {
    let text = "route:\n  receiver: a\n  group_interval: 0s\n  routes:\n    - receiver: nobody\n      \
                mute_time_intervals: [night]\nreceivers:\n  - name: a\n  - name: a\n";
    assert_eq!(
        messages(text),
        [
            "9:11: receivers[1].name: notification config name \"a\" is not unique",
            "3:19: route.group_interval: group_interval cannot be zero",
            "5:17: route.routes[0].receiver: undefined receiver \"nobody\" used in route",
            "6:29: route.routes[0].mute_time_intervals[0]: undefined time interval \"night\" used \
             in route",
        ]
    );
}

#[test]
fn unknown_fields_and_missing_routes_are_refused() {
    let text = "route:\n  receiver: a\n  group_weight: 1s\nreceivers: [{name: a}]\n";
    let told = messages(text).join("\n");
    assert!(told.starts_with("3:3: "), "{told}");
    assert!(told.contains("group_weight"), "{told}");
    assert!(messages("receivers: []\n")[0].contains("no route provided in config"));
}

#[test]
fn the_root_takes_everything() {
    let text = "route: {receiver: a, matchers: ['x=y'], continue: true}\nreceivers: [{name: a}]\n";
    let told = messages(text).join("\n");
    assert!(told.contains("root route must not have any matchers"), "{told}");
    assert!(told.contains("cannot have continue in root route"), "{told}");
}

#[test]
fn a_definition_wraps_the_configuration() {
    let inner: String = GOOD.lines().fold(String::new(), |all, line| all + "  " + line + "\n");
    let text = format!("template_files: {{a.tmpl: 'x'}}\nalertmanager_config: |\n{inner}");
    let definition = AmpDefinition::parse(&text, Origin::Api).expect("a good definition");
    assert_eq!(definition.template_files["a.tmpl"], "x");
    assert_eq!(definition.config, AmpDefinition::parse(GOOD, Origin::Api).expect("plain").config);
}

#[test]
fn faults_inside_a_definition_point_into_the_outer_file() {
    let text = "alertmanager_config: |\n  route:\n    receiver: nobody\n  receivers: []\n";
    let faults = AmpDefinition::parse(text, Origin::Api).expect_err("nobody is not there");
    assert_eq!(
        faults[0].to_string(),
        "3:15: alertmanager_config.route.receiver: undefined receiver \"nobody\" used in route"
    );
}

#[test]
fn a_definition_refuses_files_and_what_is_not_built() {
    let text = r"
route: {receiver: a}
receivers:
  - name: a
    slack_configs: [{api_url: 'https://x'}]
    webhook_configs:
      - url: http://x
        http_config: {basic_auth: {username: u, password_file: /etc/passwd}}
    sns_configs:
      - {topic_arn: t, api_url: http://evil, sigv4: {}}
";
    let faults = AmpDefinition::parse(text, Origin::Api).expect_err("much is wrong");
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let told = told.join("\n");
    for part in [
        "password_file is refused",
        "sigv4.region is required",
        "api_url is not allowed",
        "receiver kind slack is not built yet",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[test]
fn matchers_are_read_in_both_grammars() {
    for (text, written) in [
        ("foo=bar", r#"{foo="bar"}"#),
        (r#"{foo="bar", baz!~"a.*",}"#, r#"{foo="bar",baz!~"a.*"}"#),
        (r#"foo = "b\"ar""#, r#"{foo="b\"ar"}"#),
        (r#""foo bar"=~"🙂""#, r#"{"foo bar"=~"🙂"}"#),
        ("foo🙂=bar", r#"{foo🙂="bar"}"#),
        ("foo=bar baz", r#"{foo="bar baz"}"#),
        ("foo=", r#"{foo=""}"#),
        (r#""a b"="\u00e9\x41""#, r#"{"a b"="éA"}"#),
        // Both grammars read this, each in its way: the classic one wins.
        (r#"foo="\x41""#, r#"{foo="\\x41"}"#),
        ("", "{}"),
        ("{}", "{}"),
    ] {
        let parsed = parse_matchers(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(matchers_text(&parsed), written, "{text}");
    }
    for text in ["foo", "{foo=bar,,}", "=bar", "foo=~[", r#"foo="bar"#, "{foo"] {
        assert!(parse_matchers(text).is_err(), "{text}");
    }
    assert!(parse_matcher("a=b,c=d").is_err());
}

#[test]
fn times_are_checked() {
    let file = |interval: &str| {
        format!(
            "route: {{receiver: a}}\nreceivers: [{{name: a}}]\n\
             time_intervals: [{{name: t, time_intervals: [{{{interval}}}]}}]\n"
        )
    };
    for good in [
        "times: [{start_time: '09:00', end_time: '24:00'}]",
        "weekdays: ['monday:friday', sunday]",
        "days_of_month: ['1:5', '-3:-1', '10:-2']",
        "months: ['january:march', '5:8']",
        "years: ['2020:2030']",
    ] {
        AlertmanagerConfig::parse(&file(good)).unwrap_or_else(|f| panic!("{good}: {f:?}"));
    }
    for (bad, message) in [
        ("times: [{start_time: '09:00', end_time: '09:00'}]", "equal or greater"),
        ("times: [{start_time: '9:00', end_time: '10:00'}]", "invalid format"),
        ("weekdays: ['friday:monday']", "start day cannot be before end day"),
        ("days_of_month: ['32']", "out of range"),
        ("days_of_month: ['-1:5']", "must be negative"),
        ("months: ['13']", "not a valid month"),
        ("years: ['2030:2020']", "end year cannot be before start year"),
    ] {
        assert!(messages(&file(bad))[0].contains(message), "{bad}: {:?}", messages(&file(bad)));
    }
}

/// The reference's verdicts, where the folder with its test files is at hand.
#[test]
#[expect(clippy::disallowed_methods, reason = "the data of the tests lie where the caller says")]
fn verdicts_equal_the_reference() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared");
    let shared = std::env::var("HEARTH_SHARED").unwrap_or_else(|_| default.to_owned());
    let folder = PathBuf::from(shared).join("alertmanager-testdata");
    let Ok(table) = std::fs::read_to_string(folder.join("EXPECT.tsv")) else {
        eprintln!("SKIPPED: no reference verdicts in {}, set HEARTH_SHARED", folder.display());
        return;
    };
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in table.lines() {
        let mut fields = row.split('\t');
        let (Some(file), Some(verdict)) = (fields.next(), fields.next()) else { continue };
        let expected = fields.next().unwrap_or("");
        let text = std::fs::read_to_string(folder.join(file)).expect("a file of the table");
        count += 1;
        let told = match AlertmanagerConfig::parse(&text) {
            Ok(_) => String::new(),
            Err(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        };
        let same_verdict = (verdict == "valid") == told.is_empty();
        // Messages of the reference's YAML reader have a wording of their own.
        let same_words = expected.starts_with("yaml:") || told.contains(expected);
        if !same_verdict || !same_words {
            wrong.push(format!("{file}: expected {verdict} {expected:?}, got {told:?}"));
        }
    }
    assert!(count >= 45, "only {count} files in the table");
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_read_without_panic(text in ".{0,60}") {
        let _ = parse_matchers(&text);
        let _ = AlertmanagerConfig::parse(&text);
        let _ = AmpDefinition::parse(&text, Origin::Api);
    }

    #[test]
    fn pieces_of_matchers_are_read_without_panic(
        parts in prop::collection::vec(
            prop::sample::select(vec!["a", "=", "~", "!", "\"", "{", "}", ",", "\\", "x", " ", "é"]),
            0..24,
        ),
    ) {
        let text = parts.concat();
        if let Ok(matchers) = parse_matchers(&text) {
            let again = parse_matchers(&matchers_text(&matchers));
            prop_assert_eq!(again.expect("what we print we read"), matchers);
        }
    }

    #[test]
    fn mangled_files_are_read_without_panic(at in 0usize..400, cut in 0usize..40, with in ".{0,3}") {
        let mut text: Vec<char> = GOOD.chars().collect();
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        text.splice(at..end, with.chars());
        let _ = AmpDefinition::parse(&text.iter().collect::<String>(), Origin::Api);
    }
}
