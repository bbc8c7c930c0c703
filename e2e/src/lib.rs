//! Words that the black box tests use.
