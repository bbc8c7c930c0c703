//! Go's rules, and what hostile templates are allowed.

use super::*;
use crate::error::FaultKind;
use crate::functions_alert::alert_functions_for_parsing;

fn render(text: &str) -> Result<String, TemplateError> {
    let data = Value::map([
        ("A".into(), Value::map([("B".into(), Value::Int(5))])),
        ("L".into(), Value::list(vec![Value::Int(1), Value::from("x"), Value::Float(2.0)])),
        ("S".into(), Value::strings([("k", "v")])),
        ("E".into(), Value::list(vec![])),
    ]);
    let set = TemplateSet::parse([("t", text)], alert_functions_for_parsing())?;
    set.render("t", &data, &Limits::DEFAULT)
}

#[test]
fn templates_execute_like_go() {
    for (template, text) in [
        ("a {{- 1 -}} b", "a1b"),
        ("{{.A.B}}{{.S.k}}{{.S.nope}}|{{.nope}}", "5v|<no value>"),
        ("{{.L}} {{.A}} {{.S}}", "[1 x 2] map[B:5] map[k:v]"),
        ("{{range $i, $x := .L}}{{$i}}={{$x}};{{end}}", "0=1;1=x;2=2;"),
        ("{{range .L}}{{if eq (print .) \"x\"}}{{break}}{{end}}{{.}}{{end}}", "1"),
        ("{{range .L}}{{if eq (print .) \"x\"}}{{continue}}{{end}}{{.}}{{end}}", "12"),
        ("{{range .E}}x{{else}}none{{end}}", "none"),
        ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"),
        ("{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}", "1"),
        ("{{with .A}}{{.B}}{{$.S.k}}{{end}}", "5v"),
        ("{{with .E}}a{{else with .A}}{{.B}}{{end}}", "5"),
        ("{{if .E}}a{{else if .A}}b{{else}}c{{end}}", "b"),
        ("{{and 1 0}}{{or 0 2}}{{not 0}}", "02true"),
        ("{{or .A.B (index .L 99)}}", "5"),
        (
            "{{eq 1 2 1}} {{ne 1 2}} {{lt 1 2}} {{ge 2.0 1.0}} {{lt \"a\" \"b\"}}",
            "true true true true true",
        ),
        ("{{len .L}}{{len \"häh\"}} {{index .S \"k\"}} {{slice \"abcd\" 1 3}}", "34 v bc"),
        ("{{print 1 2 \"a\" \"b\" 3}} {{println 1 \"x\"}}", "1 2ab3 1 x"),
        (
            "{{html \"<a&'>\"}} {{js \"it's\"}} {{urlquery \"a b&c\"}}",
            "&lt;a&amp;&#39;&gt; it\\'s a+b%26c",
        ),
        (
            "{{printf \"%5.1f|%-4d|%04d|%x|%q|%v|%T|%t|%%|%+d\" 1.25 7 42 255 \"a\\\"b\" .L 1.0 true 3}}",
            "  1.2|7   |0042|ff|\"a\\\"b\"|[1 x 2]|float64|true|%|+3",
        ),
        ("{{printf \"%d %s %\" \"x\" 5}}", "%!d(string=x) %!s(int=5) %!(NOVERB)"),
        (
            "{{printf \"%d\" 1 2}} {{printf \"%d\"}} {{printf \"%[2]d %[1]d\" 1 2}}",
            "1%!(EXTRA int=2) %!d(MISSING) 2 1",
        ),
        ("{{1.5e3}} {{1e6}} {{0x10}} {{'a'}} {{1e21}}", "1500 1e+06 16 97 1e+21"),
        ("{{define \"a\"}}{{.}}{{end}}{{template \"a\" 1}}{{block \"b\" 2}}<{{.}}>{{end}}", "1<2>"),
        ("{{/* comment */}}x", "x"),
        ("{{\"quoted\" | printf \"%s-%s\" \"a\"}}", "a-quoted"),
        ("{{(.A).B}}{{(index .L 1)}}", "5x"),
    ] {
        let rendered = render(template).map(|text| text.trim_end().to_owned());
        assert_eq!(rendered.as_deref(), Ok(text), "{template}");
    }
}

