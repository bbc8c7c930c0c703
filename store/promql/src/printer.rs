//! The canonical form of an expression.
//!
//! It is Prometheus's: what parses prints, and what was printed parses to the same tree.

use std::fmt;

use protocol::go_float::{format_f, format_g};
use protocol::labels::{METRIC_NAME, is_legacy_label_name, write_quoted};
use protocol::matcher::{MatchOp, Matcher};
use protocol::time::PromDuration;

use crate::ast::{
    Aggregate, At, Binary, DurationExpr, DurationKind, DurationValue, Expr, ExprKind,
    MatchCardinality, MatrixSelector, Subquery, VectorMatching, VectorSelector,
};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::NumberLiteral { value, is_duration } => write_number(f, *value, *is_duration),
            ExprKind::StringLiteral(text) => write_quoted(f, text),
            ExprKind::VectorSelector(selector) => write!(f, "{selector}"),
            ExprKind::MatrixSelector(matrix) => write!(f, "{matrix}"),
            ExprKind::Subquery(subquery) => {
                write!(f, "{}{}", subquery.expr, subquery_suffix(subquery))
            }
            ExprKind::Call { function, args } => {
                write!(f, "{}(", function.name)?;
                write_list(f, args, |f, arg| write!(f, "{arg}"))?;
                f.write_str(")")
            }
            ExprKind::Aggregate(aggregate) => {
                write!(f, "{}(", aggregate_head(aggregate))?;
                if let Some(param) = &aggregate.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", aggregate.expr)
            }
            ExprKind::Binary(binary) => {
                write!(f, "{} {} {}", binary.lhs, operator_with_modifiers(binary), binary.rhs)
            }
            ExprKind::Unary { negative, expr } => {
                write!(f, "{}{expr}", if *negative { "-" } else { "+" })
            }
            ExprKind::Paren(expr) => write!(f, "({expr})"),
            ExprKind::StepInvariant(expr) => write!(f, "{expr}"),
        }
    }
}

impl fmt::Display for VectorSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_matchers(f, self)?;
        write_at(f, self.at)?;
        write_extension(f, self)?;
        write_offset(f, &self.offset)
    }
}

impl fmt::Display for MatrixSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_matchers(f, &self.selector)?;
        write!(f, "[{}]", self.range)?;
        write_extension(f, &self.selector)?;
        write_at(f, self.selector.at)?;
        write_offset(f, &self.selector.offset)
    }
}

impl fmt::Display for DurationValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(millis) => write_duration(f, *millis),
            Self::Expr(expr) => write!(f, "{expr}"),
        }
    }
}

impl fmt::Display for DurationExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DurationKind::Literal { seconds, is_duration } => {
                write_number(f, *seconds, *is_duration)
            }
            DurationKind::Step => f.write_str("step()"),
            DurationKind::Range => f.write_str("range()"),
            DurationKind::MinOf(a, b) => write!(f, "min_of({a}, {b})"),
            DurationKind::MaxOf(a, b) => write!(f, "max_of({a}, {b})"),
            DurationKind::Unary { negative: true, operand } => write!(f, "-{operand}"),
            DurationKind::Unary { negative: false, operand } => write!(f, "{operand}"),
            DurationKind::Binary { op, lhs, rhs } => write!(f, "{lhs} {} {rhs}", op.as_str()),
            DurationKind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

/// `[1h:5m] @ 0.000 offset 1m`
pub(crate) fn subquery_suffix(subquery: &Subquery) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        write!(f, "[{}:", subquery.range)?;
        if let Some(step) = &subquery.step {
            write!(f, "{step}")?;
        }
        f.write_str("]")?;
        write_at(f, subquery.at)?;
        write_offset(f, &subquery.offset)
    })
}

/// `sum by (a, b) `
pub(crate) fn aggregate_head(aggregate: &Aggregate) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        f.write_str(aggregate.op.as_str())?;
        let word = match (aggregate.without, aggregate.grouping.is_empty()) {
            (true, _) => "without",
            (false, false) => "by",
            (false, true) => return Ok(()),
        };
        write!(f, " {word} (")?;
        write_labels(f, &aggregate.grouping)?;
        f.write_str(") ")
    })
}

