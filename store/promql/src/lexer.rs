//! Splits a query into words.
//!
//! Works on bytes; what counts as a keyword depends on the brackets around it, as in Prometheus.

use crate::ast::Span;
use crate::lexer_number::{scan_duration_rest, scan_number};
use crate::literal::read_escape;
use crate::operator::BinaryOp;
use crate::parse_error::ParseError;
use crate::token::{Keyword, Token, TokenKind, keyword};

/// All words of `query`, the last one being [`TokenKind::End`], or, where a word is malformed, the
/// words before it and the error: whichever fault comes first in the text is the one to report.
pub fn lex(query: &str) -> (Vec<Token>, Option<ParseError>) {
    let mut lexer = Lexer::new(query);
    let mut tokens = Vec::new();
    loop {
        match lexer.next_token() {
            Ok(token) => {
                tokens.push(token);
                if token.kind == TokenKind::End {
                    return (tokens, None);
                }
            }
            Err(error) => return (tokens, Some(error)),
        }
    }
}

struct Lexer<'a> {
    query: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Where the word begins that is being read.
    start: usize,
    paren_depth: i32,
    brace_open: bool,
    bracket_open: bool,
    /// Right behind `[`, an operator or a parenthesis of a duration: only durations may follow.
    in_duration: bool,
    got_colon: bool,
    got_duration: bool,
}

type Lexed = Result<Token, ParseError>;

impl<'a> Lexer<'a> {
    fn new(query: &'a str) -> Self {
        Self {
            query,
            bytes: query.as_bytes(),
            at: 0,
            start: 0,
            paren_depth: 0,
            brace_open: false,
            bracket_open: false,
            in_duration: false,
            got_colon: false,
            got_duration: false,
        }
    }

    fn next_token(&mut self) -> Lexed {
        self.skip_blanks();
        self.start = self.at;
        let Some(byte) = self.peek() else { return self.at_end() };
        if self.brace_open {
            return self.inside_braces(byte);
        }
        if self.in_duration {
            return self.inside_duration(byte);
        }
        self.outside(byte)
    }

