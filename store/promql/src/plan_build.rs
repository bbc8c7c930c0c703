//! From the syntax tree to the plan.

use protocol::labels::METRIC_NAME;
use protocol::matcher::{MatchOp, Matcher};

use crate::ast::{Aggregate, At, Binary, Expr, ExprKind, MatrixSelector, Subquery, VectorSelector};
use crate::errors::EvalError;
use crate::eval_params::EvalParams;
use crate::function_table::{Function, FunctionId};
use crate::operator::BinaryOp;
use crate::plan::{
    AggregateNode, BinaryNode, CallNode, InfoSelection, MatrixNode, Node, NodeKind, Plan, Shift,
    SubqueryNode, VectorNode,
};
use crate::plan_durations::DurationContext;
use crate::plan_reference::shared_shift;
use crate::source::Selection;
use crate::value_type::ValueType;

/// Plans a query: computes durations, pins times, finds what must be fetched.
pub fn build(expr: &Expr, params: &EvalParams) -> Result<Plan, EvalError> {
    let value_type = expr.value_type();
    let instant = params.is_instant();
    if !instant && !matches!(value_type, ValueType::Scalar | ValueType::Vector) {
        return Err(EvalError::Invalid(format!(
            "invalid expression type {:?} for range query, must be Scalar or instant Vector",
            value_type.documented()
        )));
    }
    let durations = DurationContext {
        step_ms: if instant { 0 } else { params.step_ms },
        range_ms: params.end_ms - params.start_ms,
    };
    let needs = Needs::default();
    let mut builder = Builder { params, durations, selections: Vec::new(), needs };
    let window = Times { from_ms: params.start_ms, to_ms: params.end_ms };
    let root = builder.build(expr, window)?.wrapped();
    Ok(Plan { root, value_type, selections: builder.selections, params: params.clone() })
}

/// The earliest and the latest step at which a node is evaluated.
#[derive(Clone, Copy)]
struct Times {
    from_ms: i64,
    to_ms: i64,
}

/// A node and whether it has the same value at every step.
struct Built {
    node: Node,
    invariant: bool,
    /// Whether marking it is worth anything: literals are cheap.
    worth_wrapping: bool,
}

impl Built {
    fn new(expr: &Expr, kind: NodeKind) -> Self {
        let node = Node { span: expr.span, kind };
        Self { node, invariant: false, worth_wrapping: false }
    }

    fn literal(expr: &Expr, kind: NodeKind) -> Self {
        Self { invariant: true, ..Self::new(expr, kind) }
    }

    fn invariant_if(self, invariant: bool, worth_wrapping: bool) -> Self {
        Self { invariant, worth_wrapping, ..self }
    }

    fn wrapped(self) -> Node {
        if self.invariant && self.worth_wrapping { self.always_wrapped() } else { self.node }
    }

    fn always_wrapped(self) -> Node {
        let span = self.node.span;
        Node { span, kind: NodeKind::StepInvariant(Box::new(self.node)) }
    }
}

/// What the expressions above want of native histograms.
#[derive(Clone, Copy, Default)]
struct Needs {
    /// Something wants count or sum only.
    stats: bool,
    /// Something wants the buckets.
    buckets: bool,
}

impl Needs {
    fn within_call(self, function: FunctionId) -> Self {
        use FunctionId as F;
        match function {
            F::HistogramCount | F::HistogramSum | F::HistogramAvg => Self { stats: true, ..self },
            F::HistogramQuantile | F::HistogramQuantiles | F::HistogramFraction => {
                Self { buckets: true, ..self }
            }
            _ => self,
        }
    }

    fn within_operator(self, op: BinaryOp) -> Self {
        let trims = matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
        Self { buckets: self.buckets || trims, ..self }
    }
}

struct Builder<'a> {
    params: &'a EvalParams,
    durations: DurationContext,
    selections: Vec<Selection>,
    needs: Needs,
}

