//! The directives by subject, each module with the fields that its directives set.

pub(crate) mod bounds;
pub mod cluster;
pub mod data_structures;
pub mod defrag;
pub(crate) mod files;
pub mod latency;
pub mod limits;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod modules;
pub mod network;
pub mod notifications;
pub mod persistence;
pub mod process;
pub mod replication;
pub mod scripting;
pub mod security;
pub mod tls;

use crate::directive::Directive;

/// A group of directives that belong together.
pub struct Subject {
    /// Its heading.
    pub title: &'static str,
    /// The directives, in the order of the annotated file.
    pub directives: &'static [Directive],
}

/// Every directive, by subject, in the order of the annotated file.
pub static SUBJECTS: &[Subject] = &[
    Subject { title: "Other files", directives: files::DIRECTIVES },
    Subject { title: "Network", directives: network::DIRECTIVES },
    Subject { title: "Process", directives: process::DIRECTIVES },
    Subject { title: "Logging", directives: logging::DIRECTIVES },
    Subject { title: "Security", directives: security::DIRECTIVES },
    Subject { title: "Memory, expiry and eviction", directives: memory::DIRECTIVES },
    Subject { title: "Limits", directives: limits::DIRECTIVES },
    Subject { title: "Slow log and latency", directives: latency::DIRECTIVES },
    Subject { title: "Data structures", directives: data_structures::DIRECTIVES },
    Subject { title: "Persistence", directives: persistence::DIRECTIVES },
    Subject { title: "Replication", directives: replication::DIRECTIVES },
    Subject { title: "Cluster", directives: cluster::DIRECTIVES },
    Subject { title: "TLS", directives: tls::DIRECTIVES },
    Subject { title: "Metrics", directives: metrics::DIRECTIVES },
    Subject { title: "Scripting", directives: scripting::DIRECTIVES },
    Subject { title: "Notifications and tracking", directives: notifications::DIRECTIVES },
    Subject { title: "Modules", directives: modules::DIRECTIVES },
    Subject { title: "Active defragmentation", directives: defrag::DIRECTIVES },
];
