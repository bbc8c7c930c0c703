//! Ready-made objects: named structs, Alertmanager's `KV`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::CallError;
use crate::functions::{exactly, texts};
use crate::value::{Items, Map, Object, Value};

/// A struct: named fields, no methods.
#[derive(Debug)]
pub struct Fields {
    type_name: &'static str,
    fields: Vec<(Arc<str>, Value)>,
}

impl Fields {
    /// A struct value; `type_name` as Go would say it, for messages.
    pub fn value<N: Into<Arc<str>>>(
        type_name: &'static str,
        fields: impl IntoIterator<Item = (N, Value)>,
    ) -> Value {
        let fields = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Value::object(Self { type_name, fields })
    }
}

impl Object for Fields {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn member(&self, name: &str, args: &[Value]) -> Option<Result<Value, CallError>> {
        let (_, value) = self.fields.iter().find(|(known, _)| **known == *name)?;
        if !args.is_empty() {
            let message = format!("{name} has arguments but cannot be invoked as function");
            return Some(Err(CallError::new(message)));
        }
        Some(Ok(value.clone()))
    }

    fn fields(&self) -> Vec<(Arc<str>, Value)> {
        self.fields.clone()
    }
}

/// Alertmanager's `KV`: a label set with methods.
#[derive(Debug)]
pub struct Kv {
    entries: BTreeMap<Arc<str>, Arc<str>>,
    map: Arc<Map>,
}

impl Kv {
    /// A label set as a value.
    pub fn value<K: Into<Arc<str>>, V: Into<Arc<str>>>(
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Value {
        let entries: BTreeMap<Arc<str>, Arc<str>> =
            entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        let Items::Map(map) = Value::strings(entries.clone()).items() else {
            unreachable!("a map of strings is a map")
        };
        Value::object(Self { entries, map })
    }

    /// Sorted by name, but `alertname` first.
    fn sorted(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let mut pairs: Vec<_> =
            self.entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        pairs.sort_by_key(|(key, _)| &**key != "alertname");
        pairs
    }
}

impl Object for Kv {
    fn type_name(&self) -> &'static str {
        "template.KV"
    }

    fn member(&self, name: &str, args: &[Value]) -> Option<Result<Value, CallError>> {
        let result = match name {
            "SortedPairs" => Ok(Pairs::value(self.sorted())),
            "Names" => Ok(strings(self.sorted().into_iter().map(|(key, _)| key))),
            "Values" => Ok(strings(self.sorted().into_iter().map(|(_, value)| value))),
            "String" => Ok(Value::from(self.text().unwrap_or_default())),
            "Remove" => {
                return Some(exactly::<1>(args).and_then(|[names]| {
                    let names = texts(names)?;
                    let kept = self.entries.iter().filter(|(key, _)| !names.contains(*key));
                    Ok(Self::value(kept.map(|(key, value)| (key.clone(), value.clone()))))
                }));
            }
            _ => return None,
        };
        Some(exactly::<0>(args).and(result))
    }

    fn items(&self) -> Items {
        Items::Map(self.map.clone())
    }

    fn text(&self) -> Option<String> {
        let pairs: Vec<String> =
            self.sorted().iter().map(|(key, value)| format!("{key}={value}")).collect();
        Some(pairs.join(", "))
    }
}

/// What `KV.SortedPairs` gives: a list of `.Name` and `.Value` with methods.
#[derive(Debug)]
struct Pairs {
    pairs: Vec<(Arc<str>, Arc<str>)>,
    items: Items,
}

impl Pairs {
    fn value(pairs: Vec<(Arc<str>, Arc<str>)>) -> Value {
        let items = pairs.iter().map(|(name, value)| {
            let fields =
                [("Name", Value::String(name.clone())), ("Value", Value::String(value.clone()))];
            Fields::value("template.Pair", fields)
        });
        let items = Value::list(items.collect()).items();
        Value::object(Self { pairs, items })
    }
}

impl Object for Pairs {
    fn type_name(&self) -> &'static str {
        "template.Pairs"
    }

    fn member(&self, name: &str, args: &[Value]) -> Option<Result<Value, CallError>> {
        let result = match name {
            "Names" => strings(self.pairs.iter().map(|(name, _)| name.clone())),
            "Values" => strings(self.pairs.iter().map(|(_, value)| value.clone())),
            "String" => Value::from(self.text().unwrap_or_default()),
            _ => return None,
        };
        Some(exactly::<0>(args).map(|_| result))
    }

    fn items(&self) -> Items {
        self.items.clone()
    }

    fn text(&self) -> Option<String> {
        let pairs: Vec<String> =
            self.pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some(pairs.join(", "))
    }
}

/// Alertmanager's `Strings`: a list of texts with the method `Join`.
#[derive(Debug)]
struct Strings {
    texts: Vec<Arc<str>>,
    items: Items,
}

/// A list of texts that knows `Join`.
fn strings(texts: impl IntoIterator<Item = Arc<str>>) -> Value {
    let texts: Vec<Arc<str>> = texts.into_iter().collect();
    let items = Value::list(texts.iter().map(|text| Value::String(text.clone())).collect()).items();
    Value::object(Strings { texts, items })
}

impl Object for Strings {
    fn type_name(&self) -> &'static str {
        "template.Strings"
    }

    fn member(&self, name: &str, args: &[Value]) -> Option<Result<Value, CallError>> {
        (name == "Join").then(|| {
            let [separator] = exactly::<1>(args)?;
            Ok(Value::from(self.texts.join(crate::functions::text(separator)?)))
        })
    }

    fn items(&self) -> Items {
        self.items.clone()
    }
}
