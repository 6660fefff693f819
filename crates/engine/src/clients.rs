//! All clients, as any of them may see the others: CLIENT LIST, CLIENT KILL, INFO.
//!
//! A connection belongs to one worker, which alone writes its [`ClientRecord`]; the others read it. The numbers are
//! atomics that the owner stores once a round, so nobody waits for anybody; the texts change rarely and have a lock. The
//! list itself changes when a client comes or goes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

/// Given in ascending order from 1 and never again.
pub type ClientId = u64;

/// Every client connected.
#[derive(Debug)]
pub struct Clients {
    next: AtomicU64,
    records: Mutex<BTreeMap<ClientId, Arc<ClientRecord>>>,
}

impl Default for Clients {
    fn default() -> Clients {
        Clients { next: AtomicU64::new(1), records: Mutex::new(BTreeMap::new()) }
    }
}

impl Clients {
    /// Enters a client that has connected.
    pub fn add(&self, peer: Peer, worker: usize, now_ms: i64) -> Arc<ClientRecord> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let record = Arc::new(ClientRecord::new(id, peer, worker, now_ms));
        self.records.lock().insert(id, Arc::clone(&record));
        record
    }

    /// Takes out a client that is gone.
    pub fn remove(&self, id: ClientId) {
        self.records.lock().remove(&id);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The client of an id.
    pub fn find(&self, id: ClientId) -> Option<Arc<ClientRecord>> {
        self.records.lock().get(&id).cloned()
    }

    /// All of them, by id.
    pub fn all(&self) -> Vec<Arc<ClientRecord>> {
        self.records.lock().values().cloned().collect()
    }
}

/// Where a client comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// `ip:port`, or the path of the Unix socket and `:0`.
    pub address: String,
    /// Our end of the connection, in the same form.
    pub local_address: String,
    /// File descriptor.
    pub descriptor: i32,
    /// Whether it came over the Unix socket.
    pub is_unix: bool,
}

impl Peer {
    /// Whether it is on this machine: it came over the Unix socket or a loopback address, or it is in this process.
    pub fn is_local(&self) -> bool {
        let is_loopback = |address: &str| {
            address.parse().is_ok_and(|address: SocketAddr| match address.ip() {
                IpAddr::V4(address) => address.is_loopback(),
                IpAddr::V6(address) => {
                    address.is_loopback() || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
                }
            })
        };
        self.is_unix || self.address.is_empty() || is_loopback(&self.address)
    }
}

/// What others may know of a client.
#[derive(Debug)]
pub struct ClientRecord {
    /// Which client.
    pub id: ClientId,
    /// Where it comes from.
    pub peer: Peer,
    /// Whose it is.
    pub worker: usize,
    /// Unix time in ms.
    pub created_ms: i64,
    /// What it and we call it.
    pub labels: Mutex<Labels>,
    /// Unix time in ms of its last call.
    pub last_call_ms: AtomicI64,
    /// The logical database it has selected.
    pub database: AtomicUsize,
    /// Id of the command it called last, plus one; 0 before the first.
    pub command: AtomicUsize,
    /// 2 or 3.
    pub protocol: AtomicUsize,
    /// Bytes received and not executed yet.
    pub query_buffer: AtomicUsize,
    /// Bytes of the query buffer that are free.
    pub query_buffer_free: AtomicUsize,
    /// Bytes of replies not sent yet.
    pub output: AtomicUsize,
    /// Bytes that those replies take in memory.
    pub output_memory: AtomicUsize,
    /// Bytes of memory it takes in all.
    pub memory: AtomicUsize,
    /// CLIENT NO-EVICT.
    pub no_evict: AtomicBool,
    /// CLIENT NO-TOUCH.
    pub no_touch: AtomicBool,
    /// Its worker is to close it, for CLIENT KILL.
    pub killed: AtomicBool,
    /// It waits: for CLIENT PAUSE to end.
    pub paused: AtomicBool,
}

/// What a client is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub library_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub library_version: Vec<u8>,
    /// The user it authenticated as.
    pub user: Vec<u8>,
}

impl ClientRecord {
    /// The client as CLIENT LIST shows it.
    pub fn describe(
        &self,
        now_ms: i64,
        commands: &command::Table<crate::command_table::Handler>,
    ) -> String {
        let _ = (now_ms, commands);
        format!("id={} addr={}", self.id, self.peer.address)
    }

    fn new(id: ClientId, peer: Peer, worker: usize, now_ms: i64) -> ClientRecord {
        ClientRecord {
            id,
            peer,
            worker,
            created_ms: now_ms,
            labels: Mutex::new(Labels {
                name: Vec::new(),
                library_name: Vec::new(),
                library_version: Vec::new(),
                user: b"default".to_vec(),
            }),
            last_call_ms: AtomicI64::new(now_ms),
            database: AtomicUsize::new(0),
            command: AtomicUsize::new(0),
            protocol: AtomicUsize::new(2),
            query_buffer: AtomicUsize::new(0),
            query_buffer_free: AtomicUsize::new(0),
            output: AtomicUsize::new(0),
            output_memory: AtomicUsize::new(0),
            memory: AtomicUsize::new(0),
            no_evict: AtomicBool::new(false),
            no_touch: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            paused: AtomicBool::new(false),
        }
    }
}
