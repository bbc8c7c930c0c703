//! Expressions over several lines, for people.
//!
//! Prometheus's rules: what fits in a line stays in one; else the parts go on lines of their own,
//! indented.

use crate::ast::{Aggregate, Binary, Expr, ExprKind};
use crate::printer::{aggregate_head, operator_with_modifiers, subquery_suffix};

/// Longer expressions are split.
const LINE_CHARS_MAX: usize = 100;

/// Formats an expression; what comes out parses to the same tree.
pub fn prettify(expr: &Expr) -> String {
    pretty(expr, 0)
}

fn pretty(expr: &Expr, level: usize) -> String {
    let indent = "  ".repeat(level);
    let whole = expr.to_string();
    let splits = whole.len() > LINE_CHARS_MAX;
    match &expr.kind {
        ExprKind::Aggregate(aggregate) if splits => pretty_aggregate(aggregate, level),
        ExprKind::Binary(binary) if splits => pretty_binary(binary, level),
        ExprKind::Call { function, args } if splits => {
            let args: Vec<String> = args.iter().map(|arg| pretty(arg, level + 1)).collect();
            format!("{indent}{}(\n{}\n{indent})", function.name, args.join(",\n"))
        }
        ExprKind::Paren(inner) if splits => {
            format!("{indent}(\n{}\n{indent})", pretty(inner, level + 1))
        }
        ExprKind::Subquery(subquery) if splits => {
            format!("{}{}", pretty(&subquery.expr, level), subquery_suffix(subquery))
        }
        ExprKind::Unary { negative, expr } => {
            let sign = if *negative { "-" } else { "+" };
            format!("{indent}{sign}{}", pretty(expr, level).trim())
        }
        ExprKind::StepInvariant(inner) => pretty(inner, level),
        // Prometheus does not indent a subquery that fits.
        ExprKind::Subquery(_) => whole,
        ExprKind::Aggregate(_)
        | ExprKind::Binary(_)
        | ExprKind::Call { .. }
        | ExprKind::Paren(_)
        | ExprKind::NumberLiteral { .. }
        | ExprKind::StringLiteral(_)
        | ExprKind::VectorSelector(_)
        | ExprKind::MatrixSelector(_) => format!("{indent}{whole}"),
    }
}

fn pretty_aggregate(aggregate: &Aggregate, level: usize) -> String {
    let indent = "  ".repeat(level);
    let mut text = format!("{indent}{}(\n", aggregate_head(aggregate));
    if let Some(param) = &aggregate.param {
        text.push_str(&pretty(param, level + 1));
        text.push_str(",\n");
    }
    format!("{text}{}\n{indent})", pretty(&aggregate.expr, level + 1))
}

fn pretty_binary(binary: &Binary, level: usize) -> String {
    let indent = "  ".repeat(level);
    let (lhs, rhs) = (pretty(&binary.lhs, level + 1), pretty(&binary.rhs, level + 1));
    format!("{lhs}\n{indent}{}\n{rhs}", operator_with_modifiers(binary))
}
