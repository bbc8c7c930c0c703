//! Secret values in a configuration: inline, or a reference.
//!
//! `secret://NAME/KEY` names a value that is kept elsewhere and fetched at the moment of sending.
//! An inline value is a [`Secret`], which no print shows.

use std::fmt;

use serde::{Deserialize, Deserializer};

use crate::secret::Secret;

const SCHEME: &str = "secret://";

/// A value that must not be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretText {
    /// The value itself.
    Inline(Secret),
    /// Where the value is kept.
    Reference(SecretRef),
}

/// The place of a secret value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretRef {
    /// The secret.
    pub name: String,
    /// The entry in it.
    pub key: String,
}

impl std::str::FromStr for SecretText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(place) = text.strip_prefix(SCHEME) else {
            return Ok(Self::Inline(Secret::new(text)));
        };
        match place.split_once('/') {
            Some((name, key)) if !name.is_empty() && !key.is_empty() && !key.contains('/') => {
                Ok(Self::Reference(SecretRef { name: name.to_owned(), key: key.to_owned() }))
            }
            _ => Err(format!("secret reference {text:?} is not of the form secret://NAME/KEY")),
        }
    }
}

impl SecretText {
    /// The reference, where it is one.
    pub fn reference(&self) -> Option<&SecretRef> {
        match self {
            Self::Inline(_) => None,
            Self::Reference(reference) => Some(reference),
        }
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Inline(text) if text.is_empty())
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.name, self.key)
    }
}

impl Default for SecretText {
    /// Nothing written.
    fn default() -> Self {
        Self::Inline(Secret::default())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}
