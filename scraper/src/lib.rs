//! The managed collector.
