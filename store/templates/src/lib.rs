//! Go templates with Go's rules.
