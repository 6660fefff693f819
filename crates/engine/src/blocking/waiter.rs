//! A client's call that waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use command::CommandId;
use keyspace::{Keyspace, Ticket, ValueType, Waiter};
use parking_lot::{Mutex, MutexGuard};
use resp::OwnedWords;

use super::{Reach, Timeout};
use crate::clients::ClientRecord;
use crate::replication::Acknowledgement;
use crate::session::Session;

/// A call that waits, as all who may end it share it.
pub(crate) struct Blocked {
    pub(super) ticket: Ticket,
    pub(super) record: Arc<ClientRecord>,
    pub(super) command: CommandId,
    /// With which it is called again.
    pub(super) words: OwnedWords,
    pub(super) keys: OwnedWords,
    pub(super) database: usize,
    pub(super) wanted: ValueType,
    reach: Reach,
    timeout: Timeout,
    /// It waits for replicas or disks, and for no key.
    acknowledgement: Option<Acknowledgement>,
    /// One of its keys holds what it cannot use.
    is_stray: AtomicBool,
    /// The session that the call is made again in. Whoever takes it ends the wait.
    session: Mutex<Option<Session>>,
}

impl Blocked {
    pub(super) fn new(
        ticket: Ticket,
        session: Session,
        command: CommandId,
        words: OwnedWords,
        keys: OwnedWords,
        (wanted, reach): (ValueType, Reach),
        timeout: Timeout,
    ) -> Blocked {
        Blocked {
            ticket,
            record: Arc::clone(&session.record),
            command,
            words,
            keys,
            database: session.database,
            wanted,
            reach,
            timeout,
            acknowledgement: None,
            is_stray: AtomicBool::new(false),
            session: Mutex::new(Some(session)),
        }
    }

    /// The same for what was written to be acknowledged.
    pub(super) fn for_acknowledgement(self, acknowledgement: Acknowledgement) -> Blocked {
        Blocked { acknowledgement: Some(acknowledgement), ..self }
    }

    /// What is to be acknowledged, if it waits for that.
    pub(crate) fn acknowledgement(&self) -> Option<Acknowledgement> {
        self.acknowledgement
    }

    /// How long it waits at most, in ms, if there is a limit.
    pub(crate) fn limit_ms(&self) -> Option<u64> {
        self.timeout.limit_ms()
    }

    /// Whether nobody has ended it. While somebody tries to serve it, that is not certain.
    pub(crate) fn goes_on(&self) -> bool {
        self.session.try_lock().is_none_or(|session| session.is_some())
    }

    /// Keeps others from ending it meanwhile; what it gives is empty if it has ended.
    pub(super) fn hold(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock()
    }

    /// Notes that one of its keys holds what it cannot use.
    pub(super) fn go_astray(&self, keyspace: &Keyspace) {
        // One key of one shard: whoever serves it sees what is there.
        if 1 < self.keys.as_words().len() && !self.is_stray.swap(true, Ordering::Relaxed) {
            keyspace.count_stray();
        }
    }

    /// Notes that it has left all queues.
    pub(super) fn note_left(&self, keyspace: &Keyspace) {
        if self.is_stray.swap(false, Ordering::Relaxed) {
            keyspace.discount_stray();
        }
    }
}

impl Waiter for Blocked {
    fn moves(&self) -> bool {
        self.reach == Reach::Moves
    }

    fn minds_removal(&self) -> bool {
        self.reach == Reach::Removal
    }

    fn is_stray(&self) -> bool {
        self.is_stray.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Blocked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the session: it refers to its client, which refers to this.
        formatter
            .debug_struct("Blocked")
            .field("client", &self.record.id)
            .field("words", &self.words)
            .finish_non_exhaustive()
    }
}
