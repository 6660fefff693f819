//! Several servers that share the keys.

use super::bounds::{NATURAL_32, NATURAL_64, PORT, UNSIGNED_64};
use crate::directive::Directive;
use crate::field::{Choice, field};
use crate::number::Unit;
use crate::text::Text;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a directive of its own that is yes or no"
)]
pub struct Cluster {
    /// Whether this server is a node of a cluster.
    pub enabled: bool,
    /// The file in which it remembers the cluster.
    pub nodes_file: Text,
    /// The port for other nodes; 0: the client port plus 10000.
    pub port: u16,
    /// Milliseconds of silence after which a node is held to be down.
    pub node_timeout_ms: u64,
    /// How old the data of a replica may be that wants to be a primary, in node timeouts; 0: any age.
    pub replica_validity_factor: u32,
    /// How many replicas a primary keeps when one moves to another.
    pub migration_barrier: u32,
    /// Whether replicas move to primaries that have none.
    pub allow_replica_migration: bool,
    /// Whether this replica never becomes a primary by itself.
    pub replica_no_failover: bool,
    /// Whether nothing is served while slots are without a node.
    pub require_full_coverage: bool,
    /// Whether reads are served while the cluster is down.
    pub allow_reads_when_down: bool,
    /// Whether sharded channels are served while the cluster is down.
    pub allow_pub_sub_when_down: bool,
    /// The address that this node says it has; empty: the one others see.
    pub announce_ip: Text,
    /// The client port that it says it has; 0: its own.
    pub announce_port: u16,
    /// The TLS port that it says it has; 0: its own.
    pub announce_tls_port: u16,
    /// The port for nodes that it says it has; 0: its own.
    pub announce_bus_port: u16,
    /// The host name that it says it has; empty: none.
    pub announce_hostname: Text,
    /// A name for logs; empty: none.
    pub announce_human_name: Text,
    /// What clients are sent to.
    pub preferred_endpoint: PreferredEndpoint,
    /// Bytes that may wait for another node; 0: no limit.
    pub link_send_buffer_bytes: u64,
    /// Milliseconds between pings; 0: chosen by the server.
    pub ping_interval_ms: u64,
}

/// What clients are sent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PreferredEndpoint {
    /// Addresses.
    #[default]
    Ip,
    /// Host names.
    Hostname,
    /// The address they know.
    Unknown,
}

impl Choice for PreferredEndpoint {
    const WORDS: &'static [(&'static str, PreferredEndpoint)] = &[
        ("ip", PreferredEndpoint::Ip),
        ("hostname", PreferredEndpoint::Hostname),
        ("unknown-endpoint", PreferredEndpoint::Unknown),
    ];
}

