//! The custom resources' types.
