//! The store: HTTP, control, workspaces.
