//! Hostile bytes for `templates`.

use std::sync::Arc;

use templates::functions::FunctionSet;
use templates::functions_alert::alert_functions_for_parsing;
use templates::functions_rule::rule_functions_for_parsing;
use templates::limits::Limits;
use templates::set::TemplateSet;
use templates::value::Value;

/// Small, so that the fuzzer meets them.
const LIMITS: Limits<'static> =
    Limits { output_bytes_max: 64 << 10, steps_max: 20_000, expired: &|| false };

/// A template, rendered as text and as HTML. The output is never longer than the limit.
pub fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    render(text, alert_functions_for_parsing());
    render(text, rule_functions_for_parsing());
}

fn render(text: &str, functions: FunctionSet) {
    let Ok(set) = TemplateSet::parse([("main", text)], functions) else { return };
    let data = data();
    if let Ok(output) = set.render("main", &data, &LIMITS) {
        assert!(output.len() <= LIMITS.output_bytes_max);
    }
    let _ = set.render_html("main", &data, &LIMITS);
}

fn data() -> Value {
    let alert = Value::map([
        (Arc::from("Status"), Value::from("firing")),
        (Arc::from("Labels"), Value::strings([("alertname", "<Down>"), ("job", "node")])),
    ]);
    Value::map([
        (Arc::from("Value"), Value::Float(1.5)),
        (Arc::from("Labels"), Value::strings([("instance", "a\"b")])),
        (Arc::from("Alerts"), Value::list(vec![alert.clone(), alert])),
    ])
}
