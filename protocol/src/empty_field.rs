//! A field that is written without a value.

use serde::{Deserialize, Deserializer};

/// Reads `field:` without a value as the type's zero, the way Go's YAML does.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
