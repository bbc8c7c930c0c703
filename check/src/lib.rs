//! One verdict on what users write.
