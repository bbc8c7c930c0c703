//! The parser: from text to a type-checked tree.
//!
//! Recursive descent, binary operators by precedence. The first fault found is the answer; its
//! text is Prometheus's, whose grammar names the innermost rule that expects errors, which here is
//! the parser's `context`.

use protocol::matcher::Matcher;

use crate::ast::{Expr, ExprKind, Span};
use crate::lexer::lex;
use crate::literal::{parse_number, seconds_of_duration, unquote};
use crate::options::ParseOptions;
use crate::parse_error::ParseError;
use crate::token::{Keyword, Token, TokenKind};
use crate::type_check::check_types;

/// No query needs more; positions are 32 bits wide and errors quote the query.
pub const QUERY_BYTES_MAX: usize = 1 << 20;
/// Brackets, calls and signs inside each other: each costs up to 12 KiB of stack in a debug build.
pub const NESTING_MAX: u32 = 100;
/// Levels of the tree, a chain of operators counting one each: every walk over the tree recurses
/// that deep, the evaluation with 6 KiB a level in a debug build, on stacks of 2 MiB.
pub const HEIGHT_MAX: u32 = 250;

/// Parses and type-checks a query.
pub fn parse_expr(query: &str, options: &ParseOptions) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(query, options)?;
    if parser.peek()?.kind == TokenKind::End {
        return Err(parser.error(Span::default(), "no expression found in input"));
    }
    let mut parsed = parser.expression(0)?;
    parser.expect_end()?;
    check_types(query, &mut parsed.expr)?;
    Ok(*parsed.expr)
}

/// Parses one selector, as in the `match[]` parameter; it may match everything.
pub fn parse_metric_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(text, &ParseOptions::default())?;
    let parsed = parser.vector_selector()?;
    parser.expect_end()?;
    match parsed.expr.kind {
        ExprKind::VectorSelector(selector) => Ok(selector.matchers),
        _ => unreachable!("a selector's parser yields selectors"),
    }
}

/// Which rule a fault is reported for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub place: &'static str,
    pub expected: &'static str,
}

/// A finished part of the tree and how many levels it has. Boxed, so that the recursion's frames
/// stay small.
pub(crate) struct Parsed {
    pub expr: Box<Expr>,
    pub height: u32,
}

impl Parsed {
    pub fn new(span: Span, kind: ExprKind, height: u32) -> Self {
        Self { expr: Box::new(Expr { span, kind }), height }
    }
}

pub(crate) type Result<T, E = ParseError> = std::result::Result<T, E>;

pub(crate) struct Parser<'a> {
    pub query: &'a str,
    pub options: ParseOptions,
    tokens: Vec<Token>,
    lex_error: Option<ParseError>,
    at: usize,
    context: Context,
    nesting: u32,
}

impl<'a> Parser<'a> {
    pub fn new(query: &'a str, options: &ParseOptions) -> Result<Self> {
        if query.len() > QUERY_BYTES_MAX {
            let message = format!("query is longer than {QUERY_BYTES_MAX} bytes");
            return Err(ParseError::new("", Span::default(), message));
        }
        let (tokens, lex_error) = lex(query);
        let context = Context { place: "", expected: "" };
        Ok(Self { query, options: *options, tokens, lex_error, at: 0, context, nesting: 0 })
    }

    /// The word to come, or what is wrong with it.
    pub fn peek(&self) -> Result<Token> {
        match (self.tokens.get(self.at), &self.lex_error) {
            (Some(token), _) => Ok(*token),
            (None, Some(error)) => Err(error.clone()),
            (None, None) => unreachable!("the end is a word, and is never passed"),
        }
    }

    /// The kind of the word behind the next one.
    pub fn kind_after_next(&self) -> Option<TokenKind> {
        self.tokens.get(self.at + 1).map(|token| token.kind)
    }

    /// Takes a word.
    pub fn next(&mut self) -> Result<Token> {
        let token = self.peek()?;
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        Ok(token)
    }

    /// Takes the word if it is of this kind.
    pub fn accept(&mut self, kind: TokenKind) -> Result<Option<Token>> {
        if self.peek()?.kind == kind { self.next().map(Some) } else { Ok(None) }
    }

    /// Takes a word that must be of this kind.
    pub fn expect(&mut self, kind: TokenKind) -> Result<Token> {
        match self.accept(kind)? {
            Some(token) => Ok(token),
            None => Err(self.unexpected()),
        }
    }

    pub fn expect_end(&mut self) -> Result<()> {
        self.expect(TokenKind::End).map(drop)
    }

