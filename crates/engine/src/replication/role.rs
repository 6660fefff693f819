//! What a server is in replication, and how a replica's link to its primary is.

/// What a server is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Its data is its own.
    #[default]
    Primary,
    /// Its data is a copy.
    Replica(ReplicaState),
}

/// A replica's link to its primary, as INFO and ROLE tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaState {
    /// The primary, as it was named.
    pub host: Vec<u8>,
    /// Its port.
    pub port: u16,
    /// How the link is.
    pub link: Link,
    /// Unix time in ms at which something came from the primary last.
    pub last_input_ms: Option<i64>,
    /// How many bytes of the stream were read, be they applied or not.
    pub read_offset: Option<u64>,
    /// Unix time in s since which there is no link.
    pub down_since_s: Option<i64>,
    /// How far the snapshot is that is being received.
    pub sync: Option<SyncProgress>,
}

impl ReplicaState {
    /// One that has not connected yet.
    pub fn new(host: &[u8], port: u16) -> ReplicaState {
        ReplicaState {
            host: host.to_vec(),
            port,
            link: Link::Connect,
            last_input_ms: None,
            read_offset: None,
            down_since_s: None,
            sync: None,
        }
    }
}

/// How far a link has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// It is to be made.
    Connect,
    /// The connection is on its way.
    Connecting,
    /// The two agree how to go on.
    Handshake,
    /// A snapshot is being received.
    Sync,
    /// The stream is being received.
    Connected,
}

impl Link {
    /// As ROLE says it.
    pub fn word(self) -> &'static str {
        match self {
            Link::Connect => "connect",
            Link::Connecting => "connecting",
            Link::Handshake => "handshake",
            Link::Sync => "sync",
            Link::Connected => "connected",
        }
    }
}

/// How far a snapshot is that is being received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncProgress {
    /// Bytes that it has, if that is known.
    pub total_bytes: Option<u64>,
    /// Bytes received.
    pub read_bytes: u64,
    /// Unix time in ms at which some came last.
    pub last_input_ms: i64,
}
