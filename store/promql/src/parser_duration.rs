//! Parsing of durations and arithmetic on them.

use crate::ast::{DurationExpr, DurationKind, DurationValue, Span};
use crate::operator::BinaryOp;
use crate::parser::{Parser, Result};
use crate::token::{Keyword, Token, TokenKind};

/// Beyond this, nanoseconds do not fit into 64 bits, which is what Prometheus counts in.
const SECONDS_MAX: f64 = 9_223_372_036.854_776;

struct Part {
    expr: DurationExpr,
    height: u32,
}

impl Parser<'_> {
    /// The inside of `[...]`.
    pub(crate) fn positive_duration(&mut self) -> Result<DurationValue> {
        let part = self.durations(0)?;
        if let DurationKind::Literal { seconds, .. } = part.expr.kind
            && seconds <= 0.0
        {
            return Err(self.error(part.expr.span, "duration must be greater than 0"));
        }
        Ok(value(part.expr))
    }

    /// What follows `offset`. A number, a sign with one, or a function ends it: `x offset -2 ^ 2`
    /// is `(x offset -2) ^ 2`; only what begins with a parenthesis goes on with operators.
    pub(crate) fn offset(&mut self) -> Result<DurationValue> {
        let sign = match self.peek()?.kind {
            TokenKind::Operator(BinaryOp::Add | BinaryOp::Sub) => Some(self.next()?),
            _ => None,
        };
        let goes_on = match self.peek()?.kind {
            TokenKind::LeftParen => sign.is_none(),
            TokenKind::Operator(_) => true,
            _ => false,
        };
        let mut part = match sign {
            None if goes_on => self.durations(0)?,
            None => self.duration_operand()?,
            Some(sign) => {
                let operand = self.duration_signed()?;
                self.apply_sign(sign, operand)?
            }
        };
        if sign.is_some() && goes_on {
            part = self.durations_after(part, 0)?;
        }
        Ok(value(part.expr))
    }

    fn durations(&mut self, precedence_min: u8) -> Result<Part> {
        let left = self.duration_signed()?;
        self.durations_after(left, precedence_min)
    }

    /// Operators behind `left` that bind at least as strongly as `precedence_min`.
    fn durations_after(&mut self, mut left: Part, precedence_min: u8) -> Result<Part> {
        while let Some(op) = duration_operator(self.peek()?.kind) {
            let precedence = op.precedence();
            if precedence < precedence_min {
                break;
            }
            let token = self.next()?;
            let right_min = if op == BinaryOp::Pow { precedence } else { precedence + 1 };
            let right = self.nested(|parser| parser.durations(right_min))?;
            self.allow_expressions(left.expr.span)?;
            self.refuse_zero(op, token, &right.expr)?;
            let span = left.expr.span.to(right.expr.span);
            let height = self.level_above(span, &[left.height, right.height])?;
            let (lhs, rhs) = (Box::new(left.expr), Box::new(right.expr));
            let kind = DurationKind::Binary { op, lhs, rhs };
            left = Part { expr: DurationExpr { span, kind }, height };
        }
        Ok(left)
    }

    fn refuse_zero(&self, op: BinaryOp, token: Token, right: &DurationExpr) -> Result<()> {
        let zero = matches!(right.kind, DurationKind::Literal { seconds, .. } if seconds == 0.0);
        match op {
            BinaryOp::Div if zero => Err(self.error(token.span, "division by zero")),
            BinaryOp::Mod if zero => Err(self.error(token.span, "modulo by zero")),
            _ => Ok(()),
        }
    }

    fn duration_signed(&mut self) -> Result<Part> {
        let TokenKind::Operator(BinaryOp::Add | BinaryOp::Sub) = self.peek()?.kind else {
            return self.duration_operand();
        };
        let sign = self.next()?;
        let operand = self.nested(|parser| parser.durations(BinaryOp::Pow.precedence()))?;
        self.apply_sign(sign, operand)
    }

    /// A sign before a literal becomes part of it; a plus before anything else is dropped.
    fn apply_sign(&self, sign: Token, operand: Part) -> Result<Part> {
        let negative = sign.kind == TokenKind::Operator(BinaryOp::Sub);
        let span = sign.span.to(operand.expr.span);
        let height = self.level_above(span, &[operand.height])?;
        let kind = match operand.expr.kind {
            DurationKind::Literal { seconds, is_duration } => {
                let seconds = if negative { -seconds } else { seconds };
                DurationKind::Literal { seconds, is_duration }
            }
            kind if !negative => kind,
            _ => DurationKind::Unary { negative, operand: Box::new(operand.expr) },
        };
        Ok(Part { expr: DurationExpr { span, kind }, height })
    }

    fn duration_operand(&mut self) -> Result<Part> {
        let token = self.peek()?;
        match token.kind {
            TokenKind::Number | TokenKind::Duration => {
                let (seconds, is_duration) = self.number()?;
                if seconds.abs() > SECONDS_MAX {
                    return Err(self.error(token.span, "duration out of range"));
                }
                let kind = DurationKind::Literal { seconds, is_duration };
                Ok(Part { expr: DurationExpr { span: token.span, kind }, height: 1 })
            }
            TokenKind::LeftParen => self.nested(Self::duration_paren),
            TokenKind::Keyword(word @ (Keyword::Step | Keyword::Range)) => {
                self.next()?;
                self.expect(TokenKind::LeftParen)?;
                let close = self.expect(TokenKind::RightParen)?;
                let span = token.span.to(close.span);
                self.allow_expressions(span)?;
                let step = word == Keyword::Step;
                let kind = if step { DurationKind::Step } else { DurationKind::Range };
                Ok(Part { expr: DurationExpr { span, kind }, height: 1 })
            }
            TokenKind::Keyword(word @ (Keyword::MinOf | Keyword::MaxOf)) => {
                self.nested(|parser| parser.duration_extreme(word))
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Parentheses around a mere literal are dropped, as in Prometheus 3.14.
    fn duration_paren(&mut self) -> Result<Part> {
        let open = self.next()?;
        let inner = self.durations(0)?;
        let close = self.expect(TokenKind::RightParen)?;
        self.allow_expressions(inner.expr.span)?;
        if matches!(inner.expr.kind, DurationKind::Literal { .. } | DurationKind::Paren(_)) {
            return Ok(inner);
        }
        let span = open.span.to(close.span);
        let height = self.level_above(span, &[inner.height])?;
        let kind = DurationKind::Paren(Box::new(inner.expr));
        Ok(Part { expr: DurationExpr { span, kind }, height })
    }

    /// `min_of(a, b)` or `max_of(a, b)`
    fn duration_extreme(&mut self, word: Keyword) -> Result<Part> {
        let name = self.next()?;
        self.expect(TokenKind::LeftParen)?;
        let first = self.durations(0)?;
        self.expect(TokenKind::Comma)?;
        let second = self.durations(0)?;
        let close = self.expect(TokenKind::RightParen)?;
        let span = name.span.to(close.span);
        self.allow_expressions(span)?;
        let height = self.level_above(span, &[first.height, second.height])?;
        let (first, second) = (Box::new(first.expr), Box::new(second.expr));
        let kind = match word {
            Keyword::MinOf => DurationKind::MinOf(first, second),
            _ => DurationKind::MaxOf(first, second),
        };
        Ok(Part { expr: DurationExpr { span, kind }, height })
    }

    fn allow_expressions(&self, span: Span) -> Result<()> {
        if self.options.duration_expressions {
            return Ok(());
        }
        Err(self.error(span, "experimental duration expression is not enabled"))
    }
}

fn duration_operator(kind: TokenKind) -> Option<BinaryOp> {
    match kind {
        TokenKind::Operator(
            op @ (BinaryOp::Add
            | BinaryOp::Sub
            | BinaryOp::Mul
            | BinaryOp::Div
            | BinaryOp::Mod
            | BinaryOp::Pow),
        ) => Some(op),
        _ => None,
    }
}

/// Prometheus rounds to nanoseconds, then cuts to milliseconds.
fn value(expr: DurationExpr) -> DurationValue {
    match expr.kind {
        DurationKind::Literal { seconds, .. } => {
            DurationValue::Literal((seconds * 1e9).round() as i64 / 1_000_000)
        }
        _ => DurationValue::Expr(Box::new(expr)),
    }
}
