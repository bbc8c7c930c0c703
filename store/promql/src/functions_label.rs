//! `label_replace` and `label_join`.

use protocol::go_regex::GoRegex;
use protocol::labels::{LabelsBuilder, METRIC_NAME};

use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::{Series, merge_same_labels};
use crate::plan::{CallNode, Grid, Node, NodeKind};

impl Evaluator<'_> {
    /// `label_replace(v, dst, replacement, src, regex)`
    pub fn label_replace(
        &mut self,
        call: &CallNode,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let text = |at: usize| text_of(&call.args[at]);
        let (target, replacement, source, pattern) = (text(1), text(2), text(3), text(4));
        let regex = GoRegex::anchored(pattern).map_err(|_| {
            let text = format!("invalid regular expression in label_replace(): {pattern}");
            EvalError::Execution(text)
        })?;
        check_name(target, "destination", "label_replace")?;
        let mut series = self.eval_vector(&call.args[0], grid)?;
        for one in &mut series {
            let value = one.labels.value(source);
            let Some(captures) = regex.as_regex().captures(value) else { continue };
            let mut replaced = String::new();
            captures.expand(replacement, &mut replaced);
            set_label(one, target, &replaced);
        }
        merge_same_labels(series)
    }

    /// `label_join(v, dst, separator, src...)`
    pub fn label_join(&mut self, call: &CallNode, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let (target, separator) = (text_of(&call.args[1]), text_of(&call.args[2]));
        let sources: Vec<&str> = call.args[3..].iter().map(text_of).collect();
        for source in &sources {
            check_name(source, "source", "label_join")?;
        }
        check_name(target, "destination", "label_join")?;
        let mut series = self.eval_vector(&call.args[0], grid)?;
        for one in &mut series {
            let values: Vec<&str> = sources.iter().map(|source| one.labels.value(source)).collect();
            let joined = values.join(separator);
            set_label(one, target, &joined);
        }
        merge_same_labels(series)
    }
}

/// The text of a string literal; the type check lets nothing else through.
pub fn text_of(node: &Node) -> &str {
    match &node.kind {
        NodeKind::Text(text) => text,
        _ => "",
    }
}

fn check_name(name: &str, role: &str, function: &str) -> Result<(), EvalError> {
    if name.is_empty() {
        let text = format!("invalid {role} label name in {function}(): {name}");
        return Err(EvalError::Execution(text));
    }
    Ok(())
}

fn set_label(series: &mut Series, name: &str, value: &str) {
    let mut builder = LabelsBuilder::new(&series.labels);
    builder.set(name, value);
    series.labels = builder.build();
    if name == METRIC_NAME {
        // The name was given on purpose.
        series.drop_name = false;
    }
}
