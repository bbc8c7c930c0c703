//! From text to trees, with the checks that Go's parser makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::parse::{
    BranchNode, DefineNode, Expr, ListNode, Node, Parser, PipeNode, SmolStr, TextNode,
};

use crate::builtins;
use crate::error::{FaultKind, TemplateError};
use crate::functions::FunctionSet;

/// A body, and the text that it came from.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The name of the text, for messages.
    pub source: Arc<str>,
    /// What is executed.
    pub body: Arc<ListNode>,
}

/// Bodies by name.
pub type Trees = BTreeMap<Arc<str>, Tree>;

/// Parses one text into `trees`: its own body under `name`, and what it defines.
pub fn parse_into(
    trees: &mut Trees,
    name: &str,
    text: &str,
    functions: &FunctionSet,
) -> Result<(), TemplateError> {
    blocks_are_closed(name, text)?;
    let parsed = Parser::with_name(Some(name), text, "{{", "}}").and_then(Parser::parse);
    let (body, defines) = parsed.map_err(|error| syntax_error(name, &error))?;
    let source: Arc<str> = name.into();
    let check = Check { source: name, functions };
    check.body(&body)?;
    defines.iter().try_for_each(|define| check.body(&define.body))?;
    refuse_repeated(name, &body, &defines)?;
    insert(trees, &source, name, body);
    for define in defines {
        insert(trees, &source, &define.name, define.body);
    }
    Ok(())
}

/// An empty body never replaces one with content, as in Go.
fn insert(trees: &mut Trees, source: &Arc<str>, name: &str, body: ListNode) {
    if trees.contains_key(name) && body.is_empty_tree() {
        return;
    }
    trees.insert(name.into(), Tree { source: source.clone(), body: Arc::new(body) });
}

fn refuse_repeated(
    source: &str,
    body: &ListNode,
    defines: &[DefineNode],
) -> Result<(), TemplateError> {
    let mut seen: Vec<&str> = if body.is_empty_tree() { vec![] } else { vec![source] };
    for define in defines.iter().filter(|define| !define.body.is_empty_tree()) {
        if seen.contains(&define.name.as_str()) {
            let message = format!("multiple definition of template {:?}", define.name.as_str());
            return Err(fault(source, define.pos.line, message));
        }
        seen.push(&define.name);
    }
    Ok(())
}

fn fault(source: &str, line: usize, message: String) -> TemplateError {
    TemplateError { name: source.to_owned(), line, message, kind: FaultKind::Syntax }
}

fn syntax_error(source: &str, error: &gotmpl::TemplateError) -> TemplateError {
    match error {
        gotmpl::TemplateError::Parse { line, message, .. }
        | gotmpl::TemplateError::Lex { line, message, .. } => fault(source, *line, message.clone()),
        other => fault(source, 0, other.to_string()),
    }
}

/// A block that is open while the text is scanned.
struct Block<'a> {
    word: &'a str,
    had_else: bool,
}

/// gotmpl's parser takes the end of the text for the end of every open block, and passes over an
/// `end`, `else` or `break` that belongs to nothing; Go refuses these.
fn blocks_are_closed(source: &str, text: &str) -> Result<(), TemplateError> {
    let mut open: Vec<Block<'_>> = Vec::new();
    let mut rest = text;
    while let Some((_, action)) = rest.split_once("{{") {
        let line = 1 + text[..text.len() - action.len()].matches('\n').count();
        let action = action.strip_prefix("- ").unwrap_or(action).trim_start();
        rest = &action[end_of_action(action)..];
        let word = action.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let fits = match word {
            "if" | "range" | "with" | "block" | "define" => {
                open.push(Block { word, had_else: false });
                true
            }
            "end" => open.pop().is_some(),
            "else" => {
                let chained = !action["else".len()..].trim_start().starts_with(['-', '}']);
                open.last_mut().is_some_and(|block| {
                    let takes_else = matches!(block.word, "if" | "range" | "with");
                    let first = !block.had_else;
                    block.had_else |= !chained;
                    takes_else && first
                })
            }
            "break" | "continue" => {
                let inside = |block: &&Block<'_>| matches!(block.word, "range" | "define");
                open.iter().rev().find(inside).is_some_and(|block| block.word == "range")
            }
            _ => true,
        };
        if !fits {
            return Err(fault(source, line, format!("unexpected {{{{{word}}}}}")));
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    Err(fault(source, text.lines().count().max(1), "unexpected EOF".to_owned()))
}

/// Where the action ends: at the first `}}` outside of quotes and comments.
fn end_of_action(action: &str) -> usize {
    if let Some(comment) = action.strip_prefix("/*") {
        return comment.find("*/").map_or(action.len(), |at| at + 4);
    }
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in action.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some('"' | '\''), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '`' | '\'') => quote = Some(c),
            (None, '}') if action[at..].starts_with("}}") => return at + 2,
            (None, _) => {}
        }
    }
    action.len()
}

