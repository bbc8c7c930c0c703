//! Golden cases of notification templates.

use super::*;
use crate::data::{Fields, Kv};
use crate::limits::Limits;
use crate::set::TemplateSet;

fn data() -> Value {
    let alert = |status: &str, start: i64| {
        Fields::value(
            "template.Alert",
            [
                ("Status", Value::from(status)),
                ("Labels", Kv::value([("alertname", "Down"), ("instance", "a<b>")])),
                ("StartsAt", Value::Time(Time::from_millis(start))),
            ],
        )
    };
    Fields::value(
        "*template.Data",
        [
            ("Status", Value::from("firing")),
            ("GroupLabels", Kv::value([("zone", "eu"), ("alertname", "Down")])),
            ("Alerts", Value::list(vec![alert("firing", 1_700_000_000_000), alert("resolved", 0)])),
        ],
    )
}

fn set() -> TemplateSet {
    let functions = alert_functions(1_700_000_090_000, Arc::new(|name| Ok(name.to_uppercase())));
    TemplateSet::parse(
        [("head.tmpl", r#"{{ define "title" }}[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts | len }}{{ end }}] {{ .GroupLabels.SortedPairs.Values | join " " }}{{ end }}"#)],
        functions,
    )
    .expect("a valid template")
}

#[test]
fn notification_templates_expand_like_alertmanager_does() {
    for (template, text) in [
        (r#"{{ template "title" . }}"#, "[FIRING:2] Down eu"),
        ("{{ .GroupLabels }}|{{ .GroupLabels.Names }}", "alertname=Down, zone=eu|[alertname zone]"),
        (r#"{{ .GroupLabels.Names.Join "+" }}"#, "alertname+zone"),
        (r#"{{ (.GroupLabels.Remove (stringSlice "zone")).String }}"#, "alertname=Down"),
        (
            r#"{{ with .GroupLabels.Remove (stringSlice "zone" "alertname") }}x{{ else }}none{{ end }}"#,
            "none",
        ),
        (
            "{{ range .GroupLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}",
            "alertname=Down;zone=eu;",
        ),
        (
            "{{ range $k, $v := .GroupLabels }}{{ $k }}={{ $v }};{{ end }}",
            "alertname=Down;zone=eu;",
        ),
        ("{{ (index .Alerts 0).Labels.nope }}.", "."),
        (r#"{{ range .Alerts }}{{ .StartsAt.Format "15:04" }} {{ end }}"#, "22:13 00:00 "),
        (
            r#"{{ (index .Alerts 0).StartsAt | tz "Asia/Tokyo" | date "2006-01-02 15:04 MST" }}"#,
            "2023-11-15 07:13 JST",
        ),
        (
            "{{ since (index .Alerts 0).StartsAt }} {{ since (index .Alerts 0).StartsAt | humanizeDuration }}",
            "1m30s 1m 30s",
        ),
        ("{{ (index .Alerts 0).StartsAt.Unix }}", "1700000000"),
        (
            r#"{{ toJson (dict "b" 1.5 "a" (list "x<" nil true)) }}"#,
            r#"{"a":["x\u003c",null,true],"b":1.5}"#,
        ),
        ("{{ .GroupLabels | toJson }}", r#"{"alertname":"Down","zone":"eu"}"#),
        (r#"{{ base64decode (base64encode "hi") }} {{ urlUnescape "a%20b+c" }}"#, "hi a b c"),
        (r#"{{ title "hELLO wORLD" }} {{ trimSpace "  x " }}"#, "Hello World x"),
        (r#"{{ routeLabels "team" }}"#, "TEAM"),
        (r#"{{ (toDate "2006-01-02" "2024-02-03").Weekday }}"#, "Saturday"),
        ("{{ $l := list 1 }}{{ $l = append $l 2 3 }}{{ $l }}", "[1 2 3]"),
    ] {
        assert_eq!(
            set().render_text(template, &data(), &Limits::DEFAULT).as_deref(),
            Ok(text),
            "{template}"
        );
    }
}

#[test]
fn html_is_escaped_by_its_place() {
    let set = set();
    for (template, text) in [
        ("<p>{{ (index .Alerts 0).Labels.instance }}</p>", "<p>a&lt;b&gt;</p>"),
        (
            r#"<a href="/x?q={{ (index .Alerts 0).Labels.instance }}">"#,
            r#"<a href="/x?q=a%3cb%3e">"#,
        ),
        (r#"{{ "<b>x</b>" | safeHtml }}"#, "<b>x</b>"),
        (r#"<a href="{{ "javascript:x()" }}">"#, r##"<a href="#ZgotmplZ">"##),
        ("{{ range .Alerts }}<li>{{ .Status }}{{ end }}", "<li>firing<li>resolved"),
    ] {
        let rendered = set.render_text_html(template, &data(), &Limits::DEFAULT);
        assert_eq!(rendered.as_deref(), Ok(text), "{template}");
    }
    assert!(set.render_text_html("<a href='", &data(), &Limits::DEFAULT).is_err());
}
