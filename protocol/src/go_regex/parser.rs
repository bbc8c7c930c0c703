//! Reads Go's regular expressions.
//!
//! Refuses what Go refuses, with Go's words: look-around, backreferences, more than 1000
//! repetitions, `a**`, `(?x)`.

use super::class::{Class, ClassItem, bracket_class, perl_class, unicode_class};
use super::error::GoRegexError;
use super::escape::{Escape, read_escape};
use super::syntax::{Node, Repeat};

/// Go's own limit of a repetition, nested ones multiplied.
const REPEAT_MAX: u32 = 1000;
/// Groups inside each other; Go allows 1000, but each costs a stack frame here and there, and no
/// pattern of people comes near.
const NESTING_MAX: u32 = 200;

/// Reads `pattern`, which is to be wrapped as `^(?s:pattern)$` if `anchored`.
pub(super) fn parse(pattern: &str, anchored: bool) -> Result<Node, GoRegexError> {
    let flags = Flags { newline: anchored, ..Flags::default() };
    let mut parser = Parser { pattern, anchored, at: 0, flags, nesting: 0, names: Vec::new() };
    let node = parser.alternation()?;
    if parser.at < pattern.len() {
        return Err(GoRegexError::new("unexpected )", pattern));
    }
    Ok(node)
}

#[derive(Clone, Copy, Default)]
struct Flags {
    /// `i`
    fold: bool,
    /// `m`
    lines: bool,
    /// `s`
    newline: bool,
    /// `U`
    ungreedy: bool,
}

