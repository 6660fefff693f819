//! The connection family, in process.