const FEATURE: &str = "Cluster";

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::switch("cluster-enabled", "no", field!(cluster.enabled))
        .refused(FEATURE)
        .about("Whether this server is a node of a cluster."),
    Directive::text("cluster-config-file", "nodes.conf", field!(cluster.nodes_file))
        .not_built(FEATURE)
        .about("The file in which the node remembers the cluster. It is the node's own: do not edit it."),
    Directive::number("cluster-port", "0", PORT, field!(cluster.port))
        .not_built(FEATURE)
        .about("The port for other nodes. 0: the client port plus 10000."),
    Directive::number("cluster-node-timeout", "15000", NATURAL_64, field!(cluster.node_timeout_ms))
        .live()
        .not_built(FEATURE)
        .about("Milliseconds of silence after which a node is held to be down."),
    Directive::number(
        "cluster-replica-validity-factor",
        "10",
        NATURAL_32,
        field!(cluster.replica_validity_factor),
    )
    .alias("cluster-slave-validity-factor")
    .live()
    .not_built(FEATURE)
    .about("A replica whose data is older than that many node timeouts does not want to be a primary. 0: it always does."),
    Directive::number("cluster-migration-barrier", "1", NATURAL_32, field!(cluster.migration_barrier))
        .live()
        .not_built(FEATURE)
        .about("How many replicas a primary keeps when one of them moves to a primary without any."),
    Directive::switch(
        "cluster-allow-replica-migration",
        "yes",
        field!(cluster.allow_replica_migration),
    )
    .live()
    .not_built(FEATURE)
    .about("Whether replicas do so by themselves."),
    Directive::switch("cluster-replica-no-failover", "no", field!(cluster.replica_no_failover))
        .alias("cluster-slave-no-failover")
        .live()
        .not_built(FEATURE)
        .about("Whether this replica leaves it to others to become a primary."),
    Directive::switch("cluster-require-full-coverage", "yes", field!(cluster.require_full_coverage))
        .live()
        .not_built(FEATURE)
        .about("Whether nothing is served while some slots are without a node."),
    Directive::switch("cluster-allow-reads-when-down", "no", field!(cluster.allow_reads_when_down))
        .live()
        .not_built(FEATURE)
        .about("Whether a node serves reads of its slots while the cluster is down."),
    Directive::switch(
        "cluster-allow-pubsubshard-when-down",
        "yes",
        field!(cluster.allow_pub_sub_when_down),
    )
    .live()
    .not_built(FEATURE)
    .about("Whether a node serves its sharded channels while the cluster is down."),
    Directive::text("cluster-announce-ip", "", field!(cluster.announce_ip))
        .live()
        .not_built(FEATURE)
        .about("The address that this node says it has, where others see another, as behind NAT or in a container."),
    Directive::number("cluster-announce-port", "0", PORT, field!(cluster.announce_port))
        .live()
        .not_built(FEATURE)
        .about("The client port that it says it has. 0: its own."),
    Directive::number("cluster-announce-tls-port", "0", PORT, field!(cluster.announce_tls_port))
        .live()
        .not_built(FEATURE)
        .about("The TLS port that it says it has. 0: its own."),
    Directive::number("cluster-announce-bus-port", "0", PORT, field!(cluster.announce_bus_port))
        .live()
        .not_built(FEATURE)
        .about("The port for nodes that it says it has. 0: its own."),
    Directive::checked_text(
        "cluster-announce-hostname",
        "",
        check_hostname,
        field!(cluster.announce_hostname),
    )
    .live()
    .not_built(FEATURE)
    .about("The host name that it says it has. Empty: none."),
    Directive::checked_text(
        "cluster-announce-human-nodename",
        "",
        check_human_name,
        field!(cluster.announce_human_name),
    )
        .live()
        .not_built(FEATURE)
        .about("A name for the node that only logs use."),
    Directive::choice::<PreferredEndpoint>(
        "cluster-preferred-endpoint-type",
        "ip",
        field!(cluster.preferred_endpoint),
    )
    .live()
    .not_built(FEATURE)
    .about("What clients are sent to: addresses, host names, or the address they know with another port."),
    Directive::quantity(
        "cluster-link-sendbuf-limit",
        "0",
        Unit::Bytes,
        UNSIGNED_64,
        field!(cluster.link_send_buffer_bytes),
    )
    .live()
    .not_built(FEATURE)
    .about("How many bytes may wait for another node before the link is closed. 0: any number."),
    Directive::number("cluster-ping-interval", "0", NATURAL_64, field!(cluster.ping_interval_ms))
        .live()
        .hidden()
        .not_built(FEATURE)
        .about("Milliseconds between pings to other nodes. 0: the server chooses. For tests."),
];

/// The longest host name that the messages between nodes have room for.
const LONGEST_HOSTNAME: usize = 255;

fn check_hostname(name: &[u8]) -> Result<(), String> {
    if LONGEST_HOSTNAME < name.len() {
        return Err("Hostnames must be less than 256 characters".to_owned());
    }
    if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        return Err(
            "Hostnames may only contain alphanumeric characters, hyphens or dots".to_owned()
        );
    }
    Ok(())
}

/// What separates fields in the node's file cannot stand in a name.
fn check_human_name(name: &[u8]) -> Result<(), String> {
    if name.iter().any(|byte| b"!#$%&()*+:;<>?@[]^{|}~".contains(byte)) {
        return Err("Announced human node name contained invalid character".to_owned());
    }
    Ok(())
}
