//! Every directive once: name, type, default, bounds, and what it means; reading and rewriting redis.conf.
//!
//! The idea: a directive is one entry of a table, beside the field that it sets (see the modules by subject). Everything
//! else follows from the table: reading files and command lines ([`load`], [`command_line`]), CONFIG GET ([`get`]), CONFIG SET
//! ([`set`]), CONFIG REWRITE ([`rewrite`]), the error texts and the annotated `ochre.conf` ([`annotated_file`]).
//!
//! What the directives say is in [`Config`], plain fields that a hot path reads without asking anybody.
//!
//! Invariants: nothing here touches files, sockets or clocks, what a file includes comes from the caller's
//! [`Environment`]; a failed `set` or `load` leaves nothing half changed; a file that [`rewrite`] writes loads to the
//! same `Config`.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on fails"))]

mod annotated;
pub mod command_line;
mod directive;
mod field;
mod load;
mod number;
mod rewrite;
mod set;
mod subjects;
mod table;
mod text;
pub mod words;

pub use annotated::annotated_file;
pub use directive::{Availability, Change, Directive, InFile, Origin, Shape};
pub use field::Choice;
pub use load::{
    ConfigFileError, Environment, IncludeError, IncludedFile, LoadError, Loaded, Place, Source,
    load,
};
pub use number::Unit;
pub use rewrite::rewrite;
pub use set::{Applied, Caller, SetError, set};
pub use subjects::*;
pub use table::{Named, directives, find, get};
pub use text::{Secret, Text};

/// What every directive is set to.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the server listens and how it treats connections.
    pub network: network::Network,
    /// The process itself.
    pub process: process::Process,
    /// What is logged, where, and in which form.
    pub logging: logging::Logging,
    /// Who may do what.
    pub security: security::Security,
    /// How much memory data may take, what makes room, and when expired keys go.
    pub memory: memory::Memory,
    /// What one client may ask of the server.
    pub limits: limits::Limits,
    /// What is kept about commands that take long.
    pub latency: latency::Latency,
    /// Up to which size values are kept in their compact form.
    pub data_structures: data_structures::DataStructures,
    /// Files: where they are, when they are written, and how.
    pub persistence: persistence::Persistence,
    /// Primaries and replicas.
    pub replication: replication::Replication,
    /// Several servers that share the keys.
    pub cluster: cluster::Cluster,
    /// Encrypted connections.
    pub tls: tls::Tls,
    /// What is told to those who watch the server.
    pub metrics: metrics::Metrics,
    /// Scripts and functions.
    pub scripting: scripting::Scripting,
    /// What clients hear about keys that change.
    pub notifications: notifications::Notifications,
    /// Moving values together.
    pub defrag: defrag::Defrag,
    /// The number of cores, on which defaults depend.
    cores: u16,
}

impl Config {
    /// Every directive at its default, on a machine with that many cores.
    pub fn new(cores: u16) -> Config {
        let mut config = Config {
            network: network::Network::default(),
            process: process::Process::default(),
            logging: logging::Logging::default(),
            security: security::Security::default(),
            memory: memory::Memory::default(),
            limits: limits::Limits::default(),
            latency: latency::Latency::default(),
            data_structures: data_structures::DataStructures::default(),
            persistence: persistence::Persistence::default(),
            replication: replication::Replication::default(),
            cluster: cluster::Cluster::default(),
            tls: tls::Tls::default(),
            metrics: metrics::Metrics::default(),
            scripting: scripting::Scripting::default(),
            notifications: notifications::Notifications::default(),
            defrag: defrag::Defrag::default(),
            cores,
        };
        for directive in directives().filter(|directive| directive.change != Change::FileOnly) {
            let outcome = directive.set_default(&mut config);
            debug_assert!(outcome.is_ok(), "the default of {}: {outcome:?}", directive.name);
        }
        config
    }

    /// The number of cores, on which defaults depend.
    pub fn cores(&self) -> u16 {
        self.cores
    }
}
