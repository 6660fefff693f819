//! The replicas of this server, as commands see them.
//!
//! The process serves them and notes here how far they are; INFO, ROLE, WAIT and what refuses writes without enough of them read
//! it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};

use replication::Capabilities;

use super::Replication;
use crate::clients::ClientRecord;

/// What a client has said of itself with REPLCONF, before it asks for the data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// The port that it listens on.
    pub port: u16,
    /// The address at which it can be reached, if it is not that of its connection.
    pub address: Option<Box<[u8]>>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Its version, if it is a server that says it.
    pub version: Option<Box<[u8]>>,
    /// It wants a snapshot and nothing after it.
    pub only_snapshot: bool,
    /// What is to be in the snapshot.
    pub content: Content,
}

/// What is to be in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Keys.
    pub keys: bool,
    /// Functions.
    pub functions: bool,
}

impl Default for Content {
    fn default() -> Content {
        Content { keys: true, functions: true }
    }
}

/// How far a replica is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ReplicaPhase {
    /// It waits for a snapshot, or for one to be sent.
    WaitsForSnapshot,
    /// It is being sent a snapshot.
    ReceivesSnapshot,
    /// It is sent the stream.
    Online,
}

impl ReplicaPhase {
    /// As INFO says it.
    pub(super) fn word(self) -> &'static str {
        match self {
            ReplicaPhase::WaitsForSnapshot => "wait_bgsave",
            ReplicaPhase::ReceivesSnapshot => "send_bulk",
            ReplicaPhase::Online => "online",
        }
    }
}

/// A replica of this server.
#[derive(Debug)]
pub struct AttachedReplica {
    /// Its connection.
    pub client: Arc<ClientRecord>,
    /// What it said of itself.
    pub announced: Announced,
    phase: AtomicU8,
    acknowledged: AtomicU64,
    /// What it says that it has on disk.
    durable: AtomicU64,
    /// Unix time in ms.
    heard_ms: AtomicI64,
}

impl AttachedReplica {
    /// One that has just asked.
    pub fn new(client: Arc<ClientRecord>, announced: Announced, now_ms: i64) -> AttachedReplica {
        AttachedReplica {
            client,
            announced,
            phase: AtomicU8::new(ReplicaPhase::WaitsForSnapshot as u8),
            acknowledged: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            heard_ms: AtomicI64::new(now_ms),
        }
    }

    /// How far it is.
    pub fn phase(&self) -> ReplicaPhase {
        match self.phase.load(Ordering::Acquire) {
            0 => ReplicaPhase::WaitsForSnapshot,
            1 => ReplicaPhase::ReceivesSnapshot,
            _ => ReplicaPhase::Online,
        }
    }

    /// Notes how far it is.
    pub fn set_phase(&self, phase: ReplicaPhase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Notes what it has acknowledged, and what it has on disk, if it says so.
    pub fn acknowledge(&self, offset: u64, durable: Option<u64>, now_ms: i64) {
        self.acknowledged.fetch_max(offset, Ordering::AcqRel);
        if let Some(durable) = durable {
            self.durable.fetch_max(durable, Ordering::AcqRel);
        }
        self.note_heard(now_ms);
    }

    /// Notes that something was heard of it.
    pub fn note_heard(&self, now_ms: i64) {
        self.heard_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Up to which offset it has applied the stream, as it says.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// The same of what it has on disk.
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// How long nothing was heard of it, in s.
    pub fn lag_s(&self, now_ms: i64) -> i64 {
        let heard_ms = self.heard_ms.load(Ordering::Relaxed);
        now_ms.div_euclid(1000).saturating_sub(heard_ms.div_euclid(1000))
    }

    /// Where it can be reached: as it said, or as its connection shows.
    pub fn address(&self) -> String {
        match &self.announced.address {
            Some(address) => String::from_utf8_lossy(address).into_owned(),
            None => host_of(&self.client.peer.address).to_owned(),
        }
    }

    /// What the log calls it.
    pub fn name(&self) -> String {
        let address = self.address();
        if self.announced.port == 0 {
            return format!("{address}:<unknown-replica-port>");
        }
        if address.contains(':') {
            format!("[{address}]:{}", self.announced.port)
        } else {
            format!("{address}:{}", self.announced.port)
        }
    }
}

/// The host of a host with a port.
fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

impl Replication {
    /// Enters a replica.
    pub fn attach(&self, replica: Arc<AttachedReplica>) {
        replica.client.is_replica.store(true, Ordering::Relaxed);
        self.replicas.lock().push(replica);
    }

    /// Takes out a replica that is gone.
    pub fn detach(&self, replica: &AttachedReplica) {
        self.replicas.lock().retain(|present| present.client.id != replica.client.id);
    }

    /// All of them, in the order in which they came.
    pub fn replicas(&self) -> Vec<Arc<AttachedReplica>> {
        self.replicas.lock().clone()
    }

    /// How many replicas have applied the stream up to an offset.
    pub(crate) fn count_acknowledged(&self, offset: u64) -> usize {
        self.count(|replica| offset <= replica.acknowledged())
    }

    /// How many have it on disk up to an offset.
    pub(crate) fn count_durable(&self, offset: u64) -> usize {
        self.count(|replica| offset <= replica.durable())
    }

    fn count(&self, is_so: impl Fn(&AttachedReplica) -> bool) -> usize {
        let replicas = self.replicas.lock();
        let online = replicas.iter().filter(|replica| replica.phase() == ReplicaPhase::Online);
        online.filter(|replica| is_so(replica)).count()
    }

    /// Notes how many replicas were heard of within so many seconds.
    pub fn weigh_replicas(&self, most_lag_s: u32, now_ms: i64) {
        let good = self.count(|replica| replica.lag_s(now_ms) <= i64::from(most_lag_s));
        self.good_replicas.store(good, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_ports() {
        assert_eq!(host_of("127.0.0.1:4000"), "127.0.0.1");
        assert_eq!(host_of("[::1]:4000"), "::1");
        assert_eq!(host_of(""), "");
    }
}