    /// Where the word taken last ends.
    pub fn last_end(&self) -> u32 {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at].span.end)
    }

    pub fn text(&self, token: Token) -> &'a str {
        &self.query[token.span.start as usize..token.span.end as usize]
    }

    /// Takes a word, as it is spelled.
    pub fn next_text(&mut self) -> Result<&'a str> {
        self.next().map(|token| self.text(token))
    }

    pub fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.query, span, message)
    }

    /// The error for a word that does not fit here.
    pub fn unexpected(&self) -> ParseError {
        let token = match self.peek() {
            Ok(token) => token,
            Err(error) => return error,
        };
        let mut message = format!("unexpected {}", token.kind.describe(self.text(token)));
        let Context { place, expected } = self.context;
        if !place.is_empty() {
            message.push_str(" in ");
            message.push_str(place);
        }
        if !expected.is_empty() {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        self.error(token.span, message)
    }

    /// Parses with faults being reported for this rule.
    pub fn within<T>(
        &mut self,
        place: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let outer = std::mem::replace(&mut self.context, Context { place, expected });
        let result = parse(self);
        self.context = outer;
        result
    }

    /// Parses one level deeper.
    pub fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.nesting >= NESTING_MAX {
            let message = format!("query is nested deeper than {NESTING_MAX} levels");
            return Err(self.error(self.peek()?.span, message));
        }
        self.nesting += 1;
        let result = parse(self);
        self.nesting -= 1;
        result
    }

    /// One level above parts of these heights.
    pub fn level_above(&self, span: Span, heights: &[u32]) -> Result<u32> {
        let height = 1 + heights.iter().max().unwrap_or(&0);
        if height > HEIGHT_MAX {
            let message = format!("query has more than {HEIGHT_MAX} operators in a row");
            return Err(self.error(span, message));
        }
        Ok(height)
    }

    /// An expression without operators around it.
    pub fn primary(&mut self) -> Result<Parsed> {
        let token = self.peek()?;
        let paren_follows = self.kind_after_next() == Some(TokenKind::LeftParen);
        match token.kind {
            TokenKind::Number | TokenKind::Duration | TokenKind::Text => self.literal(),
            TokenKind::LeftParen => self.nested(Self::paren),
            TokenKind::Aggregator(op) if self.aggregation_follows() => {
                self.nested(|parser| parser.aggregate(op))
            }
            TokenKind::Identifier if paren_follows => self.nested(Self::call),
            TokenKind::Keyword(
                Keyword::Start
                | Keyword::End
                | Keyword::Step
                | Keyword::Range
                | Keyword::MaxOf
                | Keyword::MinOf,
            ) if paren_follows => self.nested(Self::call),
            kind if kind == TokenKind::LeftBrace || kind.is_metric_name() => self.vector_selector(),
            _ => Err(self.unexpected()),
        }
    }

    /// Whether an expression can begin with this word.
    pub fn starts_expression(kind: TokenKind) -> bool {
        use crate::operator::BinaryOp::{Add, Sub};
        match kind {
            TokenKind::Number
            | TokenKind::Duration
            | TokenKind::Text
            | TokenKind::LeftParen
            | TokenKind::LeftBrace
            | TokenKind::Operator(Add | Sub) => true,
            kind => kind.is_metric_name(),
        }
    }

    fn literal(&mut self) -> Result<Parsed> {
        let token = self.peek()?;
        let kind = if token.kind == TokenKind::Text {
            ExprKind::StringLiteral(self.string()?)
        } else {
            let (value, is_duration) = self.number()?;
            ExprKind::NumberLiteral { value, is_duration }
        };
        Ok(Parsed::new(token.span, kind, 1))
    }

    fn paren(&mut self) -> Result<Parsed> {
        let open = self.next()?;
        let inner = self.expression(0)?;
        let close = self.expect(TokenKind::RightParen)?;
        let span = open.span.to(close.span);
        let height = self.level_above(span, &[inner.height])?;
        Ok(Parsed::new(span, ExprKind::Paren(inner.expr), height))
    }

    /// A number or a duration in seconds, and whether it was a duration.
    pub fn number(&mut self) -> Result<(f64, bool)> {
        let token = self.peek()?;
        let text = self.text(token);
        let (value, is_duration) = match token.kind {
            TokenKind::Number => (parse_number(text), false),
            TokenKind::Duration => (seconds_of_duration(text), true),
            _ => return Err(self.unexpected()),
        };
        let value = value.map_err(|message| self.error(token.span, message))?;
        self.next()?;
        Ok((value, is_duration))
    }

    /// The content of a text.
    pub fn string(&mut self) -> Result<String> {
        let token = self.expect(TokenKind::Text)?;
        unquote(self.text(token)).map_err(|message| self.error(token.span, message))
    }
}
