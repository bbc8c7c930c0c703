//! Arithmetic and comparison between two instant vectors.
//!
//! Series are grouped once by the labels that they match on; then each group walks the steps.

use protocol::labels::{Labels, LabelsBuilder, METRIC_NAME};
use rapidhash::RapidHashMap;

use crate::ast::{MatchCardinality, VectorMatching};
use crate::binary::changes_schema;
use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::{
    Cursor, Evaluated, Point, Series, TYPE_LABEL, UNIT_LABEL, merge_same_labels,
};
use crate::plan::{BinaryNode, Grid, Node};
use crate::value::PointValue;

/// Which series of either side may meet.
pub struct MatchGroups {
    /// For each series of the left side its group.
    pub left: Vec<usize>,
    /// For each series of the right side its group.
    pub right: Vec<usize>,
    /// How many groups.
    pub count: usize,
}

impl MatchGroups {
    /// Groups by the labels of `on`, or by all but those of `ignoring` and the name.
    pub fn of(matching: &VectorMatching, lhs: &[Series], rhs: &[Series]) -> Self {
        let mut by_labels: RapidHashMap<Labels, usize> = RapidHashMap::default();
        let mut group_of = |one: &Series| {
            let next = by_labels.len();
            *by_labels.entry(match_labels(matching, &one.labels)).or_insert(next)
        };
        let left = lhs.iter().map(&mut group_of).collect();
        let right = rhs.iter().map(&mut group_of).collect();
        Self { left, right, count: by_labels.len() }
    }

    /// For each group its series, in their order.
    pub fn members(group_of: &[usize], count: usize) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); count];
        for (at, group) in group_of.iter().enumerate() {
            members[*group].push(at);
        }
        members
    }
}

/// The labels that an element matches on.
fn match_labels(matching: &VectorMatching, labels: &Labels) -> Labels {
    let mut names: Vec<&str> = matching.labels.iter().map(String::as_str).collect();
    if matching.on {
        return labels.only(&names);
    }
    names.push(METRIC_NAME);
    labels.without(&names)
}

/// An element at one step: which series, `None` where it is filled in.
type Element<'p> = (Option<usize>, Point<'p>);

/// The operation over one pair of vectors; "many" and "one" are left and right, or the other
/// way round with `group_right`.
struct Join<'a> {
    node: &'a Node,
    binary: &'a BinaryNode,
    matching: &'a VectorMatching,
    many: &'a [Series],
    one: &'a [Series],
    /// The left side is the "one" side.
    swapped: bool,
    fill_many: Option<f64>,
    fill_one: Option<f64>,
}

/// The series of a group's answer.
#[derive(Default)]
struct Output {
    slots: Vec<Slot>,
    by_labels: RapidHashMap<Labels, usize>,
    /// The slot of a pair of series; `usize::MAX` stands for a filled element.
    by_pair: RapidHashMap<(usize, usize), usize>,
    /// At this time some pair matched already.
    matched_ms: Option<i64>,
}

/// One series of the answer.
struct Slot {
    series: Series,
    /// At this time a pair with these labels matched already.
    matched_ms: Option<i64>,
}

impl Output {
    /// The slot of a pair, whose labels are computed once.
    fn slot(&mut self, pair: (usize, usize), labels: impl FnOnce() -> Series) -> usize {
        if let Some(at) = self.by_pair.get(&pair) {
            return *at;
        }
        let series = labels();
        let next = self.slots.len();
        let at = *self.by_labels.entry(series.labels.clone()).or_insert(next);
        if at == next {
            self.slots.push(Slot { series, matched_ms: None });
        }
        self.by_pair.insert(pair, at);
        at
    }

    /// Notes a match; refuses a second one that could not be told from the first.
    fn mark(&mut self, at: usize, at_ms: i64, card: MatchCardinality) -> Result<(), EvalError> {
        let again = self.matched_ms.replace(at_ms) == Some(at_ms);
        let same_labels = self.slots[at].matched_ms.replace(at_ms) == Some(at_ms);
        if card == MatchCardinality::OneToOne && again {
            return Err(EvalError::execution(
                "multiple matches for labels: many-to-one matching must be explicit \
                 (group_left/group_right)",
            ));
        }
        if card != MatchCardinality::OneToOne && same_labels {
            return Err(EvalError::execution(
                "multiple matches for labels: grouping labels must ensure unique matches",
            ));
        }
        Ok(())
    }
}

