//! What templates work on: values with Go's kinds.
//!
//! Go's engine looks at data by reflection; here data is a [`Value`], and whatever has methods or
//! named fields is an [`Object`]. Values are cheap to clone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::CallError;
use crate::go_time::Time;

/// Lists and maps nested deeper than this are refused, so that printing them cannot exhaust the
/// stack; no data of ours nests deeper than five.
pub const DEPTH_MAX: u32 = 64;

/// One value.
#[derive(Clone, Debug)]
pub enum Value {
    /// No value at all; prints as `<no value>`.
    Nil,
    /// `bool`
    Bool(bool),
    /// Any of Go's integer types.
    Int(i64),
    /// `float64`
    Float(f64),
    /// `string`
    String(Arc<str>),
    /// A string that is HTML already and is not escaped again.
    Safe(Arc<str>),
    /// A slice.
    List(Arc<List>),
    /// A map with string keys.
    Map(Arc<Map>),
    /// `time.Time`
    Time(Time),
    /// `time.Duration`, nanoseconds.
    Duration(i64),
    /// Something with methods or named fields.
    Object(Arc<dyn Object>),
}

/// A slice of values.
#[derive(Debug)]
pub struct List {
    items: Vec<Value>,
    depth: u32,
}

/// A map with string keys, in order of the keys.
#[derive(Debug)]
pub struct Map {
    entries: BTreeMap<Arc<str>, Value>,
    of_strings: bool,
    depth: u32,
}

/// What `range`, `len` and `index` see of an object.
#[derive(Clone, Debug)]
pub enum Items {
    /// A struct.
    None,
    /// A slice with methods.
    List(Arc<List>),
    /// A map with methods.
    Map(Arc<Map>),
}

/// Something with methods or named fields.
pub trait Object: Send + Sync + fmt::Debug {
    /// Go's name of the type, for messages.
    fn type_name(&self) -> &str;

    /// The method or field `name`; `None` where there is no such member.
    fn member(&self, name: &str, args: &[Value]) -> Option<Result<Value, CallError>>;

    /// What it holds, where it is a slice or a map.
    fn items(&self) -> Items {
        Items::None
    }

    /// What its `String` method says, where it has one.
    fn text(&self) -> Option<String> {
        None
    }

    /// Its number, where it is an integer with a name (a month, a weekday).
    fn number(&self) -> Option<i64> {
        None
    }

    /// Itself, where functions of the same crate look inside.
    fn as_any(&self) -> Option<&dyn std::any::Any> {
        None
    }

    /// The field values in order, for printing a struct as `{a b}` and as JSON.
    fn fields(&self) -> Vec<(Arc<str>, Value)> {
        Vec::new()
    }
}

impl List {
    /// The elements.
    pub fn items(&self) -> &[Value] {
        &self.items
    }
}

impl Map {
    /// In order of the keys.
    pub fn entries(&self) -> &BTreeMap<Arc<str>, Value> {
        &self.entries
    }

    /// The value of a key; the zero value of the map's element type where it is missing.
    pub fn get(&self, key: &str) -> Value {
        match self.entries.get(key) {
            Some(value) => value.clone(),
            None if self.of_strings => Value::from(""),
            None => Value::Nil,
        }
    }

    /// Whether it is a `map[string]string`.
    pub const fn is_of_strings(&self) -> bool {
        self.of_strings
    }
}

impl Value {
    /// A slice.
    pub fn list(items: Vec<Self>) -> Self {
        let depth = 1 + items.iter().map(Self::depth).max().unwrap_or(0);
        Self::List(Arc::new(List { items, depth }))
    }

    /// A `map[string]any`.
    pub fn map(entries: impl IntoIterator<Item = (Arc<str>, Self)>) -> Self {
        let entries: BTreeMap<_, _> = entries.into_iter().collect();
        let depth = 1 + entries.values().map(Self::depth).max().unwrap_or(0);
        Self::Map(Arc::new(Map { entries, of_strings: false, depth }))
    }

    /// A `map[string]string`: a missing key reads as the empty string.
    pub fn strings<K: Into<Arc<str>>, V: Into<Arc<str>>>(
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let entries =
            entries.into_iter().map(|(key, value)| (key.into(), Self::String(value.into())));
        let entries = entries.collect();
        Self::Map(Arc::new(Map { entries, of_strings: true, depth: 1 }))
    }

    /// An object.
    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Arc::new(object))
    }

    /// How deep lists and maps are nested in it.
    pub fn depth(&self) -> u32 {
        match self {
            Self::List(list) => list.depth,
            Self::Map(map) => map.depth,
            _ => 0,
        }
    }

    /// What `range`, `len` and `index` see.
    pub fn items(&self) -> Items {
        match self {
            Self::List(list) => Items::List(list.clone()),
            Self::Map(map) => Items::Map(map.clone()),
            Self::Object(object) => object.items(),
            _ => Items::None,
        }
    }

    /// The text of a string, escaped or not.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Safe(text) => Some(text),
            _ => None,
        }
    }

    /// Go's truth: not the zero value, not empty.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Duration(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::String(text) | Self::Safe(text) => !text.is_empty(),
            Self::Time(_) => true,
            Self::Object(object) if object.number() == Some(0) => false,
            Self::List(_) | Self::Map(_) | Self::Object(_) => match self.items() {
                Items::None => true,
                Items::List(list) => !list.items.is_empty(),
                Items::Map(map) => !map.entries.is_empty(),
            },
        }
    }

    /// Go's name of the type, as `%T` prints it.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::String(_) => "string",
            Self::Safe(_) => "template.HTML",
            Self::List(_) => "[]interface {}",
            Self::Map(map) if map.of_strings => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::Object(object) => object.type_name(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::list(items)
    }
}
