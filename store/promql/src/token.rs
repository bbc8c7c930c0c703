//! The words of the language, and how errors name them.

use crate::ast::Span;
use crate::operator::{AggregateOp, BinaryOp};

/// One word of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The end of the query.
    End,
    /// A name without a colon that is no keyword.
    Identifier,
    /// A name with a colon.
    MetricIdentifier,
    /// A number, checked only when it is read.
    Number,
    /// A duration, checked only when it is read.
    Duration,
    /// A text in quotes or backticks, with them.
    Text,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `{`
    LeftBrace,
    /// `}`
    RightBrace,
    /// `[`
    LeftBracket,
    /// `]`
    RightBracket,
    /// `,`
    Comma,
    /// `:` inside brackets
    Colon,
    /// `=`
    Assign,
    /// `=~`
    RegexMatch,
    /// `!~`
    RegexMismatch,
    /// `@`
    At,
    /// A binary operator; `!=` inside braces too.
    Operator(BinaryOp),
    /// An aggregation's name.
    Aggregator(AggregateOp),
    /// A word of the grammar.
    Keyword(Keyword),
}

/// The words of the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named like its word")]
pub enum Keyword {
    Offset,
    Smoothed,
    Anchored,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
    Start,
    End,
    Step,
    Range,
    MaxOf,
    MinOf,
}

/// What a name means where keywords count; upper and lower case are the same.
pub fn keyword(word: &str) -> Option<TokenKind> {
    use Keyword as K;
    use TokenKind::{Aggregator, Number, Operator};
    // No keyword is longer than `count_values`.
    let mut lower = [0; 12];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"and" => Operator(BinaryOp::And),
        b"or" => Operator(BinaryOp::Or),
        b"unless" => Operator(BinaryOp::Unless),
        b"atan2" => Operator(BinaryOp::Atan2),
        b"offset" => TokenKind::Keyword(K::Offset),
        b"smoothed" => TokenKind::Keyword(K::Smoothed),
        b"anchored" => TokenKind::Keyword(K::Anchored),
        b"by" => TokenKind::Keyword(K::By),
        b"without" => TokenKind::Keyword(K::Without),
        b"on" => TokenKind::Keyword(K::On),
        b"ignoring" => TokenKind::Keyword(K::Ignoring),
        b"group_left" => TokenKind::Keyword(K::GroupLeft),
        b"group_right" => TokenKind::Keyword(K::GroupRight),
        b"fill" => TokenKind::Keyword(K::Fill),
        b"fill_left" => TokenKind::Keyword(K::FillLeft),
        b"fill_right" => TokenKind::Keyword(K::FillRight),
        b"bool" => TokenKind::Keyword(K::Bool),
        b"start" => TokenKind::Keyword(K::Start),
        b"end" => TokenKind::Keyword(K::End),
        b"step" => TokenKind::Keyword(K::Step),
        b"range" => TokenKind::Keyword(K::Range),
        b"max_of" => TokenKind::Keyword(K::MaxOf),
        b"min_of" => TokenKind::Keyword(K::MinOf),
        b"inf" | b"nan" => Number,
        lower => {
            let op = AggregateOp::ALL.into_iter().find(|op| op.as_str().as_bytes() == lower)?;
            Aggregator(op)
        }
    })
}

impl TokenKind {
    /// Whether a metric may be called so, although it is a keyword.
    pub fn is_metric_name(self) -> bool {
        match self {
            Self::Identifier | Self::MetricIdentifier | Self::Aggregator(_) => true,
            Self::Operator(op) => op.is_set(),
            Self::Keyword(word) => !matches!(
                word,
                Keyword::Bool
                    | Keyword::GroupLeft
                    | Keyword::GroupRight
                    | Keyword::Ignoring
                    | Keyword::On
            ),
            _ => false,
        }
    }

    /// Whether a label in `by (...)` and its like may be called so, although it is a keyword.
    pub fn is_label_name(self) -> bool {
        match self {
            Self::Identifier | Self::MetricIdentifier | Self::Aggregator(_) => true,
            Self::Operator(op) => op.is_set() || op == BinaryOp::Atan2,
            Self::Keyword(word) => word != Keyword::Without,
            _ => false,
        }
    }

    /// How an error names a word of this kind that is spelled `text`.
    pub fn describe(self, text: &str) -> String {
        match self {
            Self::End => "end of input".to_owned(),
            Self::Identifier => format!("identifier {text:?}"),
            Self::MetricIdentifier => format!("metric identifier {text:?}"),
            Self::Number => format!("number {}", shortened(text)),
            Self::Duration => format!("duration {}", shortened(text)),
            Self::Text => format!("string {}", shortened(text)),
            Self::RegexMatch | Self::RegexMismatch | Self::At | Self::Operator(_) => {
                format!("<op:{text}>")
            }
            Self::Aggregator(_) => format!("<aggr:{text}>"),
            Self::Keyword(
                Keyword::Start
                | Keyword::End
                | Keyword::Step
                | Keyword::Range
                | Keyword::MaxOf
                | Keyword::MinOf,
            ) => format!("{text:?}"),
            Self::Keyword(_) => format!("<{text}>"),
            Self::LeftParen
            | Self::RightParen
            | Self::LeftBrace
            | Self::RightBrace
            | Self::LeftBracket
            | Self::RightBracket
            | Self::Comma
            | Self::Colon
            | Self::Assign => format!("{text:?}"),
        }
    }
}

/// Longer literals are cut, so that an error stays one line.
fn shortened(text: &str) -> String {
    const SHOWN_CHARS: usize = 10;
    if text.len() <= SHOWN_CHARS {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{start:?}...")
}
