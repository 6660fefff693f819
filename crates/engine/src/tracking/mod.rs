//! Client-side caching: clients are told when keys that they may have kept have changed.
//!
//! A client that tracks is, by default, told of the keys that its calls have read: the [`Table`] remembers who has read which
//! key, by name alone, whatever the database; a change takes the readers of a key out of the table and tells them. A client
//! that broadcasts is told of every change of a key that begins with one of its [`Prefixes`], gathered for each round of a worker.
//!
//! ```text
//!  GET k, by a client that tracks          SET k, by anybody
//!       | perform                              | react, while the shard of k is held
//!       v                                      v
//!   Table: k -> clients  ---------------->  Invalidation: one for each worker that has readers
//!                                              | the worker's inbox, as published messages
//!                                              v
//!                                           Delivery, between two connections or after a client's own reply
//! ```
//!
//! Invariants:
//! - A reader is entered while the shard of its key is held, after the value was read. A change that comes later finds it, and
//!   what it is told then comes after the reply with the old value: that is in its output already.
//! - What a client does itself is told to it after its reply.
//! - The table holds at most `tracking-table-max-keys` keys; those that go to make room are told as if they had changed.
//! - Who tracks nothing pays nothing: there is no interest then ([`Interest`](crate::Interest)).

mod filter;
mod invalidation;
mod prefixes;
mod readers;
mod session;
mod state;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

use keyspace::{Hashing, KeyHash};
use parking_lot::RwLock;
use resp::Protocol;

use crate::clients::{ClientId, ClientRecord};
use crate::{Engine, Interest};
pub use invalidation::{Invalidation, Receiver};
use invalidation::{Letters, Notice, encode_keys, encode_null};
pub(crate) use prefixes::{Collision, collision};
use prefixes::{Pending, Prefixes};
use readers::Readers;
pub(crate) use session::Options;
pub(crate) use state::{TrackingFlags, TrackingState};
use table::Table;

/// Who is to be told of which changes.
pub(crate) struct Tracking {
    /// How many clients track.
    clients: AtomicUsize,
    table: Table,
    prefixes: RwLock<Prefixes>,
    prefix_count: AtomicUsize,
    /// By worker: what it has to broadcast when its round ends.
    pending: Box<[Pending]>,
}

/// Who changes a key, and where.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) engine: &'a Engine,
    /// The worker that makes it.
    pub(crate) worker: usize,
    /// The client that is being served.
    pub(crate) client: Option<ClientId>,
    /// It has made the change itself: it is not a script's, and not only found that a key has expired.
    pub(crate) is_own: bool,
}

impl Tracking {
    pub(crate) fn new(workers: usize, hashing: Hashing) -> Tracking {
        Tracking {
            clients: AtomicUsize::new(0),
            table: Table::new(hashing),
            prefixes: RwLock::default(),
            prefix_count: AtomicUsize::new(0),
            pending: (0..workers).map(|_| Pending::default()).collect(),
        }
    }

    /// How many clients track.
    pub(crate) fn clients(&self) -> usize {
        self.clients.load(Relaxed)
    }

    /// How many keys are remembered, and how many readers of them in all.
    pub(crate) fn remembered(&self) -> (usize, usize) {
        (self.table.keys(), self.table.items())
    }

    /// How many different prefixes there are.
    pub(crate) fn prefixes(&self) -> usize {
        self.prefix_count.load(Acquire)
    }

    /// Remembers that a client has read a key, whose shard is held.
    fn remember(&self, interest: &Interest, key: &[u8], reader: &Arc<ClientRecord>) {
        self.table.insert(interest, key, reader);
    }

    /// Tells whom it concerns that a key, with this hash, has changed. Its shard is held.
    #[inline]
    pub(crate) fn invalidate(&self, change: Change<'_>, key: &[u8], hash: KeyHash) {
        if 0 < self.prefixes()
            && let Some(pending) = self.pending.get(change.worker)
        {
            let changer = change.client.filter(|_| change.is_own).unwrap_or(0);
            pending.note(&self.prefixes.read(), key, changer);
        }
        if let Some(readers) = self.table.take(&change.engine.interest, key, hash) {
            tell(change, &readers, key);
        }
    }

