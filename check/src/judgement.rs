//! What is wrong with an object, and what has no effect.

use protocol::fault::Fault;
use protocol::yaml;

/// The verdict on one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Each of them is a reason to refuse the object.
    pub faults: Vec<Fault>,
    /// What is accepted, but has no effect or is hardly meant.
    pub warnings: Vec<Fault>,
    /// Whether patience ended before unit tests of rules did.
    pub unfinished: bool,
}

/// Where a specification stands.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// In a manifest: faults of texts in it have their places in the whole.
    Manifest(&'a str),
    /// In an object that somebody sends: a fault of a text in it says its place there.
    Object,
}

impl Source<'_> {
    /// Faults of the text that is the value of the field `path`.
    pub fn embed(self, path: &str, faults: Vec<Fault>) -> Vec<Fault> {
        match self {
            Self::Manifest(text) => yaml::embed(text, path, faults),
            Self::Object => faults
                .into_iter()
                .map(|fault| {
                    let Fault { line, column, message, .. } = &fault;
                    let message = match line {
                        0 => message.clone(),
                        _ => format!("line {line}, column {column} of the text: {message}"),
                    };
                    Fault { line: 0, column: 0, message, ..fault }.below(path)
                })
                .collect(),
        }
    }
}

impl Judgement {
    /// Another reason to refuse the object.
    pub fn refuse(&mut self, path: &str, message: impl Into<String>) {
        self.faults.push(Fault::at_path(path, message));
    }

    /// Something without effect.
    pub fn warn(&mut self, path: &str, message: impl Into<String>) {
        self.warnings.push(Fault::at_path(path, message));
    }

    /// Two fields that exclude each other.
    pub fn exclude(&mut self, path: &str, other: &str) {
        self.refuse(path, format!("cannot stand beside {other}"));
    }
}
