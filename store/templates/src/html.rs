//! HTML output: each value escaped by where it stands.
//!
//! Go decides the escaping of an action before it executes a template, and demands that all
//! branches end in the same place of the document. Here the template is executed first; what it
//! wrote - text and values in a row, without branches - is then escaped by the `gotmpl` crate's
//! port of Go's algorithm. Where Go accepts a template both ways lead to the same bytes.

use std::sync::Arc;

use gotmpl::parse::{
    ActionNode, CommandNode, Expr, ListNode, Node, Number, PipeNode, Pos, SmolStr, TextNode,
};

use crate::error::{CallError, FaultKind, TemplateError};
use crate::exec::Sink;
use crate::limits::Limits;
use crate::print;
use crate::value::{Items, Value};

const POS: Pos = Pos { offset: 0, line: 0 };
/// The name of the flat template.
const FLAT: &str = "flat";

/// Output kept in pieces until its end.
pub struct HtmlSink {
    nodes: Vec<Node>,
    values: Vec<gotmpl::Value>,
    bytes: usize,
    bytes_max: usize,
}

impl HtmlSink {
    pub const fn new(limits: &Limits<'_>) -> Self {
        Self { nodes: Vec::new(), values: Vec::new(), bytes: 0, bytes_max: limits.output_bytes_max }
    }

    fn count(&mut self, bytes: usize) -> Result<(), CallError> {
        self.bytes += bytes;
        if self.bytes > self.bytes_max { Err(CallError::TooLarge(self.bytes_max)) } else { Ok(()) }
    }

    /// The finished document.
    pub fn escape(self, name: &str) -> Result<String, TemplateError> {
        let fault = |error: gotmpl::TemplateError| TemplateError {
            name: name.to_owned(),
            line: 0,
            message: error.to_string(),
            kind: FaultKind::Execution,
        };
        let list = ListNode { pos: POS, nodes: self.nodes };
        let values: Arc<[gotmpl::Value]> = self.values.into();
        let template = gotmpl::html::Template::new("")
            .func("value_at", move |args| {
                let at = args.first().and_then(gotmpl::Value::as_int).unwrap_or(-1);
                let value = usize::try_from(at).ok().and_then(|at| values.get(at)).cloned();
                Ok(value.unwrap_or(gotmpl::Value::Nil))
            })
            .parse("")
            .and_then(|template| template.add_parse_tree(FLAT, list))
            .map_err(fault)?;
        template.execute_template_to_string(FLAT, &gotmpl::Value::Nil).map_err(|error| {
            // The escaper leaves out what does not end as text: an open tag, quote or script.
            let mut fault = fault(error);
            if fault.message.starts_with("undefined template") {
                "ends in a non-text context of HTML".clone_into(&mut fault.message);
            }
            fault
        })
    }
}

impl Sink for HtmlSink {
    fn text(&mut self, text: &Arc<str>) -> Result<(), CallError> {
        self.count(text.len())?;
        self.nodes.push(Node::Text(TextNode { pos: POS, text: text.clone() }));
        Ok(())
    }

    fn value(&mut self, value: Value) -> Result<(), CallError> {
        let mut budget = self.bytes_max - self.bytes;
        let value = plain(&value, &mut budget)?;
        self.count(self.bytes_max - self.bytes - budget)?;
        let at = Expr::Number(POS, Number::Int(self.values.len() as i64));
        let args = vec![Expr::Identifier(POS, SmolStr::new_static("value_at")), at];
        let commands = vec![CommandNode { pos: POS, args }];
        let pipe = PipeNode { pos: POS, decl: Vec::new(), commands, is_assign: false };
        self.nodes.push(Node::Action(ActionNode { pos: POS, pipe }));
        self.values.push(value);
        Ok(())
    }
}

/// As the escaper's own kind of value: lists and maps stay what they are, for scripts.
fn plain(value: &Value, budget: &mut usize) -> Result<gotmpl::Value, CallError> {
    let mut spend = |bytes: usize| match budget.checked_sub(bytes) {
        Some(rest) => {
            *budget = rest;
            Ok(())
        }
        None => Err(CallError::TooLarge(*budget)),
    };
    spend(value.as_str().map_or(1, str::len))?;
    let has_text = matches!(value, Value::Object(object) if object.text().is_some());
    Ok(match (value, value.items()) {
        (Value::Nil, _) => gotmpl::Value::Nil,
        (Value::Bool(value), _) => gotmpl::Value::Bool(*value),
        (Value::Int(value), _) => gotmpl::Value::Int(*value),
        (Value::String(text), _) => gotmpl::Value::String(text.clone()),
        (Value::Safe(text), _) => {
            gotmpl::Value::Safe { s: text.clone(), kind: gotmpl::SafeKind::Html }
        }
        (_, Items::List(list)) if !has_text => {
            let items: Result<Vec<_>, _> =
                list.items().iter().map(|item| plain(item, budget)).collect();
            gotmpl::Value::List(items?.into())
        }
        _ => {
            let mut out = crate::bounded::Bounded::new(*budget);
            print::action(&mut out, value).map_err(|_| out.too_large())?;
            gotmpl::Value::String(out.into_text().into())
        }
    })
}
