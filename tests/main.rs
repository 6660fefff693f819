//! All end-to-end tests, as one binary: one program to link, and one place for what they share.
//!
//! By area: the differential comparison with real servers, clients that mean no good, the bytes of the protocol, configuration, the life of the process,
//! linearizability, clients that wait, and real client libraries. `tidy` checks the sources themselves.

mod acl;
mod append_only;
mod atomicity;
mod bad_input;
mod blocking;
mod busy;
mod client_eviction;
mod clients;
mod configuration;
mod connection;
mod differential;
mod error_statistics;
mod faulty_disk;
mod functions;
mod introspection;
mod lifecycle;
mod linearizability;
mod metrics;
mod operations;
mod protocol;
mod pubsub;
mod replication;
mod script_libraries;
mod script_patterns;
mod small_disk;
mod snapshots;
mod subject;
mod tidy;
mod tls;
mod tracking;
mod transactions;
