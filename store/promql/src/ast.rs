//! The syntax tree of a query, with positions.
//!
//! The parser builds it already type-checked; the printer writes it in Prometheus's canonical form.
//! Every node knows its span in bytes, because warnings and errors of the evaluation name
//! `line:column`.

use protocol::matcher::Matcher;

use crate::function_table::Function;
use crate::operator::{AggregateOp, BinaryOp};
use crate::value_type::ValueType;

/// A stretch of the query's text, in bytes: `start <= at < end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// One behind the last byte.
    pub end: u32,
}

impl Span {
    /// From `start` up to, not including, `end`.
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// From the beginning of this one to the end of the other.
    pub const fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }
}

/// An expression: where it stands and what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Its text, without surrounding spaces.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

impl Expr {
    /// What it yields.
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::NumberLiteral { .. } => ValueType::Scalar,
            ExprKind::StringLiteral(_) => ValueType::String,
            ExprKind::VectorSelector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::MatrixSelector(_) | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Call { function, .. } => function.return_type,
            ExprKind::Binary(binary) => {
                let scalar = |side: &Self| side.value_type() == ValueType::Scalar;
                if scalar(&binary.lhs) && scalar(&binary.rhs) {
                    ValueType::Scalar
                } else {
                    ValueType::Vector
                }
            }
            ExprKind::Unary { expr, .. } => expr.value_type(),
            ExprKind::Paren(expr) | ExprKind::StepInvariant(expr) => expr.value_type(),
        }
    }

    /// The expressions right below, in order of writing.
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::NumberLiteral { .. }
            | ExprKind::StringLiteral(_)
            | ExprKind::VectorSelector(_)
            | ExprKind::MatrixSelector(_) => Vec::new(),
            ExprKind::Subquery(subquery) => vec![&subquery.expr],
            ExprKind::Call { args, .. } => args.iter().collect(),
            ExprKind::Aggregate(aggregate) => {
                let mut children: Vec<&Self> = aggregate.param.as_deref().into_iter().collect();
                children.push(&aggregate.expr);
                children
            }
            ExprKind::Binary(binary) => vec![&binary.lhs, &binary.rhs],
            ExprKind::Unary { expr, .. } => vec![expr],
            ExprKind::Paren(expr) | ExprKind::StepInvariant(expr) => vec![expr],
        }
    }

    /// The same expressions, to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExprKind::NumberLiteral { .. }
            | ExprKind::StringLiteral(_)
            | ExprKind::VectorSelector(_)
            | ExprKind::MatrixSelector(_) => Vec::new(),
            ExprKind::Subquery(subquery) => vec![&mut subquery.expr],
            ExprKind::Call { args, .. } => args.iter_mut().collect(),
            ExprKind::Aggregate(aggregate) => {
                let mut children: Vec<&mut Self> =
                    aggregate.param.as_deref_mut().into_iter().collect();
                children.push(&mut aggregate.expr);
                children
            }
            ExprKind::Binary(binary) => vec![&mut binary.lhs, &mut binary.rhs],
            ExprKind::Unary { expr, .. } => vec![expr],
            ExprKind::Paren(expr) | ExprKind::StepInvariant(expr) => vec![expr],
        }
    }

    /// The expression inside all parentheses and step-invariant wrappings.
    pub fn unwrapped(&self) -> &Self {
        match &self.kind {
            ExprKind::Paren(expr) | ExprKind::StepInvariant(expr) => expr.unwrapped(),
            _ => self,
        }
    }
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `1`, `0x1f`, `NaN`, `5m`.
    NumberLiteral {
        /// Seconds where it was written as a duration.
        value: f64,
        /// Whether it was written as a duration, for printing.
        is_duration: bool,
    },
    /// `"text"`.
    StringLiteral(String),
    /// `metric{label="value"} offset 5m @ 100`.
    VectorSelector(VectorSelector),
    /// `metric[5m]`.
    MatrixSelector(MatrixSelector),
    /// `expression[1h:5m]`.
    Subquery(Subquery),
    /// `rate(...)`.
    Call {
        /// What is called.
        function: &'static Function,
        /// Of the types that the function asks for.
        args: Vec<Expr>,
    },
    /// `sum by (label) (...)`.
    Aggregate(Aggregate),
    /// `left + right`.
    Binary(Binary),
    /// `-x`.
    Unary {
        /// Minus, else plus.
        negative: bool,
        /// Scalar or instant vector.
        expr: Box<Expr>,
    },
    /// `(x)`.
    Paren(Box<Expr>),
    /// An expression with the same value at every step; only the planner wraps it.
    StepInvariant(Box<Expr>),
}