/// Go's parser refuses functions and variables that are not there.
struct Check<'a> {
    source: &'a str,
    functions: &'a FunctionSet,
}

impl Check<'_> {
    fn body(&self, body: &ListNode) -> Result<(), TemplateError> {
        self.list(body, &mut vec![SmolStr::new_static("$")])
    }

    fn list(&self, list: &ListNode, variables: &mut Vec<SmolStr>) -> Result<(), TemplateError> {
        list.nodes.iter().try_for_each(|node| self.node(node, variables))
    }

    fn node(&self, node: &Node, variables: &mut Vec<SmolStr>) -> Result<(), TemplateError> {
        match node {
            Node::Text(TextNode { .. }) | Node::Break(_) | Node::Continue(_) | Node::Define(_) => {
                Ok(())
            }
            Node::List(list) => self.list(list, variables),
            Node::Action(action) => self.pipe(&action.pipe, variables),
            Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                self.branch(branch, variables)
            }
            Node::Template(call) => {
                call.pipe.as_ref().map_or(Ok(()), |pipe| self.pipe(pipe, variables))
            }
        }
    }

    fn branch(
        &self,
        branch: &BranchNode,
        variables: &mut Vec<SmolStr>,
    ) -> Result<(), TemplateError> {
        let outside = variables.len();
        self.pipe(&branch.pipe, variables)?;
        let with_pipe = variables.len();
        self.list(&branch.body, variables)?;
        variables.truncate(with_pipe);
        if let Some(otherwise) = &branch.else_body {
            self.list(otherwise, variables)?;
        }
        variables.truncate(outside);
        Ok(())
    }

    fn pipe(&self, pipe: &PipeNode, variables: &mut Vec<SmolStr>) -> Result<(), TemplateError> {
        for command in &pipe.commands {
            command.args.iter().try_for_each(|expr| self.expr(expr, variables))?;
        }
        for name in &pipe.decl {
            if pipe.is_assign {
                self.variable(name, pipe.pos.line, variables)?;
            } else {
                variables.push(name.clone());
            }
        }
        Ok(())
    }

    fn expr(&self, expr: &Expr, variables: &mut Vec<SmolStr>) -> Result<(), TemplateError> {
        match expr {
            Expr::Variable(pos, name, _) => self.variable(name, pos.line, variables),
            Expr::Identifier(pos, name)
                if builtins::find(name).is_none() && self.functions.get(name).is_none() =>
            {
                Err(fault(self.source, pos.line, format!("function {name:?} not defined")))
            }
            Expr::Pipe(_, pipe) => self.pipe(pipe, variables),
            Expr::Chain(_, inner, _) => self.expr(inner, variables),
            Expr::Identifier(..)
            | Expr::Dot(_)
            | Expr::Field(..)
            | Expr::String(..)
            | Expr::Number(..)
            | Expr::Bool(..)
            | Expr::Nil(_) => Ok(()),
        }
    }

    fn variable(
        &self,
        name: &SmolStr,
        line: usize,
        variables: &[SmolStr],
    ) -> Result<(), TemplateError> {
        if variables.contains(name) {
            return Ok(());
        }
        Err(fault(self.source, line, format!("undefined variable {:?}", name.as_str())))
    }
}