impl Builder<'_> {
    fn build(&mut self, expr: &Expr, times: Times) -> Result<Built, EvalError> {
        let needs = self.needs;
        self.needs = match &expr.kind {
            ExprKind::Call { function, .. } => needs.within_call(function.id),
            ExprKind::Binary(binary) => needs.within_operator(binary.op),
            // Resets between the steps of a subquery can only be found in the buckets.
            ExprKind::Subquery(_) => Needs { buckets: true, ..needs },
            _ => needs,
        };
        let built = self.build_kind(expr, times);
        self.needs = needs;
        built
    }

    fn build_kind(&mut self, expr: &Expr, times: Times) -> Result<Built, EvalError> {
        match &expr.kind {
            ExprKind::NumberLiteral { value, .. } => {
                Ok(Built::literal(expr, NodeKind::Number(*value)))
            }
            ExprKind::StringLiteral(text) => Ok(Built::literal(expr, NodeKind::Text(text.clone()))),
            ExprKind::VectorSelector(selector) => {
                let node = self.selector(selector, times, None)?;
                let pinned = node.shift.at_ms.is_some();
                Ok(Built::new(expr, NodeKind::Vector(node)).invariant_if(pinned, pinned))
            }
            ExprKind::MatrixSelector(matrix) => self.matrix(expr, matrix, times),
            ExprKind::Subquery(subquery) => self.subquery(expr, subquery, times),
            ExprKind::Call { function, args } => self.call(expr, function, args, times),
            ExprKind::Aggregate(aggregate) => self.aggregate(expr, aggregate, times),
            ExprKind::Binary(binary) => self.binary(expr, binary, times),
            ExprKind::Unary { negative, expr: inner } => {
                let built = self.build(inner, times)?;
                if !negative {
                    return Ok(built);
                }
                let (invariant, worth) = (built.invariant, built.worth_wrapping);
                let node = Built::new(expr, NodeKind::Negate(Box::new(built.node)));
                Ok(node.invariant_if(invariant, worth))
            }
            ExprKind::Paren(inner) | ExprKind::StepInvariant(inner) => self.build(inner, times),
        }
    }

    fn pinned(&self, at: Option<At>) -> Option<i64> {
        at.map(|at| match at {
            At::Timestamp(ms) => ms,
            At::Start => self.params.start_ms,
            At::End => self.params.end_ms,
        })
    }

    fn selector(
        &mut self,
        selector: &VectorSelector,
        times: Times,
        range_ms: Option<i64>,
    ) -> Result<VectorNode, EvalError> {
        let offset_ms = self.durations.signed_ms(&selector.offset)?;
        let shift = Shift { at_ms: self.pinned(selector.at), offset_ms };
        let lookback_ms = self.params.lookback_ms;
        let extended = selector.anchored || selector.smoothed;
        // Ranges and the lookback are open on the left, hence the one millisecond.
        let back_ms = match range_ms {
            None => lookback_ms,
            Some(range_ms) if extended => range_ms + lookback_ms,
            Some(range_ms) => range_ms,
        };
        let ahead_ms = if selector.smoothed { lookback_ms } else { 0 };
        self.selections.push(Selection {
            matchers: selector.matchers.clone(),
            from_ms: shift.data_ms(times.from_ms) - back_ms + 1,
            to_ms: shift.data_ms(times.to_ms) + ahead_ms,
        });
        Ok(VectorNode {
            selection: self.selections.len() - 1,
            shift,
            smoothed: selector.smoothed,
            anchored: selector.anchored,
            stats_only: self.needs.stats && !self.needs.buckets,
            matchers: selector.matchers.clone(),
        })
    }

    fn matrix(
        &mut self,
        expr: &Expr,
        matrix: &MatrixSelector,
        times: Times,
    ) -> Result<Built, EvalError> {
        let range_ms = self.durations.positive_ms(&matrix.range)?;
        let selector = self.selector(&matrix.selector, times, Some(range_ms))?;
        let pinned = selector.shift.at_ms.is_some();
        let node = NodeKind::Matrix(MatrixNode { selector, range_ms });
        Ok(Built::new(expr, node).invariant_if(pinned, false))
    }

    fn subquery(
        &mut self,
        expr: &Expr,
        subquery: &Subquery,
        times: Times,
    ) -> Result<Built, EvalError> {
        let range_ms = self.durations.positive_ms(&subquery.range)?;
        let default_ms = self.params.subquery_step_ms;
        let step = subquery.step.as_ref().map(|step| self.durations.positive_ms(step));
        let step_ms = step.transpose()?.filter(|ms| *ms != 0).unwrap_or(default_ms);
        let offset_ms = self.durations.signed_ms(&subquery.offset)?;
        let shift = Shift { at_ms: self.pinned(subquery.at), offset_ms };
        let inner = Times {
            from_ms: shift.data_ms(times.from_ms) - range_ms,
            to_ms: shift.data_ms(times.to_ms),
        };
        let built = self.build(&subquery.expr, inner)?;
        let inner = if built.invariant { built.always_wrapped() } else { built.node };
        let node = SubqueryNode { expr: Box::new(inner), range_ms, step_ms, shift };
        let pinned = shift.at_ms.is_some();
        Ok(Built::new(expr, NodeKind::Subquery(node)).invariant_if(pinned, false))
    }

    fn call(
        &mut self,
        expr: &Expr,
        function: &'static Function,
        args: &[Expr],
        times: Times,
    ) -> Result<Built, EvalError> {
        if let Some(value) = self.query_context(function.id) {
            return Ok(Built::literal(expr, NodeKind::Number(value)));
        }
        if function.id == FunctionId::Info {
            return self.info(expr, function, args, times);
        }
        let mut built = Vec::with_capacity(args.len());
        for arg in args {
            built.push(self.build(arg, times)?);
        }
        let all_invariant = built.iter().all(|arg| arg.invariant);
        let pinned_selector =
            |arg: &Built| arg.invariant && matches!(arg.node.kind, NodeKind::Vector(_));
        let safe = !depends_on_step(function.id)
            // The timestamps of pinned samples do not move either.
            || function.id == FunctionId::Timestamp && built.iter().all(pinned_selector);
        let invariant = all_invariant && safe;
        let finish = |arg: Built| if invariant { arg.node } else { arg.wrapped() };
        let args = built.into_iter().map(finish).collect();
        let node = NodeKind::Call(CallNode { function, args, info: None });
        Ok(Built::new(expr, node).invariant_if(invariant, invariant))
    }

    /// Functions of the query's times alone are numbers.
    fn query_context(&self, function: FunctionId) -> Option<f64> {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        match function {
            FunctionId::Start => Some(seconds(self.params.start_ms)),
            FunctionId::End => Some(seconds(self.params.end_ms)),
            FunctionId::Range => Some(seconds(self.durations.range_ms)),
            FunctionId::Step if self.params.start_ms == self.params.end_ms => Some(0.0),
            FunctionId::Step => Some(seconds(self.durations.step_ms)),
            _ => None,
        }
    }

    fn info(
        &mut self,
        expr: &Expr,
        function: &'static Function,
        args: &[Expr],
        times: Times,
    ) -> Result<Built, EvalError> {
        let (base, data) = (&args[0], args.get(1).map(Expr::unwrapped));
        let built = self.build(base, times)?;
        let matchers = match data.map(|data| &data.kind) {
            Some(ExprKind::VectorSelector(selector)) => selector.matchers.clone(),
            _ => Vec::new(),
        };
        let (on_name, data_matchers): (Vec<Matcher>, Vec<Matcher>) =
            matchers.into_iter().partition(|matcher| matcher.name == METRIC_NAME);
        let name_matchers = info_name_matchers(on_name);
        let shift = shared_shift(&built.node);
        let selected = name_matchers.iter().chain(&data_matchers);
        self.selections.push(Selection {
            matchers: selected.cloned().collect(),
            from_ms: shift.data_ms(times.from_ms) - self.params.lookback_ms + 1,
            to_ms: shift.data_ms(times.to_ms),
        });
        let selection = self.selections.len() - 1;
        let info = Some(InfoSelection { selection, shift, data_matchers, name_matchers });
        // Info series that are looked for at each step move even where the samples do not.
        let invariant = built.invariant && shift.at_ms.is_some();
        let base = if invariant { built.node } else { built.wrapped() };
        let node = NodeKind::Call(CallNode { function, args: vec![base], info });
        Ok(Built::new(expr, node).invariant_if(invariant, invariant))
    }

    fn aggregate(
        &mut self,
        expr: &Expr,
        aggregate: &Aggregate,
        times: Times,
    ) -> Result<Built, EvalError> {
        let param = match &aggregate.param {
            Some(param) => Some(Box::new(self.build(param, times)?.wrapped())),
            None => None,
        };
        let inner = self.build(&aggregate.expr, times)?;
        let (invariant, worth) = (inner.invariant, inner.worth_wrapping);
        let mut grouping = aggregate.grouping.clone();
        grouping.sort_unstable();
        grouping.dedup();
        let node = NodeKind::Aggregate(AggregateNode {
            op: aggregate.op,
            expr: Box::new(inner.node),
            param,
            grouping,
            without: aggregate.without,
        });
        Ok(Built::new(expr, node).invariant_if(invariant, worth))
    }

    fn binary(&mut self, expr: &Expr, binary: &Binary, times: Times) -> Result<Built, EvalError> {
        let lhs = self.build(&binary.lhs, times)?;
        let rhs = self.build(&binary.rhs, times)?;
        let invariant = lhs.invariant && rhs.invariant;
        let finish = |side: Built| if invariant { side.node } else { side.wrapped() };
        let node = NodeKind::Binary(BinaryNode {
            op: binary.op,
            lhs: Box::new(finish(lhs)),
            rhs: Box::new(finish(rhs)),
            matching: binary.matching.clone(),
            return_bool: binary.return_bool,
        });
        Ok(Built::new(expr, node).invariant_if(invariant, invariant))
    }
}

/// Whether a function's value moves with the step even if its arguments do not.
fn depends_on_step(function: FunctionId) -> bool {
    use FunctionId as F;
    matches!(
        function,
        F::DaysInMonth
            | F::DayOfMonth
            | F::DayOfWeek
            | F::DayOfYear
            | F::Hour
            | F::Minute
            | F::Month
            | F::Year
            | F::PredictLinear
            | F::Time
            | F::Timestamp
    )
}

/// The matchers on the info metrics' name; `target_info` where nothing is said, and names that
/// end in `_info` where only exclusions are.
fn info_name_matchers(written: Vec<Matcher>) -> Vec<Matcher> {
    let positive = |matcher: &Matcher| matches!(matcher.op, MatchOp::Equal | MatchOp::Regex);
    if written.is_empty() {
        return vec![Matcher::equal(METRIC_NAME, "target_info")];
    }
    if written.iter().any(positive) {
        return written;
    }
    let any_info = Matcher::new(MatchOp::Regex, METRIC_NAME, ".+_info");
    let any_info = any_info.expect("a fixed pattern compiles");
    std::iter::once(any_info).chain(written).collect()
}
