//! What is to be computed, with all times known.
//!
//! Offsets, `@` and computed durations are numbers here, parentheses are gone, every selector
//! knows its selection, and what has the same value at every step is marked.

use protocol::matcher::Matcher;

use crate::ast::{Span, VectorMatching};
use crate::eval_params::EvalParams;
use crate::function_table::Function;
use crate::operator::{AggregateOp, BinaryOp};
use crate::source::Selection;
use crate::value_type::ValueType;

/// The steps of an evaluation: `start`, `start + step`, ... up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// First step.
    pub start_ms: i64,
    /// No step is later.
    pub end_ms: i64,
    /// More than zero.
    pub step_ms: i64,
}

impl Grid {
    /// A single step.
    pub const fn instant(at_ms: i64) -> Self {
        Self { start_ms: at_ms, end_ms: at_ms, step_ms: 1 }
    }

    /// How many steps; none where the end lies before the start.
    pub const fn len(&self) -> usize {
        if self.end_ms < self.start_ms {
            return 0;
        }
        ((self.end_ms - self.start_ms) / self.step_ms) as usize + 1
    }

    /// Whether there is no step.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is one step only.
    pub const fn is_instant(&self) -> bool {
        self.start_ms == self.end_ms
    }

    /// Time of a step.
    pub const fn at(&self, step: usize) -> i64 {
        self.start_ms + step as i64 * self.step_ms
    }

    /// The step at a time that is one of the steps.
    pub const fn step_of(&self, at_ms: i64) -> usize {
        ((at_ms - self.start_ms) / self.step_ms) as usize
    }

    /// Time of the last step.
    pub const fn last_ms(&self) -> i64 {
        self.start_ms + (self.end_ms - self.start_ms) / self.step_ms * self.step_ms
    }

    /// The times in order.
    pub fn times(self) -> impl Iterator<Item = i64> {
        (0..self.len()).map(move |step| self.at(step))
    }
}

/// Where a selector or subquery looks, as seen from a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Pinned to this time.
    pub at_ms: Option<i64>,
    /// So far into the past.
    pub offset_ms: i64,
}

impl Shift {
    /// The time of the data for a step.
    pub fn data_ms(&self, step_ms: i64) -> i64 {
        self.at_ms.unwrap_or(step_ms) - self.offset_ms
    }
}

/// A node of the plan.
#[derive(Clone, Debug)]
pub struct Node {
    /// Of the expression that it comes from.
    pub span: Span,
    /// What to compute.
    pub kind: NodeKind,
}

/// The kinds of node.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// A number, the same at every step.
    Number(f64),
    /// A text.
    Text(String),
    /// The newest samples of series.
    Vector(VectorNode),
    /// The samples of series over a range.
    Matrix(MatrixNode),
    /// The values of an expression over a range.
    Subquery(SubqueryNode),
    /// A function.
    Call(CallNode),
    /// An aggregation.
    Aggregate(AggregateNode),
    /// An operator between two.
    Binary(BinaryNode),
    /// The negative value.
    Negate(Box<Node>),
    /// To be evaluated at the first step only.
    StepInvariant(Box<Node>),
}

/// An instant vector selector.
#[derive(Clone, Debug)]
pub struct VectorNode {
    /// Which of the plan's selections.
    pub selection: usize,
    /// Where it looks.
    pub shift: Shift,
    /// Interpolates between the neighbours.
    pub smoothed: bool,
    /// Takes the sample at the range's start too.
    pub anchored: bool,
    /// Only count and sum of native histograms are asked for.
    pub stats_only: bool,
    /// As written.
    pub matchers: Vec<Matcher>,
}

/// A range vector selector.
#[derive(Clone, Debug)]
pub struct MatrixNode {
    /// What is selected.
    pub selector: VectorNode,
    /// How far back, more than zero.
    pub range_ms: i64,
}

/// A subquery.
#[derive(Clone, Debug)]
pub struct SubqueryNode {
    /// An instant vector.
    pub expr: Box<Node>,
    /// How far back, more than zero.
    pub range_ms: i64,
    /// More than zero.
    pub step_ms: i64,
    /// Where it looks.
    pub shift: Shift,
}

impl SubqueryNode {
    /// The steps to evaluate so that every step of `outer` finds its range; they are multiples
    /// of the step, whatever the query's start.
    pub fn grid(&self, outer: &Grid) -> Grid {
        let from_ms = self.shift.data_ms(outer.start_ms) - self.range_ms;
        let mut start_ms = from_ms / self.step_ms * self.step_ms;
        // Ranges are open on the left.
        if start_ms <= from_ms {
            start_ms += self.step_ms;
        }
        Grid { start_ms, end_ms: self.shift.data_ms(outer.last_ms()), step_ms: self.step_ms }
    }
}

/// A function call.
#[derive(Clone, Debug)]
pub struct CallNode {
    /// Which function.
    pub function: &'static Function,
    /// As many as the function takes.
    pub args: Vec<Node>,
    /// For `info()`: where the info series are.
    pub info: Option<InfoSelection>,
}

/// The info series that `info()` joins.
#[derive(Clone, Debug)]
pub struct InfoSelection {
    /// Which of the plan's selections.
    pub selection: usize,
    /// As the base series look.
    pub shift: Shift,
    /// Matchers of the second argument that are not on the name.
    pub data_matchers: Vec<Matcher>,
    /// Matchers on the name of the info metrics.
    pub name_matchers: Vec<Matcher>,
}

/// An aggregation.
#[derive(Clone, Debug)]
pub struct AggregateNode {
    /// What is computed.
    pub op: AggregateOp,
    /// The instant vector.
    pub expr: Box<Node>,
    /// The k, the quantile, the ratio or the label's name.
    pub param: Option<Box<Node>>,
    /// Sorted.
    pub grouping: Vec<String>,
    /// `without` instead of `by`.
    pub without: bool,
}

/// A binary operator.
#[derive(Clone, Debug)]
pub struct BinaryNode {
    /// Which.
    pub op: BinaryOp,
    /// Left.
    pub lhs: Box<Node>,
    /// Right.
    pub rhs: Box<Node>,
    /// Between two instant vectors.
    pub matching: Option<VectorMatching>,
    /// A comparison that yields 0 or 1.
    pub return_bool: bool,
}

/// A query that is ready to be fetched for and evaluated.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) root: Node,
    pub(crate) value_type: ValueType,
    pub(crate) selections: Vec<Selection>,
    pub(crate) params: EvalParams,
}

impl Plan {
    /// What must be fetched, in the order in which the evaluation wants it.
    pub fn selections(&self) -> &[Selection] {
        &self.selections
    }

    /// What the expression yields at one step.
    pub fn value_type(&self) -> ValueType {
        self.value_type
    }

    /// The times of the query.
    pub fn params(&self) -> &EvalParams {
        &self.params
    }
}
