//! Walks a tree and writes what it says.
//!
//! Every node, expression and iteration costs a step; branches and calls of templates cost depth;
//! what functions make costs bytes. So no template runs away, whatever it says.

use std::sync::Arc;

use gotmpl::parse::{
    BranchNode, CommandNode, Expr, ListNode, Node, Number, PipeNode, Pos, SmolStr, TemplateNode,
};

use crate::bounded::Bounded;
use crate::builtins;
use crate::error::{CallError, FaultKind, TemplateError};
use crate::functions::FunctionSet;
use crate::limits::Limits;
use crate::look_up;
use crate::print;
use crate::syntax::Trees;
use crate::value::{DEPTH_MAX, Items, Value};

/// Nested branches, parentheses and template calls: far beyond any honest template, and small
/// enough for the stack of a worker thread.
const EXEC_DEPTH_MAX: usize = 200;
/// The clock is asked once in so many steps.
const STEPS_BETWEEN_CLOCKS: u64 = 1024;
/// Bytes that functions may make in one rendering, in units of the longest output.
const MADE_PER_OUTPUT: usize = 16;

/// Where the output goes.
pub trait Sink {
    /// Text of the template itself.
    fn text(&mut self, text: &Arc<str>) -> Result<(), CallError>;
    /// The value of an action.
    fn value(&mut self, value: Value) -> Result<(), CallError>;
}

/// Output as plain text.
pub struct TextSink(Bounded);

impl TextSink {
    pub const fn new(limits: &Limits<'_>) -> Self {
        Self(Bounded::new(limits.output_bytes_max))
    }

    pub fn into_text(self) -> String {
        self.0.into_text()
    }
}

impl Sink for TextSink {
    fn text(&mut self, text: &Arc<str>) -> Result<(), CallError> {
        std::fmt::Write::write_str(&mut self.0, text).map_err(|_| self.0.too_large())
    }

    fn value(&mut self, value: Value) -> Result<(), CallError> {
        print::action(&mut self.0, &value).map_err(|_| self.0.too_large())
    }
}

/// Why the walk of a list ended early.
enum Stop {
    Break,
    Continue,
    Fault(Box<TemplateError>),
}

type Walk<T = ()> = Result<T, Stop>;

/// One rendering.
pub struct Run<'a, S> {
    trees: &'a Trees,
    functions: &'a FunctionSet,
    limits: &'a Limits<'a>,
    sink: S,
    source: Arc<str>,
    variables: Vec<(SmolStr, Value)>,
    depth: usize,
    steps: u64,
    made_bytes: usize,
}

impl<'a, S: Sink> Run<'a, S> {
    pub fn new(
        trees: &'a Trees,
        functions: &'a FunctionSet,
        limits: &'a Limits<'a>,
        sink: S,
    ) -> Self {
        let variables = Vec::new();
        let source = Arc::from("");
        let (depth, steps, made_bytes) = (0, 0, 0);
        Self { trees, functions, limits, sink, source, variables, depth, steps, made_bytes }
    }

    pub fn into_sink(self) -> S {
        self.sink
    }

    /// Executes a template by name.
    pub fn execute(&mut self, name: &str, data: &Value) -> Result<(), TemplateError> {
        let Some(tree) = self.trees.get(name) else {
            let message = format!("template {name:?} not defined");
            let (name, line, kind) = (name.to_owned(), 0, FaultKind::Execution);
            return Err(TemplateError { name, line, message, kind });
        };
        self.source = tree.source.clone();
        self.variables.push((SmolStr::new_static("$"), data.clone()));
        match self.list(&tree.body, data) {
            // The parser refuses break and continue outside of a range.
            Ok(()) | Err(Stop::Break | Stop::Continue) => Ok(()),
            Err(Stop::Fault(fault)) => Err(*fault),
        }
    }

