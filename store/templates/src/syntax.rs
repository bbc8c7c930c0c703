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
        | gotmpl::TemplateError::Lex { line, message, .. } => {
            fault(source, *line, message.clone())
        }
        other => fault(source, 0, other.to_string()),
    }
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
            Node::Text(TextNode { .. })
            | Node::Break(_)
            | Node::Continue(_)
            | Node::Define(_) => Ok(()),
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
