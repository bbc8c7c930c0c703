//! Named templates that were parsed together.
//!
//! `{{template "x"}}` finds every template of the set. A set is cheap to clone and to extend: the
//! trees are shared. Parsing refuses unknown functions and variables, as Go does.

use std::sync::Arc;

use crate::error::TemplateError;
use crate::exec::Run;
use crate::functions::FunctionSet;
use crate::limits::Limits;
use crate::syntax::{Trees, parse_into};
use crate::value::Value;
use crate::{exec, html};

/// The largest single text: a definition may hold many, each is written by a person.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Named templates and the functions they may call.
#[derive(Clone, Debug, Default)]
pub struct TemplateSet {
    trees: Arc<Trees>,
    functions: FunctionSet,
}

impl TemplateSet {
    /// Parses texts in order, each under its name; a later definition replaces an earlier one.
    pub fn parse<N: AsRef<str>, T: AsRef<str>>(
        texts: impl IntoIterator<Item = (N, T)>,
        functions: FunctionSet,
    ) -> Result<Self, TemplateError> {
        let mut trees = Trees::new();
        for (name, text) in texts {
            parse_text(&mut trees, name.as_ref(), text.as_ref(), &functions)?;
        }
        Ok(Self { trees: Arc::new(trees), functions })
    }

    /// The set with one text more.
    pub fn with_text(&self, name: &str, text: &str) -> Result<Self, TemplateError> {
        let mut trees = (*self.trees).clone();
        parse_text(&mut trees, name, text, &self.functions)?;
        Ok(Self { trees: Arc::new(trees), functions: self.functions.clone() })
    }

    /// The same templates with other functions of the same names, for one evaluation.
    pub fn with_functions(&self, functions: FunctionSet) -> Self {
        Self { trees: self.trees.clone(), functions }
    }

    /// Whether there is a template of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.trees.contains_key(name)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.trees.keys().map(|name| &**name)
    }

    /// Executes the template `name`.
    pub fn render(
        &self,
        name: &str,
        data: &Value,
        limits: &Limits<'_>,
    ) -> Result<String, TemplateError> {
        let mut run = Run::new(&self.trees, &self.functions, limits, exec::TextSink::new(limits));
        run.execute(name, data)?;
        Ok(run.into_sink().into_text())
    }

    /// Executes the template `name`, escaping each value by the place in HTML where it stands.
    pub fn render_html(
        &self,
        name: &str,
        data: &Value,
        limits: &Limits<'_>,
    ) -> Result<String, TemplateError> {
        let mut run = Run::new(&self.trees, &self.functions, limits, html::HtmlSink::new(limits));
        run.execute(name, data)?;
        run.into_sink().escape(name)
    }

    /// Parses `text` beside the set and executes it.
    pub fn render_text(
        &self,
        text: &str,
        data: &Value,
        limits: &Limits<'_>,
    ) -> Result<String, TemplateError> {
        // Most texts of a definition have no action at all.
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        self.with_text("", text)?.render("", data, limits)
    }

    /// Parses `text` beside the set and executes it, escaping as [`Self::render_html`] does.
    pub fn render_text_html(
        &self,
        text: &str,
        data: &Value,
        limits: &Limits<'_>,
    ) -> Result<String, TemplateError> {
        self.with_text("", text)?.render_html("", data, limits)
    }
}

fn parse_text(
    trees: &mut Trees,
    name: &str,
    text: &str,
    functions: &FunctionSet,
) -> Result<(), TemplateError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(TemplateError {
            name: name.to_owned(),
            line: 0,
            message: format!(
                "text of {} bytes exceeds the limit of {TEXT_BYTES_MAX} bytes",
                text.len()
            ),
            kind: crate::error::FaultKind::Syntax,
        });
    }
    parse_into(trees, name, text, functions)
}

#[cfg(test)]
mod tests;
