//! Primaries and replicas.

use super::bounds::{NATURAL_32, NATURAL_64, PORT, POSITIVE_32, POSITIVE_64};
use crate::Config;
use crate::directive::{Directive, Occasion, WRONG_COUNT, WordCount, Words};
use crate::field::{Choice, field};
use crate::number::{Unit, lenient_integer};
use crate::text::{Secret, Text};
use crate::words::quoted_if_needed;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a directive of its own that is yes or no"
)]
pub struct Replication {
    /// Whom this server replicates; `None`: it is a primary.
    pub primary: Option<Primary>,
    /// The user to log in to the primary as; empty: the default one.
    pub primary_user: Text,
    /// The password to log in to the primary with; empty: none.
    pub primary_password: Secret,
    /// Whether a replica answers while it has no link to its primary.
    pub serve_stale_data: bool,
    /// Whether a replica refuses writes of clients.
    pub read_only: bool,
    /// Whether a replica that a full sync replaces the data of frees it in the background.
    pub lazy_flush: bool,
    /// Whether a replica leaves eviction to its primary.
    pub ignore_max_memory: bool,
    /// Whether a replica goes on when it cannot write to disk.
    pub ignore_disk_write_errors: bool,
    /// Whether Sentinel is told about this replica.
    pub announced: bool,
    /// The address that this replica says it has; empty: the one the primary sees.
    pub announce_ip: Text,
    /// The port that this replica says it has; 0: the one it has.
    pub announce_port: u16,
    /// How gladly Sentinel promotes this replica: the lower the sooner; 0: never.
    pub priority: u32,
    /// Whether a full sync goes over the socket without a file.
    pub diskless_sync: bool,
    /// Seconds to wait for further replicas before it starts.
    pub diskless_sync_delay_s: u32,
    /// How many replicas end that wait; 0: it lasts its time.
    pub diskless_sync_max_replicas: u32,
    /// Whether a replica loads a full sync from the socket.
    pub diskless_load: DisklessLoad,
    /// Seconds between pings to replicas.
    pub ping_period_s: u32,
    /// Seconds of silence after which the link is given up.
    pub timeout_s: u32,
    /// Whether the system gathers bytes for replicas, with delay.
    pub disable_no_delay: bool,
    /// Bytes of the stream that are kept for replicas that come back.
    pub backlog_bytes: u64,
    /// Seconds without replicas after which they are freed; 0: never.
    pub backlog_ttl_s: u64,
    /// How many replicas must be there for writes; 0: any number.
    pub min_replicas: u32,
    /// Seconds that they may lag behind.
    pub min_replicas_max_lag_s: u32,
    /// What happens when a replicated command fails.
    pub propagation_error: PropagationError,
}

/// Whom this server replicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primary {
    /// Its name or address.
    pub host: Text,
    /// Its port.
    pub port: u16,
}

/// Whether a replica loads a full sync from the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DisklessLoad {
    /// No: it is stored in a file first.
    #[default]
    Disabled,
    /// If it has no data.
    OnEmptyDatabase,
    /// Yes, and it keeps its old data until it has the new.
    SwapDatabase,
}

impl Choice for DisklessLoad {
    const WORDS: &'static [(&'static str, DisklessLoad)] = &[
        ("disabled", DisklessLoad::Disabled),
        ("on-empty-db", DisklessLoad::OnEmptyDatabase),
        ("swapdb", DisklessLoad::SwapDatabase),
    ];
}

/// What happens when a command from the primary or from the append-only file fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PropagationError {
    /// It is logged.
    #[default]
    Ignore,
    /// The server ends.
    Panic,
    /// A replica ends.
    PanicOnReplicas,
}

