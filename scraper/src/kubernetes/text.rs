//! Strings that many objects share, kept once.
//!
//! Ten thousand pods repeat the same few hundred names of labels, images, nodes and namespaces. A
//! pool of the process hands out one copy of each; what nobody holds any more is swept out whenever
//! the pool has doubled, so it never holds more than twice what is in use.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Deserializer};

/// The pool is not swept below this many texts.
const SWEEP_MIN: usize = 1024;

static POOL: LazyLock<Mutex<Pool>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Pool {
    texts: HashSet<Arc<str>>,
    sweep_at: usize,
}

/// A shared text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// The one copy of this text.
    pub fn new(text: &str) -> Self {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pool.texts.get(text) {
            return Self(Arc::clone(known));
        }
        if pool.texts.len() >= pool.sweep_at {
            pool.texts.retain(|text| Arc::strong_count(text) > 1);
            pool.sweep_at = (2 * pool.texts.len()).max(SWEEP_MIN);
        }
        let text: Arc<str> = Arc::from(text);
        pool.texts.insert(Arc::clone(&text));
        Self(text)
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::new("")
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text::new(text))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_copy() {
        let (a, b) = (Text::new("node-a"), Text::new(&String::from("node-a")));
        assert!(Arc::ptr_eq(&a.0, &b.0));
        assert_ne!(a, Text::new("node-b"));
    }

    #[test]
    fn what_nobody_holds_is_swept_out() {
        for at in 0..10 * SWEEP_MIN {
            drop(Text::new(&format!("swept-{at}")));
        }
        let pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let left = pool.texts.iter().filter(|text| text.starts_with("swept-")).count();
        assert!(left <= 4 * SWEEP_MIN, "{left} texts are left");
    }
}
