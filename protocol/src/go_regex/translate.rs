//! From Go's tree to a pattern of Rust's engine.

use std::fmt::Write;

use super::syntax::{Node, Repeat};

/// Appends `node` to `out`.
pub(super) fn write_node(node: &Node, out: &mut String) {
    match node {
        Node::Empty => out.push_str("(?:)"),
        Node::Literal { c, fold } => write_literal(*c, *fold, out),
        Node::Any { newline: true } => out.push_str("(?s:.)"),
        Node::Any { newline: false } => out.push_str("(?-s:.)"),
        Node::Class(class) => class.write(out),
        Node::Place(text) => out.push_str(text),
        Node::Capture { name, node } => {
            match name {
                Some(name) => {
                    let _ = write!(out, "(?P<{name}>");
                }
                None => out.push('('),
            }
            write_node(node, out);
            out.push(')');
        }
        Node::Repeat(repeat) => write_repeat(repeat, out),
        Node::Concat(nodes) => {
            for node in nodes {
                write_grouped(node, matches!(node, Node::Alternate(_)), out);
            }
        }
        Node::Alternate(nodes) => {
            for (at, node) in nodes.iter().enumerate() {
                if at > 0 {
                    out.push('|');
                }
                write_node(node, out);
            }
        }
    }
}

fn write_repeat(repeat: &Repeat, out: &mut String) {
    write_grouped(&repeat.node, !matches!(*repeat.node, Node::Capture { .. }), out);
    // Writing to a string cannot fail.
    let _ = match (repeat.min, repeat.max) {
        (0, None) => out.write_char('*'),
        (1, None) => out.write_char('+'),
        (0, Some(1)) => out.write_char('?'),
        (min, None) => write!(out, "{{{min},}}"),
        (min, Some(max)) => write!(out, "{{{min},{max}}}"),
    };
    if !repeat.greedy {
        out.push('?');
    }
}

fn write_grouped(node: &Node, group: bool, out: &mut String) {
    if group {
        out.push_str("(?:");
    }
    write_node(node, out);
    if group {
        out.push(')');
    }
}

fn write_literal(c: char, fold: bool, out: &mut String) {
    if fold {
        out.push_str("(?i:");
    }
    if c == '_' || c.is_alphanumeric() {
        out.push(c);
    } else {
        let _ = write!(out, "\\x{{{:x}}}", c as u32);
    }
    if fold {
        out.push(')');
    }
}
