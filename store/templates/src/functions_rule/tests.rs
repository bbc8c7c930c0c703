//! Golden cases of rule templates.

use super::*;
use crate::error::FaultKind;
use crate::limits::Limits;
use crate::set::TemplateSet;

fn context() -> RuleContext {
    let sample = |instance: &str, value| QueriedSample {
        labels: vec![("__name__".into(), "up".into()), ("instance".into(), instance.into())],
        value,
    };
    RuleContext {
        now_ms: 1_700_000_000_500,
        external_url: "http://prom.example:9090/base?x=1".into(),
        query: Arc::new(move |expr| match expr {
            "up" => Ok(vec![sample("b:9100", 11.0), sample("a:9100", 21.0)]),
            "later" => Err(CallError::Suspended("later".into())),
            _ => Ok(Vec::new()),
        }),
    }
}

const HEAD: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
    {{$externalURL := .ExternalURL}}{{$value := .Value}}";

fn render(text: &str) -> Result<String, crate::error::TemplateError> {
    let data = crate::data::Fields::value(
        "struct",
        [
            ("Labels", Value::strings([("instance", "web-1:9100"), ("job", "node")])),
            ("ExternalLabels", Value::strings([("cluster", "eu")])),
            ("ExternalURL", Value::from("http://prom.example:9090/base")),
            ("Value", Value::Float(1_000_000.0)),
        ],
    );
    TemplateSet::parse([("alert", format!("{HEAD}{text}"))], rule_functions_for_parsing())?
        .with_functions(rule_functions(context()))
        .render("alert", &data, &Limits::DEFAULT)
}

#[test]
fn rule_templates_expand_like_prometheus_does() {
    for (template, text) in [
        ("{{ $labels.instance }} of {{ $externalLabels.cluster }}", "web-1:9100 of eu"),
        ("{{ $labels.missing }}.{{ .Labels.missing }}", "."),
        ("{{ $value }} {{ .Value }} {{ $value | humanize }}", "1e+06 1e+06 1M"),
        (r#"{{ printf "%.2f" $value }}"#, "1000000.00"),
        (r#"{{ query "up" | first | value }}"#, "11"),
        (
            r#"{{ range query "up" | sortByLabel "instance" }}{{ .Labels.instance }}:{{ .Value }}:{{ end }}"#,
            "a:9100:21:b:9100:11:",
        ),
        (
            r#"{{ range query "up" }}{{ label "instance" . }}={{ value . }};{{ end }}"#,
            "b:9100=11;a:9100=21;",
        ),
        (r#"{{ with query "none" }}some{{ else }}none{{ end }}"#, "none"),
        (r#"{{ query "up" | len }}"#, "2"),
        (r#"{{ (query "up" | first).Labels.instance }}"#, "b:9100"),
        (r#"{{ reReplaceAll "(.*):.*" "$1" $labels.instance }}"#, "web-1"),
        (r#"{{ if match "^web" $labels.instance }}yes{{ end }}"#, "yes"),
        (r#"{{ "web-1.example.org:9100" | stripPort | stripDomain }}"#, "web-1"),
        (
            r#"{{ stripDomain "web-1.example.org:9100" }} {{ stripDomain "10.0.0.1:1" }}"#,
            "web-1:9100 10.0.0.1:1",
        ),
        (r#"{{ stripPort "[::1]:80" }} {{ stripPort "::1" }}"#, "::1 ::1"),
        (r#"{{ "1435065584.128" | humanizeTimestamp }}"#, "2015-06-23 13:19:44.128 +0000 UTC"),
        (r#"{{ (1435065584.128 | toTime).Format "2006" }}"#, "2015"),
        ("{{ 1800 | toDuration }} {{ (1800 | toDuration).Minutes }}", "30m0s 30"),
        (
            r#"{{ parseDuration "1h2m10ms" }} {{ humanizeDuration (toDuration 3661) }}"#,
            "3720.01 1h 1m 1s",
        ),
        ("{{ now | humanizeTimestamp }}", "2023-11-14 22:13:20.5 +0000 UTC"),
        ("{{ externalURL }} {{ pathPrefix }}", "http://prom.example:9090/base?x=1 /base"),
        (r#"{{ tableLink "up == 0" }}"#, "/graph?g0.expr=up+%3D%3D+0&g0.tab=1"),
        (r#"{{ with args "a" 2 }}{{ .arg0 }}{{ .arg1 }}{{ end }}"#, "a2"),
        (r#"{{ toUpper "aBc" }}{{ toLower "aBc" }}{{ title "aBc dEf" }}"#, "ABCabcABc DEf"),
        (r#"{{ define "x" }}<{{ . }}>{{ end }}{{ template "x" $labels.job }}"#, "<node>"),
    ] {
        assert_eq!(render(template).as_deref(), Ok(text), "{template}");
    }
}

#[test]
fn faults_are_told_apart() {
    let fault = |template| render(template).expect_err(template);
    assert_eq!(fault("{{ nope }}").kind, FaultKind::Syntax);
    assert_eq!(fault("a\n{{ $unknown }}").line, 2);
    assert_eq!(fault(r#"{{ query "none" | first }}"#).kind, FaultKind::Execution);
    assert_eq!(fault(r#"{{ query "later" }}"#).kind, FaultKind::Suspended);
    assert_eq!(fault("{{ humanize .Labels }}").kind, FaultKind::Execution);
}
