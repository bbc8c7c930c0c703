//! One workspace's time series database.