    fn list(&mut self, list: &ListNode, dot: &Value) -> Walk {
        list.nodes.iter().try_for_each(|node| self.node(node, dot))
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Walk {
        match node {
            Node::Text(text) => {
                self.step(text.pos)?;
                let written = self.sink.text(&text.text);
                written.map_err(|error| self.call_fault(text.pos, None, &error))
            }
            Node::Action(action) => {
                let value = self.pipe(&action.pipe, dot)?;
                if !action.pipe.decl.is_empty() {
                    return Ok(());
                }
                let written = self.sink.value(value);
                written.map_err(|error| self.call_fault(action.pos, None, &error))
            }
            Node::If(branch) => self.nested(branch.pos, |run| run.branch(branch, dot, false)),
            Node::With(branch) => self.nested(branch.pos, |run| run.branch(branch, dot, true)),
            Node::Range(branch) => self.nested(branch.pos, |run| run.range(branch, dot)),
            Node::Template(call) => self.nested(call.pos, |run| run.template(call, dot)),
            Node::List(list) => self.list(list, dot),
            Node::Define(_) => Ok(()),
            Node::Break(_) => Err(Stop::Break),
            Node::Continue(_) => Err(Stop::Continue),
        }
    }

    /// Runs `inner` one level deeper; its variables are gone afterwards.
    fn nested<T>(&mut self, pos: Pos, inner: impl FnOnce(&mut Self) -> Walk<T>) -> Walk<T> {
        self.step(pos)?;
        if self.depth == EXEC_DEPTH_MAX {
            let message = format!("nested deeper than the limit of {EXEC_DEPTH_MAX} levels");
            return Err(self.fault(pos, FaultKind::Limit, message));
        }
        let variables = self.variables.len();
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        self.variables.truncate(variables);
        result
    }

    fn branch(&mut self, branch: &BranchNode, dot: &Value, moves_dot: bool) -> Walk {
        let value = self.pipe(&branch.pipe, dot)?;
        if value.is_true() {
            return self.list(&branch.body, if moves_dot { &value } else { dot });
        }
        branch.else_body.as_ref().map_or(Ok(()), |otherwise| self.list(otherwise, dot))
    }

    fn range(&mut self, branch: &BranchNode, dot: &Value) -> Walk {
        let value = self.commands(&branch.pipe, dot)?;
        let ran = match (value.items(), &value) {
            (Items::List(list), _) => {
                let pairs = (0i64..).zip(list.items());
                self.iterate(branch, pairs.map(|(at, item)| (Value::Int(at), item.clone())))?
            }
            (Items::Map(map), _) => {
                let pairs = map.entries().iter();
                let pairs = pairs.map(|(key, item)| (Value::String(key.clone()), item.clone()));
                self.iterate(branch, pairs)?
            }
            (Items::None, Value::Int(count)) => {
                if branch.pipe.decl.len() > 1 {
                    let message =
                        format!("can't use {count} to iterate over more than one variable");
                    return Err(self.fault(branch.pos, FaultKind::Execution, message));
                }
                self.iterate(branch, (0..*count).map(|at| (Value::Nil, Value::Int(at))))?
            }
            (Items::None, Value::Nil) => false,
            (Items::None, other) => {
                let message = format!("range can't iterate over {}", other.type_name());
                return Err(self.fault(branch.pos, FaultKind::Execution, message));
            }
        };
        match &branch.else_body {
            Some(otherwise) if !ran => self.list(otherwise, dot),
            _ => Ok(()),
        }
    }

    /// Whether there was anything to iterate over.
    fn iterate(
        &mut self,
        branch: &BranchNode,
        pairs: impl Iterator<Item = (Value, Value)>,
    ) -> Walk<bool> {
        let mut ran = false;
        for (key, item) in pairs {
            ran = true;
            self.step(branch.pos)?;
            let variables = self.variables.len();
            match branch.pipe.decl.as_slice() {
                [] => {}
                [one] => self.bind(&branch.pipe, one, item.clone()),
                [first, second, ..] => {
                    self.bind(&branch.pipe, first, key);
                    self.bind(&branch.pipe, second, item.clone());
                }
            }
            let walked = self.list(&branch.body, &item);
            self.variables.truncate(variables);
            match walked {
                Ok(()) | Err(Stop::Continue) => {}
                Err(Stop::Break) => break,
                Err(fault) => return Err(fault),
            }
        }
        Ok(ran)
    }

    fn bind(&mut self, pipe: &PipeNode, name: &SmolStr, value: Value) {
        let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
        match known {
            Some((_, slot)) if pipe.is_assign => *slot = value,
            _ => self.variables.push((name.clone(), value)),
        }
    }

    fn template(&mut self, call: &TemplateNode, dot: &Value) -> Walk {
        let Some(tree) = self.trees.get(call.name.as_str()) else {
            let message = format!("template {:?} not defined", call.name.as_str());
            return Err(self.fault(call.pos, FaultKind::Execution, message));
        };
        let data = match &call.pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Value::Nil,
        };
        // A template sees its own data only, none of the caller's variables.
        let root = vec![(SmolStr::new_static("$"), data.clone())];
        let variables = std::mem::replace(&mut self.variables, root);
        let source = std::mem::replace(&mut self.source, tree.source.clone());
        self.list(&tree.body, &data)?;
        self.variables = variables;
        self.source = source;
        Ok(())
    }

