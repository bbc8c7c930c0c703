//! Routes, groups, silences, messages.
