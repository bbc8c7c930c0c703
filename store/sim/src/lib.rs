//! A simulated world from one seed.