    /// Tells all who track that every key may have changed, but for `except`, which is told by its call.
    pub(crate) fn invalidate_all(&self, change: Change<'_>, except: Option<ClientId>) {
        if 0 < self.clients() {
            // In the order in which they came, the one that asked for it last, as several may tell the same substitute; in the form
            // for the one that tracks.
            let mut protocol = Protocol::Resp3;
            let mut letters = Letters::new(change);
            let mut clients = change.engine.clients.all();
            clients.sort_by_key(|client| change.client == Some(client.id));
            for client in clients {
                let tracks = client.tracking.flags().has(TrackingFlags::ON);
                if !tracks || except == Some(client.id) {
                    continue;
                }
                if protocol != client.speaks() {
                    let others = std::mem::replace(&mut letters, Letters::new(change));
                    others.send(&Notice::Changed(encode_null(protocol)));
                    protocol = client.speaks();
                }
                letters.address(&client);
            }
            letters.send(&Notice::Changed(encode_null(protocol)));
        }
        self.table.clear(&change.engine.interest);
    }

    /// Forgets keys if there are more than there may be, and tells their readers.
    pub(crate) fn limit(&self, engine: &Engine, worker: usize, limit: u64) {
        /// So many go at once; the next call or tick takes more.
        const AT_ONCE: usize = 10_000;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let excess = self.table.keys().saturating_sub(limit);
        if limit == 0 || excess == 0 {
            return;
        }
        let change = Change { engine, worker, client: None, is_own: false };
        for (key, readers) in self.table.take_any(&engine.interest, excess.min(AT_ONCE)) {
            tell(change, &readers, &key);
        }
    }

    /// Whether a worker has something to broadcast.
    #[inline]
    pub(crate) fn has_pending(&self, worker: usize) -> bool {
        0 < self.prefixes() && self.pending.get(worker).is_some_and(Pending::is_filled)
    }

    /// Broadcasts what was changed in the round of a worker.
    pub(crate) fn broadcast(&self, engine: &Engine, worker: usize) {
        let Some(pending) = self.pending.get(worker) else { return };
        let change = Change { engine, worker, client: None, is_own: false };
        for (prefix, keys) in pending.take() {
            let clients = self.prefixes.read().clients(&prefix);
            let (apart, together): (Vec<_>, Vec<_>) = clients
                .into_iter()
                .partition(|client| client.tracking.flags().has(TrackingFlags::NO_LOOP));
            let mut letters = Letters::new(change);
            for client in together {
                letters.address(&client);
            }
            letters.send(&Notice::Changed(encode_keys(keys.keys().map(|key| &**key))));
            for client in apart {
                let others = keys.iter().filter(|(_, changer)| **changer != client.id);
                let others: Vec<&[u8]> = others.map(|(key, _)| &**key).collect();
                if !others.is_empty() {
                    let mut letters = Letters::new(change);
                    letters.address(&client);
                    letters.send(&Notice::Changed(encode_keys(others.into_iter())));
                }
            }
        }
    }

    fn enter(&self, interest: &Interest) {
        self.clients.fetch_add(1, SeqCst);
        interest.add_tracker();
    }

    fn leave(&self, interest: &Interest) {
        self.clients.fetch_sub(1, SeqCst);
        interest.remove_tracker();
    }

    /// A client that has tracked is gone. If it was the last, nobody needs to be told of anything.
    fn note_gone(&self, interest: &Interest) {
        if self.clients() == 0 {
            self.table.clear(interest);
        }
    }
}

/// Tells readers of a key that it has changed.
fn tell(change: Change<'_>, readers: &Readers, key: &[u8]) {
    let mut letters = Letters::new(change);
    readers.for_each(|reader| {
        let flags = reader.tracking.flags();
        let tracks = flags.has(TrackingFlags::ON) && !flags.has(TrackingFlags::BROADCASTS);
        let is_own = flags.has(TrackingFlags::NO_LOOP) && change.client == Some(reader.id);
        if tracks && !is_own {
            letters.address(reader);
        }
    });
    letters.send(&Notice::Changed(encode_keys(std::iter::once(key))));
}
