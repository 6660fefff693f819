//! What others may know of a client.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use resp::Protocol;

use super::ClientId;
use crate::blocking::Blocked;
use crate::tracking::TrackingState;

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
                    address.is_loopback()
                        || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
                }
            })
        };
        self.is_unix || self.address.is_empty() || is_loopback(&self.address)
    }
}

/// What others may know of a client.
///
/// Its worker alone writes it, but for `killed`. The alignment keeps two workers from writing to one cache line.
#[derive(Debug)]
#[repr(align(64))]
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
    /// Unix time in ms at which something was received of it last.
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
    /// Calls that it has queued in a transaction; -1 outside of one.
    pub queued_calls: AtomicI64,
    /// Bytes of memory of its transaction.
    pub queued_memory: AtomicUsize,
    /// How many keys it watches.
    pub watched_keys: AtomicUsize,
    /// One of them was changed.
    pub watch_broken: AtomicBool,
    /// How many channels, patterns and shard channels it has subscribed to.
    pub subscriptions: [AtomicUsize; 3],
    /// It is shown all calls.
    pub monitors: AtomicBool,
    /// It copies this server.
    pub is_replica: AtomicBool,
    /// This server copies it.
    pub is_primary: AtomicBool,
    /// CLIENT NO-EVICT.
    pub no_evict: AtomicBool,
    /// CLIENT NO-TOUCH.
    pub no_touch: AtomicBool,
    /// Its worker is to close it, for CLIENT KILL.
    pub killed: AtomicBool,
    /// It waits: for CLIENT PAUSE to end.
    pub paused: AtomicBool,
    /// It is closed once its replies are sent.
    pub closing: AtomicBool,
    /// What it waits for; nothing if that is gone.
    pub(crate) wait: Mutex<Weak<Blocked>>,
    /// How it tracks which keys change.
    pub(crate) tracking: TrackingState,
    /// It is told of changes in the place of another client.
    pub(crate) is_substitute: AtomicBool,
    /// What its process knows its connection by.
    pub(crate) place: AtomicU64,
}

impl ClientRecord {
    pub(super) fn new(id: ClientId, peer: Peer, worker: usize, now_ms: i64) -> ClientRecord {
        ClientRecord {
            id,
            peer,
            worker,
            created_ms: now_ms,
            labels: Mutex::new(Labels::default()),
            last_call_ms: AtomicI64::new(now_ms),
            database: AtomicUsize::new(0),
            command: AtomicUsize::new(0),
            protocol: AtomicUsize::new(2),
            query_buffer: AtomicUsize::new(0),
            query_buffer_free: AtomicUsize::new(0),
            output: AtomicUsize::new(0),
            output_memory: AtomicUsize::new(0),
            memory: AtomicUsize::new(0),
            queued_calls: AtomicI64::new(-1),
            queued_memory: AtomicUsize::new(0),
            watched_keys: AtomicUsize::new(0),
            watch_broken: AtomicBool::new(false),
            subscriptions: Default::default(),
            monitors: AtomicBool::new(false),
            is_replica: AtomicBool::new(false),
            is_primary: AtomicBool::new(false),
            no_evict: AtomicBool::new(false),
            no_touch: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            wait: Mutex::default(),
            tracking: TrackingState::default(),
            is_substitute: AtomicBool::new(false),
            place: AtomicU64::new(0),
        }
    }

    /// What it is to the server.
    pub fn kind(&self) -> ClientKind {
        if self.is_primary.load(Ordering::Relaxed) {
            ClientKind::Primary
        } else if self.is_replica.load(Ordering::Relaxed) {
            ClientKind::Replica
        } else if self.is_subscriber() {
            ClientKind::Subscriber
        } else {
            ClientKind::Normal
        }
    }

    /// What its process knows its connection by.
    pub(crate) fn place(&self) -> u64 {
        self.place.load(Ordering::Relaxed)
    }

    /// The protocol that it speaks, as its worker has noted it.
    pub(crate) fn speaks(&self) -> Protocol {
        if self.protocol.load(Ordering::Relaxed) == 3 { Protocol::Resp3 } else { Protocol::Resp2 }
    }

    /// Whether it has subscribed to anything.
    pub fn is_subscriber(&self) -> bool {
        self.subscriptions.iter().any(|count| 0 < count.load(Ordering::Relaxed))
    }

    /// What it waits for, if a call has blocked it.
    pub(crate) fn wait(&self) -> Option<Arc<Blocked>> {
        self.wait.lock().upgrade().filter(|wait| wait.goes_on())
    }

    /// How long it has been connected, in whole seconds of the clock.
    pub fn age_s(&self, now_ms: i64) -> i64 {
        now_ms.div_euclid(1000) - self.created_ms.div_euclid(1000)
    }
}

/// What a client is called. Texts that it chose itself are printable and have no spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// CLIENT SETNAME.
    pub name: Box<[u8]>,
    /// CLIENT SETINFO LIB-NAME.
    pub library_name: Box<[u8]>,
    /// CLIENT SETINFO LIB-VER.
    pub library_version: Box<[u8]>,
    /// The user it acts as.
    pub user: Cow<'static, [u8]>,
}

impl Default for Labels {
    fn default() -> Labels {
        Labels {
            name: Box::default(),
            library_name: Box::default(),
            library_version: Box::default(),
            user: Cow::Borrowed(b"default"),
        }
    }
}

/// What clients are to the server, as CLIENT LIST TYPE and CLIENT KILL TYPE tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientKind {
    /// It calls commands.
    Normal,
    /// It listens to channels.
    Subscriber,
    /// It copies this server.
    Replica,
    /// This server copies it.
    Primary,
}

impl ClientKind {
    /// The kind of a name, in any case.
    pub fn named(name: &[u8]) -> Option<ClientKind> {
        /// The older names are still in use.
        const NAMES: &[(&[u8], ClientKind)] = &[
            (b"normal", ClientKind::Normal),
            (b"slave", ClientKind::Replica),
            (b"replica", ClientKind::Replica),
            (b"pubsub", ClientKind::Subscriber),
            (b"master", ClientKind::Primary),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, kind)| kind)
    }
}
