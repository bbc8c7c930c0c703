//! At which time `info()` looks for its info series.

use crate::plan::{Node, NodeKind, Shift};
use crate::value_type::ValueType;

/// Looks where the step is.
const AT_STEP: Shift = Shift { at_ms: None, offset_ms: 0 };

/// The shift that all samples of a vector share; none where they do not, or where a part of the
/// vector comes from no selector at all.
pub fn shared_shift(vector: &Node) -> Shift {
    match reference(vector) {
        Some(Reference::Shared(shift)) => shift,
        Some(Reference::Step) | None => AT_STEP,
    }
}

#[derive(Clone, Copy)]
enum Reference {
    Shared(Shift),
    Step,
}

/// The reference of what yields a vector; `None` for scalars and texts, which bring no series.
fn reference(node: &Node) -> Option<Reference> {
    match &node.kind {
        NodeKind::Number(_) | NodeKind::Text(_) => None,
        NodeKind::Vector(vector) => Some(Reference::Shared(vector.shift)),
        NodeKind::Matrix(matrix) => Some(Reference::Shared(matrix.selector.shift)),
        NodeKind::Subquery(subquery) => {
            reference(&subquery.expr).map(|inner| below(inner, subquery.shift))
        }
        NodeKind::Call(call) if call.function.return_type == ValueType::Scalar => None,
        NodeKind::Call(call) => {
            Some(merged(call.args.iter().filter_map(reference)).unwrap_or(Reference::Step))
        }
        NodeKind::Aggregate(aggregate) => reference(&aggregate.expr),
        NodeKind::Binary(binary) => {
            merged([&binary.lhs, &binary.rhs].into_iter().filter_map(|side| reference(side)))
        }
        NodeKind::Negate(inner) | NodeKind::StepInvariant(inner) => reference(inner),
    }
}

/// Seen through a subquery: offsets add up until something is pinned.
fn below(inner: Reference, outer: Shift) -> Reference {
    match inner {
        Reference::Shared(Shift { at_ms: None, offset_ms }) => {
            Reference::Shared(Shift { at_ms: outer.at_ms, offset_ms: offset_ms + outer.offset_ms })
        }
        other => other,
    }
}

fn merged(references: impl Iterator<Item = Reference>) -> Option<Reference> {
    references.reduce(|one, other| match (one, other) {
        (Reference::Shared(a), Reference::Shared(b)) if same_time(a, b) => one,
        _ => Reference::Step,
    })
}

fn same_time(a: Shift, b: Shift) -> bool {
    match (a.at_ms, b.at_ms) {
        (None, None) => a.offset_ms == b.offset_ms,
        (Some(_), Some(_)) => a.data_ms(0) == b.data_ms(0),
        _ => false,
    }
}
