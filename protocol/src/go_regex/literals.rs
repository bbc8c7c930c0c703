//! What a pattern says about its matches without running it.

use super::syntax::{Node, Repeat};

/// How many texts a pattern may be spelled out to, unless it lists them itself: `[0-9]{3}` would
/// be a thousand.
const SPELLED_MAX: usize = 256;

/// Shapes that need no engine. The text is matched as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `.*`
    Anything,
    /// `.+`
    NonEmpty,
    /// `text.*`
    StartsWith(String),
    /// `.*text`
    EndsWith(String),
    /// `.*text.*`
    Contains(String),
    /// All else.
    General,
}

impl Shape {
    pub fn of(node: &Node) -> Self {
        let nodes = match node {
            Node::Concat(nodes) => nodes.as_slice(),
            node => std::slice::from_ref(node),
        };
        match nodes {
            [only] if is_any_run(only, 0) => return Self::Anything,
            [only] if is_any_run(only, 1) => return Self::NonEmpty,
            _ => {}
        }
        let leading = usize::from(nodes.first().is_some_and(|node| is_any_run(node, 0)));
        let trailing = usize::from(nodes.last().is_some_and(|node| is_any_run(node, 0)));
        let Some(inner) = nodes.get(leading..nodes.len().saturating_sub(trailing)) else {
            return Self::General;
        };
        let text: Option<String> = inner.iter().map(plain_literal).collect();
        match (text, leading, trailing) {
            (Some(text), 1, 1) => Self::Contains(text),
            (Some(text), 1, _) => Self::EndsWith(text),
            (Some(text), _, 1) => Self::StartsWith(text),
            _ => Self::General,
        }
    }
}

/// `.*` or `.+` over everything, the newline included.
fn is_any_run(node: &Node, from: u32) -> bool {
    match node {
        Node::Repeat(Repeat { node, min, max: None, .. }) => {
            *min == from && matches!(**node, Node::Any { newline: true })
        }
        Node::Capture { node, .. } => is_any_run(node, from),
        _ => false,
    }
}

/// A character that matches itself only.
fn plain_literal(node: &Node) -> Option<char> {
    match node {
        // A letter may be the other case of one, and so may be signs above ASCII.
        Node::Literal { c, fold } if !fold || (c.is_ascii() && !c.is_ascii_alphabetic()) => {
            Some(*c)
        }
        _ => None,
    }
}

/// All texts that match, where the pattern says no more than that, without repetition.
pub(super) fn spelled_out(node: &Node) -> Option<Vec<String>> {
    let mut texts = texts_of(node)?;
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    Some(texts)
}

fn texts_of(node: &Node) -> Option<Vec<String>> {
    match node {
        Node::Empty => Some(vec![String::new()]),
        Node::Literal { .. } => Some(vec![plain_literal(node)?.to_string()]),
        Node::Class(class) => {
            let characters = class.characters(SPELLED_MAX)?;
            Some(characters.into_iter().map(String::from).collect())
        }
        Node::Capture { node, .. } => texts_of(node),
        Node::Repeat(Repeat { node, min: 0, max: Some(1), greedy }) => {
            let mut texts = texts_of(node)?;
            texts.insert(if *greedy { texts.len() } else { 0 }, String::new());
            Some(texts)
        }
        Node::Concat(nodes) => {
            let mut texts = vec![String::new()];
            for node in nodes {
                texts = products(texts, &texts_of(node)?)?;
            }
            Some(texts)
        }
        Node::Alternate(nodes) => {
            let mut texts = Vec::with_capacity(nodes.len());
            for node in nodes {
                texts.extend(texts_of(node)?);
            }
            Some(texts)
        }
        Node::Any { .. } | Node::Place(_) | Node::Repeat(_) => None,
    }
}

fn products(mut heads: Vec<String>, tails: &[String]) -> Option<Vec<String>> {
    if let [tail] = tails {
        for head in &mut heads {
            head.push_str(tail);
        }
        return Some(heads);
    }
    if let [head] = heads.as_slice() {
        return Some(tails.iter().map(|tail| format!("{head}{tail}")).collect());
    }
    if heads.len() * tails.len() > SPELLED_MAX {
        return None;
    }
    Some(
        heads
            .iter()
            .flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}")))
            .collect(),
    )
}

/// What every matching text begins with.
pub(super) fn prefix(node: &Node) -> String {
    let mut out = String::new();
    push_prefix(node, &mut out);
    out
}

/// Whether the prefix may go on behind this node.
fn push_prefix(node: &Node, out: &mut String) -> bool {
    match node {
        Node::Empty => true,
        Node::Literal { .. } => match plain_literal(node) {
            Some(c) => {
                out.push(c);
                true
            }
            None => false,
        },
        Node::Capture { node, .. } => push_prefix(node, out),
        Node::Concat(nodes) => nodes.iter().all(|node| push_prefix(node, out)),
        Node::Alternate(nodes) => {
            let prefixes: Vec<String> = nodes.iter().map(prefix).collect();
            out.push_str(common_prefix(&prefixes));
            false
        }
        Node::Repeat(Repeat { node, min, .. }) => {
            if *min > 0 {
                push_prefix(node, out);
            }
            false
        }
        Node::Any { .. } | Node::Class(_) | Node::Place(_) => false,
    }
}

fn common_prefix(texts: &[String]) -> &str {
    let Some((first, others)) = texts.split_first() else { return "" };
    let mut common = first.as_str();
    for text in others {
        let same = common.char_indices().zip(text.chars()).find(|((_, a), b)| a != b);
        let end = same.map_or(common.len().min(text.len()), |((at, _), _)| at);
        common = &common[..end];
    }
    common
}