    fn pipe(&mut self, pipe: &PipeNode, dot: &Value) -> Walk<Value> {
        let value = self.commands(pipe, dot)?;
        for name in &pipe.decl {
            self.bind(pipe, name, value.clone());
        }
        Ok(value)
    }

    fn commands(&mut self, pipe: &PipeNode, dot: &Value) -> Walk<Value> {
        let mut piped = None;
        for command in &pipe.commands {
            piped = Some(self.command(command, dot, piped)?);
        }
        Ok(piped.unwrap_or(Value::Nil))
    }

    fn command(&mut self, command: &CommandNode, dot: &Value, piped: Option<Value>) -> Walk<Value> {
        let Some((first, rest)) = command.args.split_first() else { return Ok(Value::Nil) };
        match first {
            Expr::Identifier(pos, name) => self.function(*pos, name, rest, dot, piped),
            Expr::Field(pos, chain) => self.chain(*pos, dot.clone(), chain, rest, dot, piped),
            Expr::Variable(pos, name, chain) if !chain.is_empty() => {
                let base = self.variable(*pos, name)?;
                self.chain(*pos, base, chain, rest, dot, piped)
            }
            Expr::Chain(pos, inner, chain) => {
                let base = self.expr(inner, dot)?;
                self.chain(*pos, base, chain, rest, dot, piped)
            }
            _ if piped.is_some() || !rest.is_empty() => {
                let message = "can't give argument to non-function".to_owned();
                Err(self.fault(command.pos, FaultKind::Execution, message))
            }
            Expr::Nil(pos) => {
                Err(self.fault(*pos, FaultKind::Execution, "nil is not a command".to_owned()))
            }
            other => self.expr(other, dot),
        }
    }

    fn function(
        &mut self,
        pos: Pos,
        name: &str,
        args: &[Expr],
        dot: &Value,
        piped: Option<Value>,
    ) -> Walk<Value> {
        if name == "and" || name == "or" {
            return self.short_circuit(pos, name, args, dot, piped);
        }
        let values = self.args(args, dot, piped)?;
        let result = match (self.functions.get(name), builtins::find(name)) {
            (Some(function), _) => function(&values),
            (None, Some(builtin)) => builtin(&values),
            (None, None) => Err(CallError::new(format!("function {name:?} not defined"))),
        };
        self.made(pos, name, result)
    }

    fn args(&mut self, args: &[Expr], dot: &Value, piped: Option<Value>) -> Walk<Vec<Value>> {
        let mut values = Vec::with_capacity(args.len() + 1);
        for arg in args {
            values.push(self.expr(arg, dot)?);
        }
        values.extend(piped);
        Ok(values)
    }

    /// `and` and `or` evaluate no argument beyond the one that decides.
    fn short_circuit(
        &mut self,
        pos: Pos,
        name: &str,
        args: &[Expr],
        dot: &Value,
        piped: Option<Value>,
    ) -> Walk<Value> {
        let mut last = None;
        for arg in args {
            let value = self.expr(arg, dot)?;
            if value.is_true() == (name == "or") {
                return Ok(value);
            }
            last = Some(value);
        }
        piped.or(last).ok_or_else(|| {
            let message = format!("wrong number of args for {name}: want at least 1 got 0");
            self.fault(pos, FaultKind::Execution, message)
        })
    }