    /// Skips spaces and, but for the inside of a duration, comments.
    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'#' if !self.in_duration => {
                    while self.peek().is_some_and(|byte| byte != b'\n' && byte != b'\r') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn at_end(&self) -> Lexed {
        if self.brace_open {
            return self.fail("unexpected end of input inside braces");
        }
        if self.in_duration {
            return self.fail("unexpected end of input in duration expression");
        }
        if self.paren_depth != 0 {
            return self.fail("unclosed left parenthesis");
        }
        if self.bracket_open {
            return self.fail("unclosed left bracket");
        }
        self.token(TokenKind::End)
    }

    fn outside(&mut self, byte: u8) -> Lexed {
        match byte {
            b'0'..=b'9' => self.number_or_duration(),
            b'.' if self.peek_at(1).is_some_and(|byte| byte.is_ascii_digit()) => {
                self.number_or_duration()
            }
            b'"' | b'\'' | b'`' => self.text(byte),
            b':' | b'_' | b'a'..=b'z' | b'A'..=b'Z' if self.bracket_open => {
                self.word_inside_brackets(byte)
            }
            b':' | b'_' | b'a'..=b'z' | b'A'..=b'Z' => self.keyword_or_identifier(),
            b'{' => {
                self.brace_open = true;
                self.take(1, TokenKind::LeftBrace)
            }
            b'[' => self.open_bracket(),
            b']' if !self.bracket_open => self.fail("unexpected right bracket ']'"),
            b']' => self.close_bracket(),
            b'(' | b')' => self.paren(byte),
            b',' => self.take(1, TokenKind::Comma),
            b'@' => self.take(1, TokenKind::At),
            _ => self.operator(byte),
        }
    }

    fn operator(&mut self, byte: u8) -> Lexed {
        use BinaryOp as Op;
        let (length, kind) = match (byte, self.peek_at(1)) {
            (b'+', _) => (1, Op::Add),
            (b'-', _) => (1, Op::Sub),
            (b'*', _) => (1, Op::Mul),
            (b'/', _) => (1, Op::Div),
            (b'%', _) => (1, Op::Mod),
            (b'^', _) => (1, Op::Pow),
            (b'=', Some(b'=')) => (2, Op::Eq),
            (b'=', Some(b'~')) => return self.fail("unexpected character after '=': '~'"),
            (b'=', _) => return self.take(1, TokenKind::Assign),
            (b'!', Some(b'=')) => (2, Op::Ne),
            (b'!', _) => {
                let next = self.quoted_char(self.at + 1);
                return self.fail(&format!("unexpected character after '!': {next}"));
            }
            (b'<', Some(b'=')) => (2, Op::Le),
            (b'<', Some(b'/')) => (2, Op::TrimUpper),
            (b'<', _) => (1, Op::Lt),
            (b'>', Some(b'=')) => (2, Op::Ge),
            (b'>', Some(b'/')) => (2, Op::TrimLower),
            (b'>', _) => (1, Op::Gt),
            _ => {
                let found = self.quoted_char(self.at);
                return self.fail(&format!("unexpected character: {found}"));
            }
        };
        self.take(length, TokenKind::Operator(kind))
    }

    fn paren(&mut self, byte: u8) -> Lexed {
        if byte == b'(' {
            self.paren_depth += 1;
            return self.take(1, TokenKind::LeftParen);
        }
        self.paren_depth -= 1;
        if self.paren_depth < 0 {
            return self.fail_behind("unexpected right parenthesis ')'");
        }
        self.take(1, TokenKind::RightParen)
    }

    fn open_bracket(&mut self) -> Lexed {
        if self.bracket_open {
            return self.fail("unexpected left bracket '['");
        }
        self.bracket_open = true;
        self.in_duration = true;
        self.got_colon = false;
        self.take(1, TokenKind::LeftBracket)
    }

    fn close_bracket(&mut self) -> Lexed {
        self.bracket_open = false;
        self.in_duration = false;
        self.take(1, TokenKind::RightBracket)
    }

    /// A word between `[` and `]`, behind a number: only a colon or a function of durations fits.
    fn word_inside_brackets(&mut self, byte: u8) -> Lexed {
        if byte == b':' {
            if self.got_colon {
                return self.fail("unexpected colon ':'");
            }
            self.got_colon = true;
            return self.take(1, TokenKind::Colon);
        }
        match self.duration_keyword(byte) {
            Some(token) => Ok(token),
            None => {
                let found = self.quoted_char(self.start);
                self.fail(&format!("unexpected character: {found}, expected ':'"))
            }
        }
    }

    fn inside_duration(&mut self, byte: u8) -> Lexed {
        use BinaryOp as Op;
        let op = match byte {
            b']' => return self.close_bracket(),
            b'(' | b')' => return self.paren(byte),
            b',' => return self.take(1, TokenKind::Comma),
            b':' => {
                if !self.got_duration {
                    let message = "unexpected colon before duration in duration expression";
                    return self.fail_behind(message);
                }
                if self.got_colon {
                    return self.fail_behind("unexpected repeated colon in duration expression");
                }
                self.got_colon = true;
                return self.take(1, TokenKind::Colon);
            }
            b'0'..=b'9' => return self.number_or_duration(),
            b'.' if self.peek_at(1).is_some_and(|byte| byte.is_ascii_digit()) => {
                return self.number_or_duration();
            }
            b'+' => Op::Add,
            b'-' => Op::Sub,
            b'*' => Op::Mul,
            b'/' => Op::Div,
            b'%' => Op::Mod,
            b'^' => Op::Pow,
            _ => {
                if let Some(token) = self.duration_keyword(byte) {
                    return Ok(token);
                }
                let found = self.quoted_char(self.start);
                return self.fail(&format!("unexpected character in duration expression: {found}"));
            }
        };
        self.take(1, TokenKind::Operator(op))
    }

    fn duration_keyword(&mut self, first: u8) -> Option<Token> {
        if !matches!(first.to_ascii_lowercase(), b's' | b'r' | b'm') {
            return None;
        }
        let end = self.end_of_word(|byte| byte == b'_' || byte.is_ascii_alphabetic());
        match keyword(&self.query[self.start..end])? {
            kind @ TokenKind::Keyword(
                Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf,
            ) => {
                self.at = end;
                self.token(kind).ok()
            }
            _ => None,
        }
    }

    fn number_or_duration(&mut self) -> Lexed {
        let number = scan_number(&self.bytes[self.start..]);
        if let Ok(length) = number {
            self.in_duration = false;
            self.got_duration |= self.bracket_open;
            return self.take(length, TokenKind::Number);
        }
        let (Ok(seen) | Err(seen)) = number;
        match scan_duration_rest(&self.bytes[self.start..], seen) {
            Ok(length) => {
                self.in_duration = false;
                self.got_duration |= self.bracket_open;
                self.take(length, TokenKind::Duration)
            }
            Err(seen) => {
                let mut end = (self.start + seen).min(self.query.len());
                while !self.query.is_char_boundary(end) {
                    end += 1;
                }
                let text = &self.query[self.start..end];
                self.fail(&format!("bad number or duration syntax: {text:?}"))
            }
        }
    }

    fn keyword_or_identifier(&mut self) -> Lexed {
        self.at = self.end_of_word(|byte| is_word(byte) || byte == b':');
        let word = &self.query[self.start..self.at];
        let kind =
            match keyword(word) {
                // So that metrics called `fill` stay usable.
                Some(TokenKind::Keyword(
                    Keyword::Fill | Keyword::FillLeft | Keyword::FillRight,
                )) if !self.paren_follows() => TokenKind::Identifier,
                Some(kind) => kind,
                None if word.contains(':') => TokenKind::MetricIdentifier,
                None => TokenKind::Identifier,
            };
        self.token(kind)
    }

    fn paren_follows(&self) -> bool {
        let rest = self.bytes[self.at..].iter();
        rest.copied().find(|&byte| !is_space(byte)) == Some(b'(')
    }

    /// The inside of a selector: every word is a label's name.
    fn inside_braces(&mut self, byte: u8) -> Lexed {
        match (byte, self.peek_at(1)) {
            (b'_' | b'a'..=b'z' | b'A'..=b'Z', _) => {
                self.at = self.end_of_word(is_word);
                self.token(TokenKind::Identifier)
            }
            (b',', _) => self.take(1, TokenKind::Comma),
            (b'"' | b'\'' | b'`', _) => self.text(byte),
            (b'=', Some(b'~')) => self.take(2, TokenKind::RegexMatch),
            (b'=', _) => self.take(1, TokenKind::Assign),
            (b'!', Some(b'~')) => self.take(2, TokenKind::RegexMismatch),
            (b'!', Some(b'=')) => self.take(2, TokenKind::Operator(BinaryOp::Ne)),
            (b'!', _) => {
                let next = self.quoted_char(self.at + 1);
                self.fail(&format!("unexpected character after '!' inside braces: {next}"))
            }
            (b'{', _) => self.fail("unexpected left brace '{'"),
            (b'}', _) => {
                self.brace_open = false;
                self.take(1, TokenKind::RightBrace)
            }
            _ => {
                let found = self.quoted_char(self.at);
                self.fail(&format!("unexpected character inside braces: {found}"))
            }
        }
    }

    /// A text in quotes or backticks.
    fn text(&mut self, quote: u8) -> Lexed {
        let mut end = self.at + 1;
        loop {
            match self.bytes.get(end) {
                None if quote == b'`' => return self.fail("unterminated raw string"),
                None => return self.fail("unterminated quoted string"),
                Some(b'\n') if quote != b'`' => return self.fail("unterminated quoted string"),
                Some(b'\\') if quote != b'`' => {
                    match read_escape(&self.query[end + 1..], quote as char) {
                        Ok((_, length)) => end += 1 + length,
                        Err(message) => return self.fail(&message),
                    }
                }
                Some(&byte) if byte == quote => break,
                Some(_) => end += 1,
            }
        }
        self.at = end + 1;
        self.token(TokenKind::Text)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn end_of_word(&self, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = &self.bytes[self.start..];
        self.start + rest.iter().take_while(|&&byte| belongs(byte)).count()
    }

    fn take(&mut self, length: usize, kind: TokenKind) -> Lexed {
        self.at = self.start + length;
        self.token(kind)
    }

    fn token(&self, kind: TokenKind) -> Lexed {
        Ok(Token { kind, span: Span::new(self.start as u32, self.at as u32) })
    }

    fn fail(&self, message: &str) -> Lexed {
        let span = Span::new(self.start as u32, self.bytes.len() as u32);
        Err(ParseError::new(self.query, span, message))
    }

    /// Prometheus takes these words before it refuses them, so the error stands behind.
    fn fail_behind(&mut self, message: &str) -> Lexed {
        self.start += 1;
        self.fail(message)
    }

    /// A character as errors show it; the end of the text has a number of its own, as in
    /// Prometheus.
    fn quoted_char(&self, at: usize) -> String {
        match self.query.get(at..).and_then(|rest| rest.chars().next()) {
            Some(c) => format!("{c:?}"),
            None => "'\u{fffd}'".to_owned(),
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}
