//! A query's syntax tree as JSON, for `parse_query`.
//!
//! Names and shapes are those that Prometheus's own web interface reads. Durations are
//! milliseconds; one that is computed stands in the field of the same name with `Expr` behind it,
//! beside a 0.

use promql::ast::{
    Aggregate, At, Binary, DurationExpr, DurationKind, DurationValue, Expr, ExprKind,
    MatrixSelector, Subquery, VectorMatching, VectorSelector,
};
use promql::function_table::{Arity, Function};
use promql::value_type::ValueType;
use protocol::go_float::format_f;
use serde_json::{Value, json};

/// The tree of an expression. Its depth is bounded by the parser.
pub fn tree(expr: &Expr) -> Value {
    match &expr.kind {
        ExprKind::NumberLiteral { value, .. } => number(*value),
        ExprKind::StringLiteral(text) => json!({"type": "stringLiteral", "val": text}),
        ExprKind::VectorSelector(selector) => {
            let mut out = selector_fields("vectorSelector", selector);
            out["name"] = json!(selector.name);
            out
        }
        ExprKind::MatrixSelector(matrix) => matrix_selector(matrix),
        ExprKind::Subquery(inner) => subquery(inner),
        ExprKind::Call { function, args } => {
            let args: Vec<_> = args.iter().map(tree).collect();
            json!({"type": "call", "func": signature(function), "args": args})
        }
        ExprKind::Aggregate(inner) => aggregation(inner),
        ExprKind::Binary(inner) => binary(inner),
        ExprKind::Unary { negative, expr } => {
            json!({"type": "unaryExpr", "op": sign(*negative), "expr": tree(expr)})
        }
        ExprKind::Paren(inner) => json!({"type": "parenExpr", "expr": tree(inner)}),
        ExprKind::StepInvariant(inner) => tree(inner),
    }
}

fn number(value: f64) -> Value {
    json!({"type": "numberLiteral", "val": format_f(value)})
}

const fn sign(negative: bool) -> &'static str {
    if negative { "-" } else { "+" }
}

fn selector_fields(kind: &str, selector: &VectorSelector) -> Value {
    let matchers: Vec<_> = selector
        .matchers
        .iter()
        .map(|m| json!({"name": m.name, "value": m.value, "type": m.op.as_str()}))
        .collect();
    let (timestamp, edge) = pinned(selector.at);
    let mut out = json!({
        "type": kind,
        "matchers": matchers,
        "timestamp": timestamp,
        "startOrEnd": edge,
        "anchored": selector.anchored,
        "smoothed": selector.smoothed,
    });
    put_duration(&mut out, "offset", &selector.offset);
    out
}

fn matrix_selector(matrix: &MatrixSelector) -> Value {
    let mut out = selector_fields("matrixSelector", &matrix.selector);
    out["name"] = json!(matrix.selector.name);
    put_duration(&mut out, "range", &matrix.range);
    out
}

fn subquery(subquery: &Subquery) -> Value {
    let (timestamp, edge) = pinned(subquery.at);
    let mut out = json!({
        "type": "subquery",
        "expr": tree(&subquery.expr),
        "timestamp": timestamp,
        "startOrEnd": edge,
    });
    put_duration(&mut out, "range", &subquery.range);
    put_duration(&mut out, "offset", &subquery.offset);
    put_duration(&mut out, "step", subquery.step.as_ref().unwrap_or(&DurationValue::Literal(0)));
    out
}

fn pinned(at: Option<At>) -> (Value, Value) {
    match at {
        None => (Value::Null, Value::Null),
        Some(At::Timestamp(at_ms)) => (json!(at_ms), Value::Null),
        Some(At::Start) => (Value::Null, json!("start")),
        Some(At::End) => (Value::Null, json!("end")),
    }
}

fn put_duration(out: &mut Value, name: &str, duration: &DurationValue) {
    let (millis, computed) = match duration {
        DurationValue::Literal(millis) => (*millis, Value::Null),
        DurationValue::Expr(expr) => (0, duration_tree(expr, false)),
    };
    out[name] = json!(millis);
    out[format!("{name}Expr")] = computed;
}

fn duration_tree(duration: &DurationExpr, wrapped: bool) -> Value {
    let node = |op: &str, lhs: Value, rhs: Value| json!({"type": "durationExpr", "op": op, "lhs": lhs, "rhs": rhs, "wrapped": wrapped});
    let side = |side: &DurationExpr| duration_tree(side, false);
    match &duration.kind {
        DurationKind::Literal { seconds, .. } => number(*seconds),
        DurationKind::Step => node("step", Value::Null, Value::Null),
        DurationKind::Range => node("range", Value::Null, Value::Null),
        DurationKind::MinOf(a, b) => node("min_of", side(a), side(b)),
        DurationKind::MaxOf(a, b) => node("max_of", side(a), side(b)),
        DurationKind::Unary { negative, operand } => {
            node(sign(*negative), Value::Null, side(operand))
        }
        DurationKind::Binary { op, lhs, rhs } => node(op.as_str(), side(lhs), side(rhs)),
        DurationKind::Paren(inner) => duration_tree(inner, true),
    }
}

fn aggregation(aggregate: &Aggregate) -> Value {
    json!({
        "type": "aggregation",
        "op": aggregate.op.as_str(),
        "expr": tree(&aggregate.expr),
        "param": aggregate.param.as_deref().map(tree),
        "grouping": aggregate.grouping,
        "without": aggregate.without,
    })
}

fn binary(binary: &Binary) -> Value {
    json!({
        "type": "binaryExpr",
        "op": binary.op.as_str(),
        "lhs": tree(&binary.lhs),
        "rhs": tree(&binary.rhs),
        "matching": binary.matching.as_ref().map(matching),
        "bool": binary.return_bool,
    })
}

fn matching(matching: &VectorMatching) -> Value {
    json!({
        "card": matching.card.as_str(),
        "labels": matching.labels,
        "on": matching.on,
        "include": matching.include,
        "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
    })
}

fn signature(function: &Function) -> Value {
    let types: Vec<_> = function.arg_types.iter().copied().map(ValueType::as_str).collect();
    // Prometheus's own count: so many arguments may be missing or repeated, -1 without end.
    let variadic = match function.arity {
        Arity::Exact => 0,
        Arity::LastOptional => 1,
        Arity::UpTo(more) => i64::try_from(more).unwrap_or(i64::MAX),
        Arity::AnyMore => -1,
    };
    json!({
        "name": function.name,
        "argTypes": types,
        "variadic": variadic,
        "returnType": function.return_type.as_str(),
    })
}
