//! Parsing of function calls and aggregations.

use crate::ast::{Aggregate, ExprKind, Span};
use crate::function_table::function;
use crate::operator::AggregateOp;
use crate::parser::{Parsed, Parser, Result};
use crate::token::{Keyword, TokenKind};

const AGGREGATION: &str = "aggregation";

/// `by (...)` or `without (...)`.
#[derive(Default)]
struct Grouping {
    labels: Vec<String>,
    without: bool,
}

impl Parser<'_> {
    /// Whether the aggregation's name to come is one, not a metric called like it.
    pub(crate) fn aggregation_follows(&self) -> bool {
        matches!(
            self.kind_after_next(),
            Some(TokenKind::LeftParen | TokenKind::Keyword(Keyword::By | Keyword::Without))
        )
    }

    pub(crate) fn call(&mut self) -> Result<Parsed> {
        let name = self.next()?;
        let args = self.arguments()?;
        let text = self.text(name);
        let Some(function) = function(text) else {
            return Err(self.error(name.span, format!("unknown function with name {text:?}")));
        };
        if function.experimental && !self.options.experimental_functions {
            return Err(self.error(name.span, format!("function {text:?} is not enabled")));
        }
        let span = Span::new(name.span.start, self.last_end());
        let heights: Vec<u32> = args.iter().map(|arg| arg.height).collect();
        let height = self.level_above(span, &heights)?;
        let args = args.into_iter().map(|arg| *arg.expr).collect();
        Ok(Parsed::new(span, ExprKind::Call { function, args }, height))
    }

    fn arguments(&mut self) -> Result<Vec<Parsed>> {
        self.expect(TokenKind::LeftParen)?;
        let mut args = Vec::new();
        if self.accept(TokenKind::RightParen)?.is_some() {
            return Ok(args);
        }
        loop {
            args.push(self.expression(0)?);
            let Some(comma) = self.accept(TokenKind::Comma)? else { break };
            if !Self::starts_expression(self.peek()?.kind) {
                let message = "trailing commas not allowed in function call args";
                return Err(self.error(comma.span, message));
            }
        }
        self.expect(TokenKind::RightParen)?;
        Ok(args)
    }

    pub(crate) fn aggregate(&mut self, op: AggregateOp) -> Result<Parsed> {
        let name = self.next()?;
        let (grouping, args) = self.within(AGGREGATION, "", |parser| {
            let before = parser.grouping()?;
            Ok((before, parser.arguments()?))
        })?;
        let grouping = match grouping {
            Some(grouping) => grouping,
            None => self.grouping()?.unwrap_or_default(),
        };
        let span = Span::new(name.span.start, self.last_end());
        let (param, vector) = self.aggregate_arguments(op, span, args)?;
        let below = [vector.height, param.as_ref().map_or(0, |param| param.height)];
        let height = self.level_above(span, &below)?;
        let aggregate = Aggregate {
            op,
            expr: vector.expr,
            param: param.map(|param| param.expr),
            grouping: grouping.labels,
            without: grouping.without,
        };
        Ok(Parsed::new(span, ExprKind::Aggregate(aggregate), height))
    }

    fn grouping(&mut self) -> Result<Option<Grouping>> {
        let without = self.accept_keyword(Keyword::Without)?;
        if !without && !self.accept_keyword(Keyword::By)? {
            return Ok(None);
        }
        Ok(Some(Grouping { labels: self.grouping_labels()?, without }))
    }

    /// Splits the arguments into the parameter and the vector.
    fn aggregate_arguments(
        &self,
        op: AggregateOp,
        span: Span,
        mut args: Vec<Parsed>,
    ) -> Result<(Option<Parsed>, Parsed)> {
        if args.is_empty() {
            return Err(self.error(span, "no arguments for aggregate expression provided"));
        }
        if op.is_experimental() && !self.options.experimental_functions {
            let message = format!(
                "{}() is experimental and must be enabled with \
                 --enable-feature=promql-experimental-functions",
                op.as_str()
            );
            return Err(self.error(span, message));
        }
        let wanted = if op.has_param() { 2 } else { 1 };
        if args.len() != wanted {
            let message = format!(
                "wrong number of arguments for aggregate expression provided, \
                 expected {wanted}, got {}",
                args.len()
            );
            return Err(self.error(span, message));
        }
        let vector = args.pop().expect("the number of arguments was checked");
        Ok((args.pop(), vector))
    }
}
