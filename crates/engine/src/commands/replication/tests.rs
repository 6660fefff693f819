//! The commands of replication in process.