/// `== bool on (a) group_left (b)`
pub(crate) fn operator_with_modifiers(binary: &Binary) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        f.write_str(binary.op.as_str())?;
        if binary.return_bool {
            f.write_str(" bool")?;
        }
        binary.matching.as_ref().map_or(Ok(()), |matching| write_matching(f, matching))
    })
}

fn write_matching(f: &mut fmt::Formatter<'_>, matching: &VectorMatching) -> fmt::Result {
    let side = match matching.card {
        MatchCardinality::ManyToOne => Some("left"),
        MatchCardinality::OneToMany => Some("right"),
        MatchCardinality::OneToOne | MatchCardinality::ManyToMany => None,
    };
    if !matching.labels.is_empty() || matching.on || side.is_some() {
        f.write_str(if matching.on { " on (" } else { " ignoring (" })?;
        write_labels(f, &matching.labels)?;
        f.write_str(")")?;
    }
    if let Some(side) = side {
        write!(f, " group_{side} (")?;
        write_labels(f, &matching.include)?;
        f.write_str(")")?;
    }
    match (matching.fill_left, matching.fill_right) {
        (Some(left), Some(right)) if left == right => {
            return write!(f, " fill ({})", format_g(left));
        }
        _ => {}
    }
    if let Some(left) = matching.fill_left {
        write!(f, " fill_left ({})", format_g(left))?;
    }
    if let Some(right) = matching.fill_right {
        write!(f, " fill_right ({})", format_g(right))?;
    }
    Ok(())
}

fn write_matchers(f: &mut fmt::Formatter<'_>, selector: &VectorSelector) -> fmt::Result {
    let is_name = |matcher: &&Matcher| {
        matcher.name == METRIC_NAME
            && matcher.op == MatchOp::Equal
            && matcher.value == selector.name
            && !matcher.value.is_empty()
    };
    let mut matchers: Vec<String> =
        selector.matchers.iter().filter(|m| !is_name(m)).map(Matcher::to_string).collect();
    f.write_str(&selector.name)?;
    if matchers.is_empty() {
        return Ok(());
    }
    matchers.sort_unstable();
    write!(f, "{{{}}}", matchers.join(","))
}

fn write_extension(f: &mut fmt::Formatter<'_>, selector: &VectorSelector) -> fmt::Result {
    if selector.anchored {
        f.write_str(" anchored")
    } else if selector.smoothed {
        f.write_str(" smoothed")
    } else {
        Ok(())
    }
}

fn write_at(f: &mut fmt::Formatter<'_>, at: Option<At>) -> fmt::Result {
    match at {
        None => Ok(()),
        Some(At::Timestamp(millis)) => write!(f, " @ {:.3}", millis as f64 / 1000.0),
        Some(At::Start) => f.write_str(" @ start()"),
        Some(At::End) => f.write_str(" @ end()"),
    }
}

fn write_offset(f: &mut fmt::Formatter<'_>, offset: &DurationValue) -> fmt::Result {
    match offset {
        DurationValue::Literal(0) => Ok(()),
        offset => write!(f, " offset {offset}"),
    }
}

/// Durations print in milliseconds, cut.
fn write_number(f: &mut fmt::Formatter<'_>, value: f64, is_duration: bool) -> fmt::Result {
    if is_duration {
        write_duration(f, (value * 1e9) as i64 / 1_000_000)
    } else {
        f.write_str(&format_f(value))
    }
}

fn write_duration(f: &mut fmt::Formatter<'_>, millis: i64) -> fmt::Result {
    if millis < 0 {
        f.write_str("-")?;
    }
    write!(f, "{}", PromDuration::from_millis(millis.unsigned_abs()))
}

fn write_labels(f: &mut fmt::Formatter<'_>, labels: &[String]) -> fmt::Result {
    write_list(f, labels, |f, label| {
        if is_legacy_label_name(label) { f.write_str(label) } else { write_quoted(f, label) }
    })
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}
