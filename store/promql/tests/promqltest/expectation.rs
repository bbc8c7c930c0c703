//! What an evaluation must say besides its value.

use protocol::go_regex::GoRegex;

/// An `expect` line, or what an old command's name means.
#[derive(Debug)]
pub struct Expectation {
    pub kind: Kind,
    pub text: Text,
    /// Old `expected_fail_...` lines are the last of their block.
    pub ends_block: bool,
}

/// What is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The vector's order counts.
    Ordered,
    /// The query fails.
    Fail,
    /// A warning, and no others.
    Warn,
    /// No warning.
    NoWarn,
    /// An info, and no others.
    Info,
    /// No info.
    NoInfo,
}

/// Which text fits.
#[derive(Debug)]
pub enum Text {
    /// Any.
    Any,
    /// This one.
    Message(String),
    /// One in which this is found.
    Pattern(GoRegex),
}

impl Text {
    /// Whether `text` fits.
    pub fn fits(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Message(message) => message == text,
            Self::Pattern(pattern) => pattern.is_match(text),
        }
    }
}

impl Expectation {
    /// What `eval`, `eval_fail`, `eval_ordered` and their like expect.
    pub fn of_command(word: &str) -> Result<Vec<Self>, String> {
        let kind = match word {
            "eval" => return Ok(Vec::new()),
            "eval_fail" => Kind::Fail,
            "eval_ordered" => Kind::Ordered,
            "eval_warn" => Kind::Warn,
            "eval_info" => Kind::Info,
            _ => return Err(format!("invalid command {word:?}")),
        };
        Ok(vec![Self { kind, text: Text::Any, ends_block: false }])
    }
}

/// Reads a line; `None`: it is none of these.
pub fn parse_expectation(line: &str) -> Result<Option<Expectation>, String> {
    let fail = |text| Some(Expectation { kind: Kind::Fail, text, ends_block: true });
    if let Some(message) = line.strip_prefix("expected_fail_message") {
        return Ok(fail(Text::Message(message.trim().to_owned())));
    }
    if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
        return Ok(fail(pattern_of(pattern)?));
    }
    let Some(rest) = line.strip_prefix("expect ") else { return Ok(None) };
    let rest = rest.trim_start();
    let (word, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let kind = match word {
        "ordered" => Kind::Ordered,
        "fail" => Kind::Fail,
        "warn" => Kind::Warn,
        "no_warn" => Kind::NoWarn,
        "info" => Kind::Info,
        "no_info" => Kind::NoInfo,
        _ => return Err(format!("invalid expectation {line:?}")),
    };
    let text = match text.trim_start().split_once(':') {
        Some(("msg", message)) => Text::Message(message.trim().to_owned()),
        Some(("regex", pattern)) => pattern_of(pattern)?,
        _ => Text::Any,
    };
    Ok(Some(Expectation { kind, text, ends_block: false }))
}

fn pattern_of(pattern: &str) -> Result<Text, String> {
    GoRegex::unanchored(pattern.trim()).map(Text::Pattern).map_err(|error| error.to_string())
}