/// `metric{...}` with its modifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSelector {
    /// The metric's name as written before the braces; empty where none was.
    pub name: String,
    /// In order of writing; the name's matcher, where there is a name, is among them.
    pub matchers: Vec<Matcher>,
    /// As written; positive looks into the past.
    pub offset: DurationValue,
    /// The time that it is pinned to.
    pub at: Option<At>,
    /// `anchored`: takes the value at both edges of the range.
    pub anchored: bool,
    /// `smoothed`: interpolates at both edges of the range.
    pub smoothed: bool,
    /// Whether all matchers may fit the empty string: the data selector of `info()`.
    pub may_match_empty: bool,
}

/// `metric[5m]`; offset and `@` stand in the selector.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixSelector {
    /// What is selected.
    pub selector: VectorSelector,
    /// Where the selector stands, without the brackets.
    pub selector_span: Span,
    /// How far back.
    pub range: DurationValue,
}

/// `expression[range:step] offset ... @ ...`.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// An instant vector.
    pub expr: Box<Expr>,
    /// How far back.
    pub range: DurationValue,
    /// `None`: the engine's default step.
    pub step: Option<DurationValue>,
    /// As written; positive looks into the past.
    pub offset: DurationValue,
    /// The time that it is pinned to.
    pub at: Option<At>,
}

/// `op by (labels) (param, expr)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// What is computed.
    pub op: AggregateOp,
    /// The instant vector.
    pub expr: Box<Expr>,
    /// The k, the quantile, the ratio or the label's name.
    pub param: Option<Box<Expr>>,
    /// Labels of `by` or `without`, as written.
    pub grouping: Vec<String>,
    /// `without` instead of `by`.
    pub without: bool,
}

/// `lhs op rhs`.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// The left side.
    pub lhs: Box<Expr>,
    /// The right side.
    pub rhs: Box<Expr>,
    /// Only, and always, between two instant vectors.
    pub matching: Option<VectorMatching>,
    /// `bool` was written: a comparison yields 0 or 1.
    pub return_bool: bool,
}

/// Where a selector's or subquery's time is pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since 1970.
    Timestamp(i64),
    /// `start()`.
    Start,
    /// `end()`.
    End,
}

/// A duration: known, or to be computed once start, end and step of the query are known.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationValue {
    /// Milliseconds.
    Literal(i64),
    /// Computed, in seconds.
    Expr(Box<DurationExpr>),
}

impl Default for DurationValue {
    fn default() -> Self {
        Self::Literal(0)
    }
}

/// A computed duration.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationExpr {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: DurationKind,
}

/// The kinds of computed duration. All values are seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationKind {
    /// `5m` or `300`.
    Literal {
        /// In seconds.
        seconds: f64,
        /// Whether it was written as a duration, for printing.
        is_duration: bool,
    },
    /// `step()`: the query's step; an instant query has 0.
    Step,
    /// `range()`: the query's end minus its start.
    Range,
    /// `min_of(a, b)`
    MinOf(Box<DurationExpr>, Box<DurationExpr>),
    /// `max_of(a, b)`
    MaxOf(Box<DurationExpr>, Box<DurationExpr>),
    /// `-a` or `+a`.
    Unary {
        /// Minus, else plus.
        negative: bool,
        /// What it applies to.
        operand: Box<DurationExpr>,
    },
    /// `a + b`; only `+ - * / % ^` occur.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// The left side.
        lhs: Box<DurationExpr>,
        /// The right side.
        rhs: Box<DurationExpr>,
    },
    /// `(a)`, kept for printing.
    Paren(Box<DurationExpr>),
}

/// How many elements may match on either side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchCardinality {
    /// One to one, the default of arithmetic and comparison.
    #[default]
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
    /// The set operators.
    ManyToMany,
}

impl MatchCardinality {
    /// As error messages call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneToOne => "one-to-one",
            Self::ManyToOne => "many-to-one",
            Self::OneToMany => "one-to-many",
            Self::ManyToMany => "many-to-many",
        }
    }
}

/// How the elements of two instant vectors find each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VectorMatching {
    /// How many on either side.
    pub card: MatchCardinality,
    /// Labels of `on` or `ignoring`, as written.
    pub labels: Vec<String>,
    /// `on` instead of `ignoring`.
    pub on: bool,
    /// Labels that `group_left` or `group_right` copies from the "one" side.
    pub include: Vec<String>,
    /// What stands in for a missing left element.
    pub fill_left: Option<f64>,
    /// What stands in for a missing right element.
    pub fill_right: Option<f64>,
}