    /// `.A.B args`: arguments belong to the last name.
    fn chain(
        &mut self,
        pos: Pos,
        base: Value,
        chain: &[SmolStr],
        args: &[Expr],
        dot: &Value,
        piped: Option<Value>,
    ) -> Walk<Value> {
        let Some((last, path)) = chain.split_last() else { return Ok(base) };
        let mut value = base;
        for name in path {
            self.step(pos)?;
            let member = look_up::member(&value, name, &[]);
            value = self.made(pos, name, member)?;
        }
        self.step(pos)?;
        let values = self.args(args, dot, piped)?;
        let member = look_up::member(&value, last, &values);
        self.made(pos, last, member)
    }

    fn expr(&mut self, expr: &Expr, dot: &Value) -> Walk<Value> {
        self.step(expr.pos())?;
        match expr {
            Expr::Dot(_) => Ok(dot.clone()),
            Expr::Field(pos, chain) => self.chain(*pos, dot.clone(), chain, &[], dot, None),
            Expr::Variable(pos, name, chain) => {
                let base = self.variable(*pos, name)?;
                self.chain(*pos, base, chain, &[], dot, None)
            }
            Expr::Identifier(pos, name) => self.function(*pos, name, &[], dot, None),
            Expr::String(_, text) => Ok(Value::String(text.clone())),
            Expr::Number(_, Number::Int(number)) => Ok(Value::Int(*number)),
            Expr::Number(_, Number::Float(number)) => Ok(Value::Float(*number)),
            Expr::Number(pos, Number::Uint(number)) => {
                Err(self.fault(*pos, FaultKind::Execution, format!("{number} overflows int")))
            }
            Expr::Bool(_, value) => Ok(Value::Bool(*value)),
            Expr::Nil(_) => Ok(Value::Nil),
            Expr::Pipe(pos, pipe) => self.nested(*pos, |run| run.pipe(pipe, dot)),
            Expr::Chain(pos, inner, chain) => {
                let base = self.expr(inner, dot)?;
                self.chain(*pos, base, chain, &[], dot, None)
            }
        }
    }

    fn variable(&self, pos: Pos, name: &SmolStr) -> Walk<Value> {
        let found = self.variables.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).ok_or_else(|| {
            let message = format!("undefined variable {:?}", name.as_str());
            self.fault(pos, FaultKind::Execution, message)
        })
    }

    /// Counts what a call made.
    fn made(&mut self, pos: Pos, name: &str, result: Result<Value, CallError>) -> Walk<Value> {
        let value = result.map_err(|error| self.call_fault(pos, Some(name), &error))?;
        self.made_bytes = self.made_bytes.saturating_add(look_up::shallow_bytes(&value));
        let limit = self.limits.output_bytes_max.saturating_mul(MADE_PER_OUTPUT);
        if self.made_bytes > limit {
            let message = format!("functions made more than the limit of {limit} bytes");
            return Err(self.fault(pos, FaultKind::Limit, message));
        }
        if value.depth() > DEPTH_MAX {
            let message = format!("lists nested deeper than the limit of {DEPTH_MAX}");
            return Err(self.fault(pos, FaultKind::Limit, message));
        }
        Ok(value)
    }

    fn step(&mut self, pos: Pos) -> Walk {
        self.steps += 1;
        if self.steps > self.limits.steps_max {
            let message = format!("exceeds the limit of {} steps", self.limits.steps_max);
            return Err(self.fault(pos, FaultKind::Limit, message));
        }
        if self.steps.is_multiple_of(STEPS_BETWEEN_CLOCKS) && (self.limits.expired)() {
            let message = "took longer than its time limit".to_owned();
            return Err(self.fault(pos, FaultKind::Limit, message));
        }
        Ok(())
    }

    fn call_fault(&self, pos: Pos, name: Option<&str>, error: &CallError) -> Stop {
        let kind = match error {
            CallError::Failed(_) => FaultKind::Execution,
            CallError::TooLarge(_) => FaultKind::Limit,
            CallError::Suspended(_) => FaultKind::Suspended,
        };
        let message = match name {
            Some(name) => format!("error calling {name}: {error}"),
            None => format!("output: {error}"),
        };
        self.fault(pos, kind, message)
    }

    fn fault(&self, pos: Pos, kind: FaultKind, message: String) -> Stop {
        let name = self.source.to_string();
        Stop::Fault(Box::new(TemplateError { name, line: pos.line, message, kind }))
    }
}
