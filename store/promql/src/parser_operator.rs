//! Parsing of operators, their modifiers and lists of labels.

use crate::ast::{Binary, ExprKind, MatchCardinality, VectorMatching};
use crate::operator::BinaryOp;
use crate::parser::{Parsed, Parser, Result};
use crate::token::{Keyword, TokenKind};

/// How strongly a sign binds: weaker than `^`, so that `-1 ^ 2` is `-(1 ^ 2)`.
const SIGN_OPERAND: u8 = BinaryOp::Pow.precedence();

/// `bool`, `on (...)`, `group_left (...)`, `fill (...)` behind an operator.
#[derive(Default)]
struct Modifiers {
    return_bool: bool,
    matching: VectorMatching,
}

impl Parser<'_> {
    /// An expression of operators that bind at least as strongly as `precedence_min`.
    pub(crate) fn expression(&mut self, precedence_min: u8) -> Result<Parsed> {
        let mut left = self.signed()?;
        while let TokenKind::Operator(op) = self.peek()?.kind {
            let precedence = op.precedence();
            if precedence < precedence_min {
                break;
            }
            self.next()?;
            let modifiers = self.binary_modifiers()?;
            let right_min = if op == BinaryOp::Pow { precedence } else { precedence + 1 };
            let right = self.nested(|parser| parser.expression(right_min))?;
            left = self.binary(op, left, modifiers, right)?;
        }
        Ok(left)
    }

    fn binary(
        &self,
        op: BinaryOp,
        left: Parsed,
        modifiers: Modifiers,
        right: Parsed,
    ) -> Result<Parsed> {
        let span = left.expr.span.to(right.expr.span);
        let Modifiers { return_bool, matching } = modifiers;
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        if fills && !self.options.fill_modifiers {
            return Err(self.error(span, "binop fill modifiers are experimental and not enabled"));
        }
        let height = self.level_above(span, &[left.height, right.height])?;
        let (lhs, rhs) = (left.expr, right.expr);
        let binary = Binary { op, lhs, rhs, matching: Some(matching), return_bool };
        Ok(Parsed::new(span, ExprKind::Binary(binary), height))
    }

    fn signed(&mut self) -> Result<Parsed> {
        let token = self.peek()?;
        let negative = match token.kind {
            TokenKind::Operator(BinaryOp::Add) => false,
            TokenKind::Operator(BinaryOp::Sub) => true,
            _ => return self.postfix(),
        };
        self.next()?;
        let operand = self.nested(|parser| parser.expression(SIGN_OPERAND))?;
        let span = token.span.to(operand.expr.span);
        let kind = match operand.expr.kind {
            ExprKind::NumberLiteral { value, is_duration } => {
                let value = if negative { -value } else { value };
                ExprKind::NumberLiteral { value, is_duration }
            }
            _ => ExprKind::Unary { negative, expr: operand.expr },
        };
        let height = self.level_above(span, &[operand.height])?;
        Ok(Parsed::new(span, kind, height))
    }

    fn binary_modifiers(&mut self) -> Result<Modifiers> {
        let mut modifiers = Modifiers {
            return_bool: self.accept_keyword(Keyword::Bool)?,
            matching: VectorMatching::default(),
        };
        let matching = &mut modifiers.matching;
        matching.on = self.accept_keyword(Keyword::On)?;
        if matching.on || self.accept_keyword(Keyword::Ignoring)? {
            matching.labels = self.grouping_labels()?;
            matching.card = if self.accept_keyword(Keyword::GroupLeft)? {
                MatchCardinality::ManyToOne
            } else if self.accept_keyword(Keyword::GroupRight)? {
                MatchCardinality::OneToMany
            } else {
                MatchCardinality::OneToOne
            };
            let grouped = matching.card != MatchCardinality::OneToOne;
            if grouped && self.grouping_labels_follow()? {
                matching.include = self.grouping_labels()?;
            }
        }
        self.fill_modifiers(&mut modifiers.matching)?;
        Ok(modifiers)
    }

    /// Whether labels stand behind `group_left`; what can neither be labels nor go on with the
    /// expression is to be reported as a fault of the labels.
    fn grouping_labels_follow(&self) -> Result<bool> {
        use Keyword::{Fill, FillLeft, FillRight};
        let kind = self.peek()?.kind;
        let goes_on = Self::starts_expression(kind)
            || matches!(kind, TokenKind::Keyword(Fill | FillLeft | FillRight));
        Ok(kind == TokenKind::LeftParen || !goes_on)
    }

    fn fill_modifiers(&mut self, matching: &mut VectorMatching) -> Result<()> {
        if self.accept_keyword(Keyword::Fill)? {
            let value = Some(self.fill_value()?);
            (matching.fill_left, matching.fill_right) = (value, value);
        } else if self.accept_keyword(Keyword::FillLeft)? {
            matching.fill_left = Some(self.fill_value()?);
            if self.accept_keyword(Keyword::FillRight)? {
                matching.fill_right = Some(self.fill_value()?);
            }
        } else if self.accept_keyword(Keyword::FillRight)? {
            matching.fill_right = Some(self.fill_value()?);
            if self.accept_keyword(Keyword::FillLeft)? {
                matching.fill_left = Some(self.fill_value()?);
            }
        }
        Ok(())
    }

    fn fill_value(&mut self) -> Result<f64> {
        self.expect(TokenKind::LeftParen)?;
        let value = self.signed_number()?;
        self.expect(TokenKind::RightParen)?;
        Ok(value)
    }

    /// A number or duration with an optional sign.
    pub(crate) fn signed_number(&mut self) -> Result<f64> {
        let negative = self.accept(TokenKind::Operator(BinaryOp::Sub))?.is_some();
        if !negative {
            self.accept(TokenKind::Operator(BinaryOp::Add))?;
        }
        let (value, _) = self.number()?;
        Ok(if negative { -value } else { value })
    }

    pub(crate) fn accept_keyword(&mut self, word: Keyword) -> Result<bool> {
        Ok(self.accept(TokenKind::Keyword(word))?.is_some())
    }

    /// `(a, b, "c d")`
    pub(crate) fn grouping_labels(&mut self) -> Result<Vec<String>> {
        const PLACE: &str = "grouping opts";
        self.within(PLACE, "\"(\"", |parser| parser.expect(TokenKind::LeftParen))?;
        let mut labels = Vec::new();
        while self.accept(TokenKind::RightParen)?.is_none() {
            labels.push(self.within(PLACE, "label", Self::grouping_label)?);
            if self.accept(TokenKind::Comma)?.is_none() {
                self.within(PLACE, "\",\" or \")\"", |p| p.expect(TokenKind::RightParen))?;
                break;
            }
        }
        Ok(labels)
    }

    fn grouping_label(&mut self) -> Result<String> {
        let token = self.peek()?;
        let label = match token.kind {
            TokenKind::Text => self.string()?,
            kind if kind.is_label_name() => self.next_text()?.to_owned(),
            _ => return Err(self.unexpected()),
        };
        if label.is_empty() {
            let message = format!("invalid label name for grouping: {label:?}");
            return Err(self.error(token.span, message));
        }
        Ok(label)
    }
}
