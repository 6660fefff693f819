//! Publishing and subscribing in process.