impl Evaluator<'_> {
    /// Applies an operator to all elements that match.
    pub fn vectors(
        &mut self,
        node: &Node,
        binary: &BinaryNode,
        matching: &VectorMatching,
        lhs: &[Series],
        rhs: &[Series],
        grid: &Grid,
    ) -> Result<Evaluated, EvalError> {
        let groups = MatchGroups::of(matching, lhs, rhs);
        let swapped = matching.card == MatchCardinality::OneToMany;
        let mut sides = [(lhs, &groups.left), (rhs, &groups.right)];
        if swapped {
            sides.swap(0, 1);
        }
        let [(many, group_of_many), (one, group_of_one)] = sides;
        // With `group_right` Prometheus swaps the sides but not what fills their gaps.
        let (fill_many, fill_one) = (matching.fill_left, matching.fill_right);
        let join = Join { node, binary, matching, many, one, swapped, fill_many, fill_one };
        let open = join.open_steps(grid);
        let many_members = MatchGroups::members(group_of_many, groups.count);
        let one_members = MatchGroups::members(group_of_one, groups.count);
        let mut out = Vec::new();
        for (many, one) in many_members.iter().zip(&one_members) {
            let mut output = Output::default();
            self.join_group(&join, many, one, (grid, &open), &mut output)?;
            for slot in output.slots.into_iter().filter(|slot| !slot.series.is_empty()) {
                self.usage.hold(slot.series.samples(), &self.budget)?;
                out.push(slot.series);
            }
        }
        merge_same_labels(out).map(Evaluated::Vector)
    }

    fn join_group(
        &mut self,
        join: &Join<'_>,
        many: &[usize],
        one: &[usize],
        (grid, open): (&Grid, &[bool]),
        output: &mut Output,
    ) -> Result<(), EvalError> {
        let mut many_cursors = vec![Cursor::default(); many.len()];
        let mut one_cursors = vec![Cursor::default(); one.len()];
        for (step, at_ms) in grid.times().enumerate() {
            self.check_at_step(step)?;
            let many = present(join.many, many, &mut many_cursors, at_ms);
            let one = present(join.one, one, &mut one_cursors, at_ms);
            if !open[step] {
                continue;
            }
            if let [(Some(first), _), (Some(second), _), ..] = one.as_slice() {
                return Err(join.duplicate(*first, *second));
            }
            let single = one.first().copied();
            let filled_one = join.fill_one.map(|fill| (None, Point::Float(fill)));
            for element in &many {
                let Some(other) = single.or(filled_one) else { break };
                self.join_pair(join, *element, other, at_ms, output)?;
            }
            let unmatched = output.matched_ms != Some(at_ms);
            if let (Some(other), Some(fill), true) = (single, join.fill_many, unmatched) {
                let element = (None, Point::Float(fill));
                self.join_pair(join, element, other, at_ms, output)?;
            }
        }
        Ok(())
    }

    fn join_pair(
        &mut self,
        join: &Join<'_>,
        many: Element<'_>,
        one: Element<'_>,
        at_ms: i64,
        output: &mut Output,
    ) -> Result<(), EvalError> {
        let (lhs, rhs) = if join.swapped { (one.1, many.1) } else { (many.1, one.1) };
        let op = join.binary.op;
        let Some(answer) = self.element_operation(join.node.span, op, lhs, rhs) else {
            return Ok(());
        };
        let return_bool = join.binary.return_bool;
        let drop_now = !self.options.delayed_name_removal && return_bool;
        let pair = (many.0.unwrap_or(usize::MAX), one.0.unwrap_or(usize::MAX));
        let at = output.slot(pair, || Series::new(join.labels(pair, drop_now), return_bool));
        output.mark(at, at_ms, join.matching.card)?;
        let value = match return_bool {
            true => PointValue::Float(f64::from(u8::from(answer.keep))),
            false if answer.keep => answer.value,
            false => return Ok(()),
        };
        output.slots[at].series.push(at_ms, value);
        Ok(())
    }
}

fn present<'p>(
    series: &'p [Series],
    members: &[usize],
    cursors: &mut [Cursor],
    at_ms: i64,
) -> Vec<Element<'p>> {
    let walked = members.iter().zip(cursors);
    walked.filter_map(|(at, cursor)| Some((Some(*at), cursor.at(&series[*at], at_ms)?))).collect()
}

impl Join<'_> {
    /// Steps at which anything can match: both sides have elements, or gaps are filled.
    fn open_steps(&self, grid: &Grid) -> Vec<bool> {
        let any = |series: &[Series]| {
            let mut steps = vec![false; grid.len()];
            for (at_ms, _) in series.iter().flat_map(Series::points) {
                steps[grid.step_of(at_ms)] = true;
            }
            steps
        };
        let filled = self.fill_many.is_some() || self.fill_one.is_some();
        let (many, one) = (any(self.many), any(self.one));
        many.iter().zip(one).map(|(many, one)| *many && one || filled && (*many || one)).collect()
    }

    /// The labels of the answer for a pair: those of the "many" side, changed as asked for.
    fn labels(&self, (many, one): (usize, usize), drop_name: bool) -> Labels {
        let of = |series: &[Series], at: usize| series.get(at).map(|one| one.labels.clone());
        let (many, one) = (of(self.many, many), of(self.one, one));
        let matched = |labels: Option<&Labels>| match labels {
            Some(labels) => match_labels(self.matching, labels),
            None => Labels::empty(),
        };
        let base = many.clone().unwrap_or_else(|| matched(one.as_ref()));
        let other = one.unwrap_or_else(|| matched(many.as_ref()));
        let mut builder = LabelsBuilder::new(&base);
        if drop_name || changes_schema(self.binary.op) {
            for l in [METRIC_NAME, TYPE_LABEL, UNIT_LABEL] {
                builder.remove(l);
            }
        }
        let names = &self.matching.labels;
        if self.matching.card == MatchCardinality::OneToOne {
            let on = self.matching.on;
            builder.retain(|name, _| names.iter().any(|label| label == name) == on);
        }
        for name in &self.matching.include {
            builder.set(name.as_str(), other.value(name));
        }
        builder.build()
    }

    /// Two elements on the side that may have one.
    fn duplicate(&self, first: usize, second: usize) -> EvalError {
        let side = if self.swapped { "left" } else { "right" };
        let group = match_labels(self.matching, &self.one[second].labels);
        let mut pair = [first, second].map(|at| shown(&self.one[at].labels));
        pair.sort_unstable();
        EvalError::Execution(format!(
            "found duplicate series for the match group {} on the {side} hand-side of the \
             operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique \
             on one side",
            shown(&group),
            pair[0],
            pair[1]
        ))
    }
}

/// Labels as Go prints them: the name is a label like others.
fn shown(labels: &Labels) -> String {
    let pair = |(name, value): (&str, &str)| format!("{name}={value:?}");
    let pairs: Vec<String> = labels.iter().map(pair).collect();
    format!("{{{}}}", pairs.join(", "))
}
