//! Rule groups and their alerts.
