//! The binary: one executable, every role.

fn main() {}
