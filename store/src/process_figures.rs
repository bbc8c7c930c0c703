//! The port to what the system knows of this process.

/// What `process_*` metrics tell; the names and units are those of Prometheus's client libraries.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessFigures {
    /// Memory in use.
    pub resident_bytes: u64,
    /// Address space in use.
    pub virtual_bytes: u64,
    /// Processor time, user and system.
    pub cpu_seconds: f64,
    /// When the process began, seconds since 1970.
    pub start_time_seconds: f64,
    /// Open files and sockets.
    pub open_fds: u64,
    /// As many may be open; `None` for any number.
    pub max_fds: Option<u64>,
}

/// Reads the figures. May block for milliseconds.
pub trait ProcessReader: Send + Sync + 'static {
    /// The figures now; `None` where this system does not tell them.
    fn read(&self) -> Option<ProcessFigures>;
}
