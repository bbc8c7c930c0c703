//! Parsing of selectors and of what may follow an expression.

use protocol::labels::METRIC_NAME;
use protocol::matcher::{MatchOp, Matcher};

use crate::ast::{
    At, DurationValue, Expr, ExprKind, MatrixSelector, Span, Subquery, VectorSelector,
};
use crate::operator::BinaryOp;
use crate::parser::{Parsed, Parser, Result};
use crate::token::{Keyword, Token, TokenKind};

const MATCHING: &str = "label matching";
const RANGE: &str = "subquery or range selector";
const DURATION: &str = "number, duration, step(), or range()";

impl Parser<'_> {
    /// `name{...}`, `name` or `{...}`.
    pub(crate) fn vector_selector(&mut self) -> Result<Parsed> {
        let first = self.peek()?;
        let name = match first.kind {
            TokenKind::LeftBrace => String::new(),
            kind if kind.is_metric_name() => self.next_text()?.to_owned(),
            _ => return Err(self.unexpected()),
        };
        let mut matchers = Vec::new();
        if self.peek()?.kind == TokenKind::LeftBrace {
            matchers = self.label_matchers()?;
        }
        if !name.is_empty() {
            matchers.push(Matcher::equal(METRIC_NAME, name.clone()));
        }
        let selector = VectorSelector {
            name,
            matchers,
            offset: DurationValue::default(),
            at: None,
            anchored: false,
            smoothed: false,
            may_match_empty: false,
        };
        let span = Span::new(first.span.start, self.last_end());
        Ok(Parsed::new(span, ExprKind::VectorSelector(selector), 1))
    }

    fn label_matchers(&mut self) -> Result<Vec<Matcher>> {
        self.expect(TokenKind::LeftBrace)?;
        let mut matchers = Vec::new();
        while self.accept(TokenKind::RightBrace)?.is_none() {
            matchers.push(self.within(MATCHING, "identifier or \"}\"", Self::label_matcher)?);
            if self.accept(TokenKind::Comma)?.is_none() {
                self.within(MATCHING, "\",\" or \"}\"", |p| p.expect(TokenKind::RightBrace))?;
                break;
            }
        }
        Ok(matchers)
    }

    fn label_matcher(&mut self) -> Result<Matcher> {
        let label = self.peek()?;
        let (name, quoted) = match label.kind {
            TokenKind::Identifier => (self.next_text()?.to_owned(), false),
            TokenKind::Text => (self.string()?, true),
            _ => return Err(self.unexpected()),
        };
        let op = match self.peek()?.kind {
            TokenKind::Assign => MatchOp::Equal,
            TokenKind::Operator(BinaryOp::Ne) => MatchOp::NotEqual,
            TokenKind::RegexMatch => MatchOp::Regex,
            TokenKind::RegexMismatch => MatchOp::NotRegex,
            // A quoted text alone is the metric's name.
            _ if quoted => return Ok(Matcher::equal(METRIC_NAME, name)),
            _ => {
                let expected = "label matching operator";
                return self.within(MATCHING, expected, |parser| Err(parser.unexpected()));
            }
        };
        self.next()?;
        let value = self.within(MATCHING, "string", Self::string)?;
        let span = Span::new(label.span.start, self.last_end());
        Matcher::new(op, name, value).map_err(|error| self.error(span, error.to_string()))
    }

    /// An expression with all that follows it: `[...]`, `offset`, `@`, `anchored`, `smoothed`.
    pub(crate) fn postfix(&mut self) -> Result<Parsed> {
        let mut parsed = self.primary()?;
        loop {
            match self.peek()?.kind {
                TokenKind::LeftBracket => parsed = self.brackets(parsed)?,
                TokenKind::Keyword(Keyword::Offset) => {
                    self.next()?;
                    let offset = self.within("offset", DURATION, Self::offset)?;
                    self.set_offset(&mut parsed.expr, offset)?;
                }
                TokenKind::At => {
                    self.next()?;
                    self.at_modifier(&mut parsed.expr)?;
                }
                TokenKind::Keyword(word @ (Keyword::Anchored | Keyword::Smoothed)) => {
                    let token = self.next()?;
                    self.extend(&mut parsed.expr, word, token)?;
                }
                _ => return Ok(parsed),
            }
        }
    }

    /// `[5m]` or `[1h:5m]` behind an expression.
    fn brackets(&mut self, inner: Parsed) -> Result<Parsed> {
        let open = self.next()?;
        let range = self.within(RANGE, DURATION, Self::positive_duration)?;
        let colon = self.accept(TokenKind::Colon)?;
        if colon.is_some() {
            return self.subquery(inner, range);
        }
        let close = self.within("subquery or range", "\":\" or \"]\"", |parser| {
            parser.expect(TokenKind::RightBracket)
        })?;
        let brackets = open.span.to(close.span);
        let span = inner.expr.span.to(close.span);
        let selector = match inner.expr.kind {
            ExprKind::VectorSelector(selector) => selector,
            _ => return Err(self.error(brackets, "ranges only allowed for vector selectors")),
        };
        if selector.offset != DurationValue::default() {
            return Err(self.error(brackets, "no offset modifiers allowed before range"));
        }
        if selector.at.is_some() {
            return Err(self.error(brackets, "no @ modifiers allowed before range"));
        }
        let matrix = MatrixSelector { selector, selector_span: inner.expr.span, range };
        let kind = ExprKind::MatrixSelector(matrix);
        Ok(Parsed::new(span, kind, self.level_above(span, &[1])?))
    }

    fn subquery(&mut self, inner: Parsed, range: DurationValue) -> Result<Parsed> {
        const PLACE: &str = "subquery selector";
        let expected = "number, duration, step(), range(), or \"]\"";
        let mut step = None;
        if self.peek()?.kind != TokenKind::RightBracket {
            step = Some(self.within(PLACE, expected, Self::positive_duration)?);
        }
        let close = self.within(PLACE, "\"]\"", |parser| parser.expect(TokenKind::RightBracket))?;
        let span = inner.expr.span.to(close.span);
        let height = self.level_above(span, &[inner.height])?;
        let subquery =
            Subquery { expr: inner.expr, range, step, offset: DurationValue::default(), at: None };
        Ok(Parsed::new(span, ExprKind::Subquery(subquery), height))
    }

    fn set_offset(&mut self, expr: &mut Expr, offset: DurationValue) -> Result<()> {
        let span = expr.span;
        let Some((target, _)) = time_modifiers(expr) else {
            let message = "offset modifier must be preceded by an instant vector selector or \
                           range vector selector or a subquery";
            return Err(self.error(span, message));
        };
        if *target != DurationValue::default() {
            return Err(self.error(span, "offset may not be set multiple times"));
        }
        *target = offset;
        expr.span.end = self.last_end();
        Ok(())
    }

    fn at_modifier(&mut self, expr: &mut Expr) -> Result<()> {
        let at = self.within("@", "timestamp", |parser| parser.at_time(expr.span))?;
        let span = expr.span;
        let Some((_, target)) = time_modifiers(expr) else {
            let message = "@ modifier must be preceded by an instant vector selector or range \
                           vector selector or a subquery";
            return Err(self.error(span, message));
        };
        if target.is_some() {
            return Err(self.error(span, "@ <timestamp> may not be set multiple times"));
        }
        *target = Some(at);
        expr.span.end = self.last_end();
        Ok(())
    }

    fn at_time(&mut self, span: Span) -> Result<At> {
        let at = match self.peek()?.kind {
            TokenKind::Keyword(Keyword::Start) => At::Start,
            TokenKind::Keyword(Keyword::End) => At::End,
            _ => {
                let seconds = self.signed_number()?;
                // The bounds of 64 bits, as floats; NaN fits nowhere.
                if !(seconds > i64::MIN as f64 && seconds < i64::MAX as f64) {
                    let seconds = protocol::go_float::format_fixed(seconds, 6);
                    let message = format!("timestamp out of bounds for @ modifier: {seconds}");
                    return Err(self.error(span, message));
                }
                return Ok(At::Timestamp((seconds * 1000.0).round() as i64));
            }
        };
        self.next()?;
        self.expect(TokenKind::LeftParen)?;
        self.expect(TokenKind::RightParen)?;
        Ok(at)
    }

    /// `anchored` or `smoothed` behind an expression.
    fn extend(&mut self, expr: &mut Expr, word: Keyword, token: Token) -> Result<()> {
        let name = if word == Keyword::Anchored { "anchored" } else { "smoothed" };
        let span = expr.span;
        if !self.options.extended_range_selectors {
            let message = format!("{name} modifier is experimental and not enabled");
            return Err(self.error(span, message));
        }
        let selector = match &mut expr.kind {
            ExprKind::VectorSelector(selector) => selector,
            ExprKind::MatrixSelector(matrix) => &mut matrix.selector,
            ExprKind::Subquery(_) => {
                let message = format!("{name} modifier is not supported for subqueries");
                return Err(self.error(span, message));
            }
            _ => return Err(self.error(span, format!("{name} modifier not implemented"))),
        };
        if word == Keyword::Anchored {
            selector.anchored = true;
        } else {
            selector.smoothed = true;
        }
        if selector.anchored && selector.smoothed {
            let message = "anchored and smoothed modifiers cannot be used together";
            return Err(self.error(span, message));
        }
        expr.span.end = token.span.end;
        Ok(())
    }
}

/// Where an expression keeps its offset and its `@`; `None` where it takes none.
fn time_modifiers(expr: &mut Expr) -> Option<(&mut DurationValue, &mut Option<At>)> {
    match &mut expr.kind {
        ExprKind::VectorSelector(selector) => Some((&mut selector.offset, &mut selector.at)),
        ExprKind::MatrixSelector(matrix) => {
            Some((&mut matrix.selector.offset, &mut matrix.selector.at))
        }
        ExprKind::Subquery(subquery) => Some((&mut subquery.offset, &mut subquery.at)),
        _ => None,
    }
}
