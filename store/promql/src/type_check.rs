//! Whether the types of an expression fit.
//!
//! Runs once over a freshly parsed tree; it also settles what depends on the types: matching only
//! stays between instant vectors, set operators are many-to-many.

use protocol::labels::METRIC_NAME;
use protocol::matcher::Matcher;

use crate::ast::{Aggregate, Binary, Expr, ExprKind, MatchCardinality, Span, VectorSelector};
use crate::function_table::{Arity, Function, FunctionId};
use crate::operator::AggregateOp;
use crate::parse_error::ParseError;
use crate::value_type::ValueType;

/// Checks `expr`, the tree of `query`, and settles its matchings.
pub fn check_types(query: &str, expr: &mut Expr) -> Result<(), ParseError> {
    Checker { query }.check(expr)
}

struct Checker<'a> {
    query: &'a str,
}

type Result<T, E = ParseError> = std::result::Result<T, E>;

impl Checker<'_> {
    fn error<T>(&self, span: Span, message: impl Into<String>) -> Result<T> {
        Err(ParseError::new(self.query, span, message))
    }

    fn check(&self, expr: &mut Expr) -> Result<()> {
        let span = expr.span;
        match &mut expr.kind {
            ExprKind::NumberLiteral { .. } | ExprKind::StringLiteral(_) => Ok(()),
            ExprKind::VectorSelector(selector) => self.vector_selector(span, selector),
            ExprKind::MatrixSelector(matrix) => {
                self.vector_selector(matrix.selector_span, &matrix.selector)
            }
            ExprKind::Subquery(subquery) => {
                self.check(&mut subquery.expr)?;
                match subquery.expr.value_type() {
                    ValueType::Vector => Ok(()),
                    other => self.error(
                        span,
                        format!(
                            "subquery is only allowed on instant vector, got {} instead",
                            other.as_str()
                        ),
                    ),
                }
            }
            ExprKind::Call { function, args } => self.call(span, function, args),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate),
            ExprKind::Binary(binary) => self.binary(span, binary),
            ExprKind::Unary { expr, .. } => {
                self.check(expr)?;
                match expr.value_type() {
                    ValueType::Scalar | ValueType::Vector => Ok(()),
                    other => self.error(
                        span,
                        format!(
                            "unary expression only allowed on expressions of type scalar or \
                             instant vector, got {:?}",
                            other.documented()
                        ),
                    ),
                }
            }
            ExprKind::Paren(expr) | ExprKind::StepInvariant(expr) => self.check(expr),
        }
    }

    fn expect_type(&self, expr: &mut Expr, wanted: ValueType, place: &str) -> Result<()> {
        self.check(expr)?;
        let found = expr.value_type();
        if found == wanted {
            return Ok(());
        }
        let (wanted, found) = (wanted.documented(), found.documented());
        self.error(expr.span, format!("expected type {wanted} in {place}, got {found}"))
    }

    fn vector_selector(&self, span: Span, selector: &VectorSelector) -> Result<()> {
        if !selector.name.is_empty() {
            // The last matcher is that of the name before the braces.
            let inside = selector.matchers.split_last().map_or(&[][..], |(_, inside)| inside);
            return match inside.iter().find(|matcher| matcher.name == METRIC_NAME) {
                None => Ok(()),
                Some(second) => self.error(
                    span,
                    format!(
                        "metric name must not be set twice: {:?} or {:?}",
                        selector.name, second.value
                    ),
                ),
            };
        }
        if selector.may_match_empty || !selector.matchers.iter().all(Matcher::matches_empty) {
            return Ok(());
        }
        self.error(span, "vector selector must contain at least one non-empty matcher")
    }

    fn aggregate(&self, aggregate: &mut Aggregate) -> Result<()> {
        let wanted = match aggregate.op {
            op if op.takes_scalar() => Some(ValueType::Scalar),
            AggregateOp::CountValues => Some(ValueType::String),
            _ => None,
        };
        self.expect_type(&mut aggregate.expr, ValueType::Vector, "aggregation expression")?;
        match (wanted, &mut aggregate.param) {
            (Some(wanted), Some(param)) => self.expect_type(param, wanted, "aggregation parameter"),
            _ => Ok(()),
        }
    }

    fn call(&self, span: Span, function: &Function, args: &mut [Expr]) -> Result<()> {
        self.arity(span, function, args.len())?;
        if function.id == FunctionId::Info
            && let Some(data) = args.get_mut(1)
        {
            self.info_selector(span, data)?;
        }
        let place = format!("call to function {:?}", function.name);
        for (at, arg) in args.iter_mut().enumerate() {
            let wanted = function.arg_type(at).expect("the number of arguments was checked");
            self.expect_type(arg, wanted, &place)?;
        }
        Ok(())
    }

    fn arity(&self, span: Span, function: &Function, count: usize) -> Result<()> {
        let name = function.name;
        let (least, most) = (function.min_args(), function.max_args());
        let wanted = if function.arity == Arity::Exact && count != least {
            format!("{least}")
        } else if count < least {
            format!("at least {least}")
        } else if let Some(most) = most.filter(|&most| count > most) {
            format!("at most {most}")
        } else {
            return Ok(());
        };
        self.error(span, format!("expected {wanted} argument(s) in call to {name:?}, got {count}"))
    }

    /// The second argument of `info()` selects labels, not series: it needs no name and may match
    /// everything.
    fn info_selector(&self, call: Span, data: &mut Expr) -> Result<()> {
        let found = data.value_type();
        if found != ValueType::Vector {
            let found = found.documented();
            let message =
                format!("expected type instant vector in call to function \"info\", got {found}");
            return self.error(call, message);
        }
        match &mut data.kind {
            ExprKind::VectorSelector(selector) if selector.name.is_empty() => {
                selector.may_match_empty = true;
                Ok(())
            }
            ExprKind::VectorSelector(_) => {
                self.error(data.span, "expected label selectors only, got vector selector instead")
            }
            _ => self.error(data.span, "expected label selectors only"),
        }
    }

    fn binary(&self, span: Span, binary: &mut Binary) -> Result<()> {
        self.check(&mut binary.lhs)?;
        self.check(&mut binary.rhs)?;
        let (left, right) = (binary.lhs.value_type(), binary.rhs.value_type());
        let op_span = self.operator_span(binary);
        if binary.return_bool && !binary.op.is_comparison() {
            let message = "bool modifier can only be used on comparison operators";
            return self.error(op_span, message);
        }
        let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
        if scalars && binary.op.is_comparison() && !binary.return_bool {
            return self.error(op_span, "comparisons between scalars must use BOOL modifier");
        }
        self.labels_differ(op_span, binary)?;
        for side in [&binary.lhs, &binary.rhs] {
            if !matches!(side.value_type(), ValueType::Scalar | ValueType::Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return self.error(side.span, message);
            }
        }
        if left == ValueType::Vector && right == ValueType::Vector {
            return self.set_operator(span, binary);
        }
        self.drop_matching(span, binary)?;
        if binary.op.is_set() {
            let op = binary.op.as_str();
            let message = format!("set operator {op:?} not allowed in binary scalar expression");
            return self.error(span, message);
        }
        Ok(())
    }

    fn labels_differ(&self, op_span: Span, binary: &Binary) -> Result<()> {
        let Some(matching) = binary.matching.as_ref().filter(|matching| matching.on) else {
            return Ok(());
        };
        match matching.labels.iter().find(|label| matching.include.contains(label)) {
            None => Ok(()),
            Some(label) => self.error(
                op_span,
                format!("label {label:?} must not occur in ON and GROUP clause at once"),
            ),
        }
    }

    /// Between instant vectors.
    fn set_operator(&self, span: Span, binary: &mut Binary) -> Result<()> {
        let Some(matching) = binary.matching.as_mut().filter(|_| binary.op.is_set()) else {
            return Ok(());
        };
        if matching.card != MatchCardinality::OneToOne {
            let message = format!("no grouping allowed for {:?} operation", binary.op.as_str());
            return self.error(span, message);
        }
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            return self.error(span, "filling in missing series not allowed for set operators");
        }
        matching.card = MatchCardinality::ManyToMany;
        Ok(())
    }

    /// Where a side is a scalar there is nothing to match.
    fn drop_matching(&self, span: Span, binary: &mut Binary) -> Result<()> {
        let Some(matching) = binary.matching.take() else { return Ok(()) };
        if !matching.labels.is_empty() {
            return self.error(span, "vector matching only allowed between instant vectors");
        }
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            let message = "filling in missing series only allowed between instant vectors";
            return self.error(span, message);
        }
        Ok(())
    }

    /// The text between the two sides.
    fn operator_span(&self, binary: &Binary) -> Span {
        let (start, end) = (binary.lhs.span.end, binary.rhs.span.start);
        let between = &self.query.as_bytes()[start as usize..end as usize];
        let blanks = between.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        Span::new(start + blanks as u32, end)
    }
}
