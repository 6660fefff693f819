//! What commands see of the client that calls them.
//!
//! A session belongs to its connection's worker; only its [`ClientRecord`] is seen by others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ::replication::SyncRequest;
use command::CommandId;
use resp::Protocol;

use crate::acl::{Account, Rights};
use crate::blocking::Blocked;
use crate::clients::{ClientId, ClientRecord};
use crate::memory_limit::Room;
use crate::pubsub::Subscriptions;
use crate::replication::Announced;
use crate::tracking::TrackingFlags;
use crate::transaction::Transaction;

/// A client, from connection to disconnection.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is about something of its own")]
pub struct Session {
    /// RESP2 until HELLO says otherwise.
    pub protocol: Protocol,
    /// The logical database selected.
    pub database: usize,
    /// Whether it may call commands beyond those that anybody may.
    pub authenticated: bool,
    /// The user that it acts as, if that is not the default one.
    pub(crate) account: Option<Arc<Account>>,
    /// What it remembers that this user may do.
    pub(crate) rights: Rights,
    /// CLIENT REPLY.
    pub replies: Replies,
    /// CLIENT NO-TOUCH: its reads do not count as uses.
    pub no_touch: bool,
    /// What it queues and watches; none before the first time.
    pub(crate) transaction: Option<Box<Transaction>>,
    /// What it has subscribed to; none before the first time.
    pub(crate) subscriptions: Option<Box<Subscriptions>>,
    /// How it tracks which keys change.
    pub(crate) tracking: TrackingFlags,
    /// It has tracked at some time.
    pub(crate) has_tracked: bool,
    /// The prefixes of keys whose changes are broadcast to it.
    pub(crate) prefixes: BTreeSet<Arc<[u8]>>,
    /// Bytes of them.
    pub(crate) prefix_bytes: usize,
    /// Its worker's posts with a lower number are no longer for it: it has got them, or they came before it subscribed.
    pub(crate) seen: u64,
    /// It is told of changes in the place of another client.
    pub(crate) is_substitute: bool,
    /// It watches nothing any more, which could not be done while a script ran for long.
    pub(crate) is_to_unwatch: bool,
    /// The call that is being executed is a script's.
    pub(crate) is_in_script: bool,
    /// When its last script began, in ticks.
    pub(crate) script_began: u64,
    /// It stands for the primary of this server, whose calls nobody refuses.
    pub(crate) obeyed: bool,
    place: u64,
    /// Bytes received of it that the batch being run was parsed from.
    pub(crate) received: usize,
    /// What others see.
    pub record: Arc<ClientRecord>,
    /// Where the stream of effects ended after its last call that was recorded, for the file.
    pub(crate) recorded_to: u64,
    /// The same for replicas: what WAIT is about.
    pub(crate) replicated_to: u64,
    /// Whether there was memory left when its last call began.
    pub(crate) room: Room,
    /// What it said of itself as a replica, and what it asks for.
    pub(crate) replica: Option<Box<Applicant>>,
    /// What it waits for, if it does.
    pub(crate) wait: Option<Arc<Blocked>>,
}

/// A client that may become a replica.
#[derive(Debug, Default)]
pub(crate) struct Applicant {
    pub(crate) announced: Announced,
    pub(crate) request: Option<SyncRequest>,
}

/// Which replies a client wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replies {
    /// All.
    On,
    /// None, until it says otherwise.
    Off,
    /// All but the one to its next call.
    SkipNext,
    /// All but the one to the call being executed.
    SkipThis,
}

impl Session {
    /// A client that has just connected. `authenticated` if no password is asked of it.
    pub fn new(record: Arc<ClientRecord>, authenticated: bool) -> Session {
        Session {
            protocol: Protocol::Resp2,
            database: 0,
            authenticated,
            account: None,
            rights: Rights::default(),
            replies: Replies::On,
            no_touch: false,
            transaction: None,
            subscriptions: None,
            tracking: TrackingFlags::NONE,
            has_tracked: false,
            prefixes: BTreeSet::new(),
            prefix_bytes: 0,
            seen: 0,
            is_substitute: false,
            is_to_unwatch: false,
            is_in_script: false,
            script_began: 0,
            obeyed: false,
            place: 0,
            received: 0,
            record,
            recorded_to: 0,
            replicated_to: 0,
            room: Room::Enough,
            replica: None,
            wait: None,
        }
    }

    /// What it said of itself as a replica, and what it asks for: its connection is handed over to whoever serves replicas.
    pub fn take_application(&mut self) -> Option<(Announced, SyncRequest)> {
        let Applicant { announced, request } = *self.replica.take()?;
        Some((announced, request?))
    }

    /// Another session of the same client, for a call that is made on its behalf by whoever serves it.
    pub(crate) fn stand_in(&self) -> Session {
        Session {
            protocol: self.protocol,
            database: self.database,
            no_touch: self.no_touch,
            tracking: self.tracking,
            account: self.account.clone(),
            ..Session::new(Arc::clone(&self.record), self.authenticated)
        }
    }

    /// What its process knows its connection by.
    pub fn place(&self) -> u64 {
        self.place
    }

    /// Says what its process knows its connection by.
    pub fn set_place(&mut self, place: u64) {
        self.place = place;
        self.record.place.store(place, Relaxed);
    }

    /// Whether it waits to be served.
    pub fn is_blocked(&self) -> bool {
        self.wait.is_some()
    }

    /// How long it waits at most, in ms, if it does and there is a limit.
    pub fn wait_limit_ms(&self) -> Option<u64> {
        self.wait.as_ref()?.limit_ms()
    }

    /// Which client.
    pub fn id(&self) -> ClientId {
        self.record.id
    }

    /// Whether it is to be sent a reply that comes next: CLIENT REPLY.
    pub fn wants_replies(&self) -> bool {
        self.replies == Replies::On
    }

    /// Everything as it was at the beginning, but for what it told of its library: RESET.
    pub fn reset(&mut self, authenticated: bool) {
        self.protocol = Protocol::Resp2;
        self.database = 0;
        self.authenticated = authenticated;
        self.act_as_default();
        self.replies = Replies::On;
        self.set_touch(true);
        self.record.no_evict.store(false, Relaxed);
        self.record.labels.lock().name = Box::default();
    }

    /// Bytes of memory that it takes beside its own.
    pub fn memory(&self) -> usize {
        self.transaction_memory() + self.subscription_memory() + self.prefix_memory()
    }

    /// Whether its reads count as uses.
    pub fn set_touch(&mut self, touch: bool) {
        self.no_touch = !touch;
        self.record.no_touch.store(!touch, Relaxed);
    }

    /// Notes what others may see of the calls executed in this round.
    pub(crate) fn note(&self, now_ms: i64, command: CommandId) {
        self.record.last_call_ms.store(now_ms, Relaxed);
        self.record.command.store(usize::from(command) + 1, Relaxed);
        self.record.database.store(self.database, Relaxed);
        self.note_protocol();
    }

    /// Takes note of what others have made of it, before its calls are executed.
    #[inline]
    pub(crate) fn look_at_record(&mut self) {
        self.is_substitute = self.record.is_substitute.load(Relaxed);
    }

    /// Notes what it speaks.
    pub(crate) fn note_protocol(&self) {
        let protocol = match self.protocol {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        };
        self.record.protocol.store(protocol, Relaxed);
    }
}
