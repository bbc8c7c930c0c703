//! The syntax tree of a Go regular expression.
//!
//! Go's dialect is RE2 with Perl's classes and groups. The flags in force are settled here, node by
//! node, so that the translation needs none.

use super::class::Class;

/// A pattern or a part of one.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Matches the empty text.
    Empty,
    /// One character, in upper and lower case where `fold`.
    Literal { c: char, fold: bool },
    /// `.`, with or without the newline.
    Any { newline: bool },
    /// `[...]`, `\d`, `\pL`
    Class(Class),
    /// A place, as Rust's engine writes it: `\A`, `(?m:^)`.
    Place(&'static str),
    /// `(...)` or `(?P<name>...)`
    Capture { name: Option<String>, node: Box<Node> },
    /// `{min,max}` and its short forms.
    Repeat(Repeat),
    /// One after the other.
    Concat(Vec<Node>),
    /// One of them, the first preferred.
    Alternate(Vec<Node>),
}

/// A repetition.
#[derive(Clone, Debug)]
pub(super) struct Repeat {
    pub node: Box<Node>,
    pub min: u32,
    /// `None`: without end.
    pub max: Option<u32>,
    pub greedy: bool,
}

impl Node {
    /// Whether no repetition inside, multiplied with those around it, exceeds `limit`.
    pub fn repeats_at_most(&self, limit: u32) -> bool {
        match self {
            Self::Repeat(repeat) => {
                let counted = repeat.max.unwrap_or(repeat.min);
                match (repeat.min, repeat.max) {
                    (_, Some(0)) => true,
                    // `*`, `+` and `?` repeat nothing that costs.
                    (0 | 1, None) | (0, Some(1)) => repeat.node.repeats_at_most(limit),
                    _ if counted > limit => false,
                    _ => repeat.node.repeats_at_most(limit / counted.max(1)),
                }
            }
            Self::Capture { node, .. } => node.repeats_at_most(limit),
            Self::Concat(nodes) | Self::Alternate(nodes) => {
                nodes.iter().all(|node| node.repeats_at_most(limit))
            }
            Self::Empty
            | Self::Literal { .. }
            | Self::Any { .. }
            | Self::Class(_)
            | Self::Place(_) => true,
        }
    }
}