impl Choice for PropagationError {
    const WORDS: &'static [(&'static str, PropagationError)] = &[
        ("ignore", PropagationError::Ignore),
        ("panic", PropagationError::Panic),
        ("panic-on-replicas", PropagationError::PanicOnReplicas),
    ];
}

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::words(
        "replicaof",
        "",
        Words {
            sketch: "host port | no one",
            count: WordCount::Any,
            set: set_primary,
            print: print_primary,
            lines: primary_lines,
            lines_are_independent: false,
        },
    )
    .alias("slaveof")
    .about("The primary whose data this server copies, or `no one`."),
    Directive::text("masterauth", "", field!(replication.primary_password))
        .live()
        .sensitive()
        .about("The password with which this server logs in to its primary."),
    Directive::text("masteruser", "", field!(replication.primary_user))
        .live()
        .sensitive()
        .about("The user as whom it does so. Empty: the default one."),
    Directive::switch("replica-serve-stale-data", "yes", field!(replication.serve_stale_data))
        .alias("slave-serve-stale-data")
        .live()
        .about("Whether a replica answers from what it has while it has no link to its primary."),
    Directive::switch("replica-read-only", "yes", field!(replication.read_only))
        .alias("slave-read-only")
        .live()
        .about("Whether a replica refuses writes from clients."),
    Directive::switch("repl-diskless-sync", "yes", field!(replication.diskless_sync))
        .live()
        .about("Whether a full sync goes straight to the replicas, without a file on the primary's disk."),
    Directive::number("repl-diskless-sync-delay", "5", NATURAL_32, field!(replication.diskless_sync_delay_s))
        .live()
        .about("Seconds to wait before such a sync, so that further replicas can share it."),
    Directive::number(
        "repl-diskless-sync-max-replicas",
        "0",
        NATURAL_32,
        field!(replication.diskless_sync_max_replicas),
    )
    .live()
    .about("With that many replicas waiting it starts at once. 0: it waits its time."),
    Directive::choice::<DisklessLoad>(
        "repl-diskless-load",
        "disabled",
        field!(replication.diskless_load),
    )
    .live()
    .about(
        "Whether a replica loads a full sync as it arrives, without a file: never (`disabled`), when it has no data (`on-empty-db`), \
         or always, with its old data kept until the end (`swapdb`).",
    ),
    Directive::number("repl-ping-replica-period", "10", POSITIVE_32, field!(replication.ping_period_s))
        .alias("repl-ping-slave-period")
        .live()
        .about("Seconds between the primary's pings to its replicas."),
    Directive::number("repl-timeout", "60", POSITIVE_32, field!(replication.timeout_s))
        .live()
        .about("Seconds of silence after which either side gives the link up. It should be more than the period of the pings."),
    Directive::switch("repl-disable-tcp-nodelay", "no", field!(replication.disable_no_delay))
        .live()
        .about("Whether the system gathers small writes to replicas, which saves packets and costs time."),
    Directive::quantity(
        "repl-backlog-size",
        "1mb",
        Unit::Bytes,
        POSITIVE_64,
        field!(replication.backlog_bytes),
    )
    .adjusted(|size| size.max(16 << 10))
    .live()
    .about("How much of the stream is kept, so that a replica that was away for a while needs only what it missed."),
    Directive::number("repl-backlog-ttl", "3600", NATURAL_64, field!(replication.backlog_ttl_s))
        .live()
        .about("Seconds without replicas after which that is freed. 0: it stays."),
    Directive::number("replica-priority", "100", NATURAL_32, field!(replication.priority))
        .alias("slave-priority")
        .live()
        .about("How gladly Sentinel promotes this replica: the lower the number the sooner. 0: never."),
    Directive::switch("replica-announced", "yes", field!(replication.announced))
        .live()
        .about("Whether Sentinel hears of this replica."),
    Directive::text("replica-announce-ip", "", field!(replication.announce_ip))
        .alias("slave-announce-ip")
        .live()
        .about("The address that this replica says it has, where the primary sees another. Empty: what the primary sees."),
    Directive::number("replica-announce-port", "0", PORT, field!(replication.announce_port))
        .alias("slave-announce-port")
        .live()
        .about("The port that it says it has. 0: its own."),
    Directive::switch("replica-lazy-flush", "no", field!(replication.lazy_flush))
        .alias("slave-lazy-flush")
        .live()
        .about("Whether a replica frees its old data in the background when a full sync replaces it."),
    Directive::switch("replica-ignore-maxmemory", "yes", field!(replication.ignore_max_memory))
        .alias("slave-ignore-maxmemory")
        .live()
        .about("Whether a replica leaves eviction to its primary."),
    Directive::switch(
        "replica-ignore-disk-write-errors",
        "no",
        field!(replication.ignore_disk_write_errors),
    )
    .live()
    .about("Whether a replica goes on with its primary's writes when it cannot write them to disk."),
    Directive::number("min-replicas-to-write", "0", NATURAL_32, field!(replication.min_replicas))
        .alias("min-slaves-to-write")
        .live()
        .about("How many replicas must be there for writes to be accepted. 0: any number."),
    Directive::number("min-replicas-max-lag", "10", NATURAL_32, field!(replication.min_replicas_max_lag_s))
        .alias("min-slaves-max-lag")
        .live()
        .about("How many seconds such a replica may lag behind."),
    Directive::choice::<PropagationError>(
        "propagation-error-behavior",
        "ignore",
        field!(replication.propagation_error),
    )
    .live()
    .about("What happens when a command from the primary or the append-only file fails."),
];

fn set_primary(config: &mut Config, words: &[Text], _: Occasion) -> Result<(), String> {
    let [host, port] = words else {
        return Err(WRONG_COUNT.to_owned());
    };
    if host.as_bytes().eq_ignore_ascii_case(b"no") && port.as_bytes().eq_ignore_ascii_case(b"one") {
        config.replication.primary = None;
        return Ok(());
    }
    let port = lenient_integer(port.as_bytes()).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| "Invalid master port".to_owned())?;
    // A primary without a name is none.
    config.replication.primary =
        Some(Primary { host: host.clone(), port }).filter(|_| !host.is_empty());
    Ok(())
}

fn print_primary(config: &Config) -> Vec<u8> {
    match &config.replication.primary {
        Some(primary) => {
            let mut words = primary.host.as_bytes().to_vec();
            words.extend_from_slice(format!(" {}", primary.port).as_bytes());
            words
        }
        None => Vec::new(),
    }
}

fn primary_lines(config: &Config) -> Vec<Vec<u8>> {
    let line = |primary: &Primary| {
        let mut words = quoted_if_needed(primary.host.as_bytes());
        words.extend_from_slice(format!(" {}", primary.port).as_bytes());
        words
    };
    config.replication.primary.iter().map(line).collect()
}