#[test]
fn what_go_refuses_is_refused() {
    for (template, line, message) in [
        ("{{ eq 1 \"a\" }}", 1, "incompatible types for comparison"),
        ("\n{{ .L.nope }}", 2, "can't evaluate field nope in type"),
        ("{{ len 3 }}", 1, "len of type int"),
        ("{{ index .L 3 }}", 1, "index out of range"),
        ("{{ 1 | 2 }}", 1, "can't give argument to non-function"),
        ("{{ template \"nope\" }}", 1, "not defined"),
        ("\n\n{{ nope 1 }}", 3, "function \"nope\" not defined"),
        ("{{ if }}x{{ end }}", 1, "empty command"),
        ("{{ if .A }}x", 1, "unexpected EOF"),
        ("{{- define \"x\" }}\n{{/* {{ end }} */}}{{ \"{{end}}\" }}", 2, "unexpected EOF"),
        ("{{ end }}", 1, "unexpected {{end}}"),
        ("{{ else }}", 1, "unexpected {{else}}"),
        ("{{ break }}", 1, "break"),
        ("{{ if .A }}x{{ else }}y{{ else }}z{{ end }}", 1, "else"),
        ("{{ .A", 1, "unclosed action"),
        ("{{ $x }}", 1, "undefined variable"),
        ("{{ range \"abc\" }}{{ end }}", 1, "range can't iterate over"),
        ("{{ .S.k 1 }}", 1, "has arguments"),
        ("{{ nil }}", 1, "nil is not a command"),
    ] {
        let fault = render(template).expect_err(template);
        assert!(fault.message.contains(message), "{template}: {fault}");
        assert_eq!(fault.line, line, "{template}: {fault}");
    }
}

#[test]
fn hostile_templates_end_in_an_error() {
    let doubling = "{{$x := \"aaaaaaaa\"}}{{range 1000}}{{$x = print $x $x}}{{end}}";
    let nested = "{{$x := list 1 1}}{{range 10000}}{{$x = list $x $x}}{{end}}{{$x}}";
    let wide = "{{$x := list 1 1}}{{range 60}}{{$x = list $x $x}}{{end}}{{$x}}";
    let json = "{{$x := list 1 1}}{{range 60}}{{$x = list $x $x}}{{end}}{{toJson $x}}";
    let tree = "{{define \"a\"}}{{template \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}";
    let branches = "{{define \"a\"}}{{if true}}{{template \"b\"}}{{template \"b\"}}{{end}}{{end}}\
        {{define \"b\"}}{{if true}}{{template \"a\"}}{{end}}{{end}}{{template \"a\"}}";
    let printed = format!("{{{{$x := printf \"%1000000d\" 1}}}}{}", "{{$x}}".repeat(100));
    let held = "{{$l := list}}{{range 1000}}{{$l = append $l (printf \"%1000000d\" 1)}}{{end}}";
    for template in [
        doubling,
        nested,
        wide,
        json,
        tree,
        branches,
        &printed,
        held,
        "{{range 1000000000}}{{end}}",
        "{{range 1000000000}}x{{end}}",
    ] {
        let fault = render(template).expect_err(template);
        assert_eq!(fault.kind, FaultKind::Limit, "{template}: {fault}");
    }
    let deep = format!(
        "{}1{}",
        "{{if ".to_owned() + &"(".repeat(20_000),
        ")".repeat(20_000) + "}}{{end}}"
    );
    assert_eq!(render(&deep).expect_err("too deep").kind, FaultKind::Syntax);
    let ifs = "{{if 1}}".repeat(20_000) + &"{{end}}".repeat(20_000);
    assert_eq!(render(&ifs).expect_err("too deep").kind, FaultKind::Syntax);
}

#[test]
fn the_clock_ends_a_rendering() {
    let set = TemplateSet::parse([("t", "{{range 100000}}x{{end}}")], FunctionSet::new());
    let set = set.expect("a valid template");
    let limits = Limits { expired: &|| true, ..Limits::DEFAULT };
    let fault = set.render("t", &Value::Nil, &limits).expect_err("expired");
    assert!(fault.message.contains("time limit"), "{fault}");
}

#[test]
fn later_texts_replace_earlier_definitions() {
    let set = TemplateSet::parse(
        [
            ("a.tmpl", "{{ define \"x\" }}one{{ end }}"),
            (
                "b.tmpl",
                "{{ define \"x\" }}two{{ end }}{{ define \"y\" }}{{ template \"x\" }}{{ end }}",
            ),
            ("c.tmpl", "{{ define \"x\" }}  {{ end }}"),
        ],
        FunctionSet::new(),
    )
    .expect("valid templates");
    assert_eq!(set.render("y", &Value::Nil, &Limits::DEFAULT).as_deref(), Ok("two"));
    let twice = "{{ define \"x\" }}1{{ end }}{{ define \"x\" }}2{{ end }}";
    assert!(TemplateSet::parse([("t", twice)], FunctionSet::new()).is_err());
}