struct Parser<'a> {
    pattern: &'a str,
    anchored: bool,
    at: usize,
    flags: Flags,
    nesting: u32,
    names: Vec<String>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.pattern[self.at..]
    }

    /// Up to the end or a closing parenthesis.
    fn alternation(&mut self) -> Result<Node, GoRegexError> {
        let mut branches = vec![self.concatenation()?];
        while self.rest().starts_with('|') {
            self.at += 1;
            branches.push(self.concatenation()?);
        }
        if branches.len() == 1 {
            return Ok(branches.swap_remove(0));
        }
        Ok(Node::Alternate(branches))
    }

    fn concatenation(&mut self) -> Result<Node, GoRegexError> {
        let mut nodes = Vec::new();
        // Where the repetition began that ended right here.
        let mut repeated_at = None;
        while let Some(c) = self.rest().chars().next() {
            if c == '|' || c == ')' {
                break;
            }
            let start = self.at;
            if let Some((min, max)) = self.repetition(c)? {
                let from = repeated_at.filter(|_| !nodes.is_empty());
                self.repeat(&mut nodes, start, from, min, max)?;
                repeated_at = Some(start);
                continue;
            }
            repeated_at = None;
            self.atom(c, &mut nodes)?;
        }
        Ok(match nodes.len() {
            0 => Node::Empty,
            1 => nodes.swap_remove(0),
            _ => Node::Concat(nodes),
        })
    }

    /// Takes `*`, `+`, `?` or `{n,m}`.
    fn repetition(&mut self, c: char) -> Result<Option<(u32, Option<u32>)>, GoRegexError> {
        let bounds = match c {
            '*' => (0, None),
            '+' => (1, None),
            '?' => (0, Some(1)),
            '{' => return self.counted(),
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(bounds))
    }

    /// Takes `{n}`, `{n,}`, `{n,m}`; anything else after a brace is literal text.
    fn counted(&mut self) -> Result<Option<(u32, Option<u32>)>, GoRegexError> {
        let Some(end) = self.rest().find('}') else { return Ok(None) };
        let whole = &self.rest()[..=end];
        let inner = &whole[1..end];
        let (min, max) = match inner.split_once(',') {
            None => (count(inner), Some(count(inner))),
            Some((min, "")) => (count(min), None),
            Some((min, max)) => (count(min), Some(count(max))),
        };
        let (Some(min), Some(max)) = (min, max.map_or(Some(None), |max| max.map(Some))) else {
            return Ok(None);
        };
        if min > REPEAT_MAX || max.is_some_and(|max| max > REPEAT_MAX || max < min) {
            return Err(GoRegexError::new("invalid repeat count", whole));
        }
        self.at += whole.len();
        Ok(Some((min, max)))
    }

    fn repeat(
        &mut self,
        nodes: &mut Vec<Node>,
        start: usize,
        repeated_at: Option<usize>,
        min: u32,
        max: Option<u32>,
    ) -> Result<(), GoRegexError> {
        let lazy = self.rest().starts_with('?');
        self.at += usize::from(lazy);
        let text = &self.pattern[start..self.at];
        if let Some(from) = repeated_at {
            let both = &self.pattern[from..self.at];
            return Err(GoRegexError::new("invalid nested repetition operator", both));
        }
        let Some(node) = nodes.pop() else {
            return Err(GoRegexError::new("missing argument to repetition operator", text));
        };
        let greedy = lazy == self.flags.ungreedy;
        let node = Node::Repeat(Repeat { node: Box::new(node), min, max, greedy });
        if !node.repeats_at_most(REPEAT_MAX) {
            return Err(GoRegexError::new("invalid repeat count", text));
        }
        nodes.push(node);
        Ok(())
    }

    fn atom(&mut self, c: char, nodes: &mut Vec<Node>) -> Result<(), GoRegexError> {
        let node = match c {
            '(' => return self.group(nodes),
            '\\' => return self.escape(nodes),
            '[' => {
                let (class, length) = bracket_class(self.rest(), self.flags.fold)?;
                self.at += length;
                nodes.push(Node::Class(class));
                return Ok(());
            }
            '.' => Node::Any { newline: self.flags.newline },
            '^' => Node::Place(if self.flags.lines { "(?m:^)" } else { "\\A" }),
            '$' => Node::Place(if self.flags.lines { "(?m:$)" } else { "\\z" }),
            c => Node::Literal { c, fold: self.flags.fold },
        };
        self.at += c.len_utf8();
        nodes.push(node);
        Ok(())
    }

    fn escape(&mut self, nodes: &mut Vec<Node>) -> Result<(), GoRegexError> {
        let fold = self.flags.fold;
        let (escape, length) = read_escape(self.rest())?;
        let letter = match escape {
            Escape::Char(code) => {
                self.at += length;
                nodes.push(match char::from_u32(code) {
                    Some(c) => Node::Literal { c, fold },
                    // A surrogate, which no text contains.
                    None => Node::Class(Class::default()),
                });
                return Ok(());
            }
            Escape::Other(letter) => letter,
        };
        let node = match letter {
            'Q' => return self.quoted(nodes),
            'p' | 'P' => {
                let (item, length) = unicode_class(self.rest())?;
                self.at += length;
                nodes.push(self.class(item));
                return Ok(());
            }
            'A' => Node::Place("\\A"),
            'z' => Node::Place("\\z"),
            'b' => Node::Place("(?-u:\\b)"),
            'B' => Node::Place("(?-u:\\B)"),
            letter => match perl_class(letter) {
                Some(item) => self.class(item),
                None => {
                    let text = &self.rest()[..length];
                    return Err(GoRegexError::new("invalid escape sequence", text));
                }
            },
        };
        self.at += length;
        nodes.push(node);
        Ok(())
    }

    fn class(&self, item: ClassItem) -> Node {
        Node::Class(Class { negated: false, fold: self.flags.fold, items: vec![item] })
    }

    /// `\Q...\E`; the end may be missing, but not where the pattern gets wrapped to be anchored:
    /// it would swallow the closing parenthesis.
    fn quoted(&mut self, nodes: &mut Vec<Node>) -> Result<(), GoRegexError> {
        let inner = &self.rest()[2..];
        let (text, length) = match inner.find("\\E") {
            Some(end) => (&inner[..end], end + 4),
            None if self.anchored => {
                let wrapped = format!("^(?s:{})$", self.pattern);
                return Err(GoRegexError::new("missing closing )", &wrapped));
            }
            None => (inner, inner.len() + 2),
        };
        let fold = self.flags.fold;
        nodes.extend(text.chars().map(|c| Node::Literal { c, fold }));
        self.at += length;
        Ok(())
    }

    fn group(&mut self, nodes: &mut Vec<Node>) -> Result<(), GoRegexError> {
        let outer = self.flags;
        let mut name = None;
        let mut captures = true;
        if let Some(after) = self.rest().strip_prefix("(?") {
            let named = |start: &str| after.starts_with(start) && after.len() > start.len();
            if named("P<") || named("<") {
                name = Some(self.capture_name()?);
            } else {
                captures = false;
                if self.flags()? {
                    return Ok(());
                }
            }
        } else {
            self.at += 1;
        }
        if self.nesting >= NESTING_MAX {
            return Err(GoRegexError::new("expression nests too deeply", self.pattern));
        }
        self.nesting += 1;
        let node = self.alternation()?;
        self.nesting -= 1;
        if !self.rest().starts_with(')') {
            return Err(GoRegexError::new("missing closing )", self.pattern));
        }
        self.at += 1;
        self.flags = outer;
        nodes.push(if captures { Node::Capture { name, node: Box::new(node) } } else { node });
        Ok(())
    }

    /// Takes `(?P<name>` or `(?<name>`. Go allows a digit first and a name twice, Rust's engine
    /// neither.
    fn capture_name(&mut self) -> Result<String, GoRegexError> {
        let rest = self.rest();
        let start = rest.find('<').expect("the caller saw it") + 1;
        let Some(end) = rest.find('>') else {
            return Err(GoRegexError::new("invalid named capture", rest));
        };
        let name = &rest[start..end];
        let valid = !name.is_empty()
            && !name.as_bytes()[0].is_ascii_digit()
            && name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric());
        if !valid {
            return Err(GoRegexError::new("invalid named capture", &rest[..=end]));
        }
        if self.names.iter().any(|known| known == name) {
            return Err(GoRegexError::new("duplicate capture group name", name));
        }
        self.names.push(name.to_owned());
        self.at += end + 1;
        Ok(name.to_owned())
    }

    /// Takes `(?i-s:` or `(?i)`; whether it was the whole group.
    fn flags(&mut self) -> Result<bool, GoRegexError> {
        let rest = self.rest();
        let mut flags = self.flags;
        let (mut on, mut seen) = (true, false);
        for (at, c) in rest.char_indices().skip(2) {
            match c {
                'i' => flags.fold = on,
                'm' => flags.lines = on,
                's' => flags.newline = on,
                'U' => flags.ungreedy = on,
                '-' if on => {
                    (on, seen) = (false, false);
                    continue;
                }
                ':' | ')' if on || seen => {
                    self.flags = flags;
                    self.at += at + 1;
                    return Ok(c == ')');
                }
                c => {
                    let text = &rest[..at + c.len_utf8()];
                    return Err(GoRegexError::new("invalid or unsupported Perl syntax", text));
                }
            }
            seen = true;
        }
        Err(GoRegexError::new("invalid or unsupported Perl syntax", rest))
    }
}

/// A count without sign and leading zero; `None` where it is no count. Too large ones stay large.
fn count(digits: &str) -> Option<u32> {
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    if digits.is_empty() || leading_zero || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u32::MAX))
}
