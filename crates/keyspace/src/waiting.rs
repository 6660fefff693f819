//! Who waits for keys: the queues of clients that a call has blocked.
//!
//! A waiter stands in the queue of each key that it waits for, in the key's shard and under its lock. What it is, is the
//! business of whoever put it there; what is kept here is the order in which waiters came, and what an executor
//! has to know before it changes a key: whether one of those who wait for it asks for more than that key.
//!
//! Invariants:
//! - A ticket is drawn while the shards of all keys waited for are locked, so every queue is in the order of its tickets,
//!   and any two waiters are in the same order in all queues that both stand in.
//! - A waiter that was served by way of one key may still stand in the queues of its others until it leaves them: whoever
//!   finds it there asks it whether it still waits.
//! - A queue is not empty: a shard in which nobody waits holds nothing.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::Keyspace;
use crate::shard::Shard;
use crate::view::View;

/// Somebody who waits for keys.
pub trait Waiter: Any + Debug + Send + Sync {
    /// Whether to serve it takes more than the shard of the key that is ready, and may make other keys ready: then that is
    /// done with all shards held. This does not change.
    fn moves(&self) -> bool;

    /// Whether it has come to take all of its keys to serve it, wherever they are: one of them holds what it cannot use, and
    /// that is to be told. See [`Keyspace::count_stray`].
    fn is_stray(&self) -> bool;

    /// Whether it also wants to know when a key is removed. This does not change.
    fn minds_removal(&self) -> bool;
}

/// A place in line. Later ones are greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(u64);

/// How much is waited for, in a whole keyspace.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    next_ticket: AtomicU64,
    keys: AtomicUsize,
    keys_minded: AtomicUsize,
    strays: AtomicUsize,
}

/// How many keys are waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AwaitedKeys {
    /// All of them.
    pub all: usize,
    /// Those of which somebody wants to know that they are removed.
    pub minded: usize,
}

/// The queues of a shard.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    /// By number of the logical database, and key.
    databases: Vec<HashMap<Box<[u8]>, Queue>>,
    count: usize,
}

/// Those who wait for a key.
#[derive(Debug, Default)]
struct Queue {
    waiters: BTreeMap<Ticket, Arc<dyn Waiter>>,
    /// How many of them mind its removal.
    minding: usize,
    /// How many of them move.
    moving: usize,
}

impl Queues {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn queue(&self, database: usize, key: &[u8]) -> Option<&Queue> {
        self.databases.get(database)?.get(key)
    }

    fn add(&mut self, database: usize, key: &[u8], ticket: Ticket, waiter: Arc<dyn Waiter>) -> New {
        if self.databases.len() <= database {
            self.databases.resize_with(database + 1, HashMap::new);
        }
        let queues = &mut self.databases[database];
        let is_first = !queues.contains_key(key);
        self.count += usize::from(is_first);
        let queue = queues.entry(key.into()).or_default();
        let (minds, moves) = (waiter.minds_removal(), waiter.moves());
        let minded_before = queue.minding;
        // One that names a key twice stands in its queue once.
        if queue.waiters.insert(ticket, waiter).is_none() {
            queue.minding += usize::from(minds);
            queue.moving += usize::from(moves);
        }
        New { queue: is_first, minded: minded_before == 0 && 0 < queue.minding }
    }

    fn remove(&mut self, database: usize, key: &[u8], ticket: Ticket) -> New {
        let Some(queues) = self.databases.get_mut(database) else { return New::default() };
        let Some(queue) = queues.get_mut(key) else { return New::default() };
        let Some(waiter) = queue.waiters.remove(&ticket) else { return New::default() };
        queue.minding -= usize::from(waiter.minds_removal());
        queue.moving -= usize::from(waiter.moves());
        let ended = New {
            queue: queue.waiters.is_empty(),
            minded: waiter.minds_removal() && queue.minding == 0,
        };
        if ended.queue {
            queues.remove(key);
            self.count -= 1;
            if self.count == 0 {
                // Room for the most that there ever were is not kept.
                self.databases = Vec::new();
            }
        }
        ended
    }
}

/// What has begun or ended with a waiter.
#[derive(Clone, Copy, Default)]
struct New {
    queue: bool,
    minded: bool,
}

impl Keyspace {
    /// How many keys are waited for.
    pub fn awaited_keys(&self) -> AwaitedKeys {
        AwaitedKeys {
            all: self.waits.keys.load(Ordering::Relaxed),
            minded: self.waits.keys_minded.load(Ordering::Relaxed),
        }
    }

    /// Counts a waiter that has become a stray. It is rare, so that nobody has to look for one as long as there is none.
    pub fn count_stray(&self) {
        self.waits.strays.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one less: it has left all queues.
    pub fn discount_stray(&self) {
        self.waits.strays.fetch_sub(1, Ordering::Relaxed);
    }
}

impl View<'_> {
    /// Whether anybody waits for a key in the shards held. It costs a look at each of them.
    #[inline]
    pub fn has_waiters(&mut self) -> bool {
        self.any_shard(|shard| !shard.queues.is_empty())
    }

    /// Whether to serve those who wait for a key can take more than the shard that it is in.
    pub fn is_awaited_with_more(&mut self, key: &[u8]) -> bool {
        let database = self.database();
        // One that becomes a stray meanwhile is one that was served before that.
        let strays = self.keyspace.waits.strays.load(Ordering::Relaxed);
        let Some(queue) = self.shard_of(key).queues.queue(database, key) else { return false };
        0 < queue.moving || 0 < strays && queue.waiters.values().any(|waiter| waiter.is_stray())
    }

    /// The same for all keys of the shards held: for what does not know which of them it will change.
    #[cold]
    pub fn holds_waiters_with_more(&mut self) -> bool {
        let strays = self.keyspace.waits.strays.load(Ordering::Relaxed);
        let moves = |queues: &HashMap<_, Queue>| queues.values().any(|queue| 0 < queue.moving);
        self.any_shard(|shard| {
            let queues = &shard.queues;
            !queues.is_empty() && (0 < strays || queues.databases.iter().any(moves))
        })
    }

    /// Draws a ticket. The shards of all keys that will be waited for with it are held.
    pub fn draw_ticket(&self) -> Ticket {
        // The locks order the queues; the number has to be another one each time, no more.
        Ticket(self.keyspace.waits.next_ticket.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts a waiter into the queue of a key, whether that is there or not.
    pub fn wait_for(&mut self, key: &[u8], ticket: Ticket, waiter: Arc<dyn Waiter>) {
        let database = self.database();
        let new = self.shard_of(key).queues.add(database, key, ticket, waiter);
        let waits = &self.keyspace.waits;
        waits.keys.fetch_add(usize::from(new.queue), Ordering::Relaxed);
        waits.keys_minded.fetch_add(usize::from(new.minded), Ordering::Relaxed);
    }

    /// Takes a waiter out of the queue of a key, if it is there.
    pub fn stop_waiting(&mut self, key: &[u8], ticket: Ticket) {
        let database = self.database();
        let ended = self.shard_of(key).queues.remove(database, key, ticket);
        let waits = &self.keyspace.waits;
        waits.keys.fetch_sub(usize::from(ended.queue), Ordering::Relaxed);
        waits.keys_minded.fetch_sub(usize::from(ended.minded), Ordering::Relaxed);
    }

    /// The first who waits for a key and came after `ticket`.
    pub fn next_waiter(
        &mut self,
        key: &[u8],
        after: Option<Ticket>,
    ) -> Option<(Ticket, Arc<dyn Waiter>)> {
        let database = self.database();
        let queue = self.shard_of(key).queues.queue(database, key)?;
        let from = after.map_or(Ticket(0), |Ticket(number)| Ticket(number + 1));
        let (ticket, waiter) = queue.waiters.range(from..).next()?;
        Some((*ticket, Arc::clone(waiter)))
    }

    /// Whether anybody who waits for a key wants to know that it is removed.
    pub fn is_removal_minded(&mut self, key: &[u8]) -> bool {
        let database = self.database();
        self.shard_of(key).queues.queue(database, key).is_some_and(|queue| 0 < queue.minding)
    }

    /// The keys of a database that somebody waits for, in the shards held.
    pub fn awaited_keys(&mut self, database: usize) -> Vec<Box<[u8]>> {
        let queues = self.all_shards().filter_map(|shard| shard.queues.databases.get(database));
        queues.flat_map(HashMap::keys).cloned().collect()
    }

    pub(crate) fn shard_of(&mut self, key: &[u8]) -> &mut Shard {
        let hash = self.locate(key);
        self.shard(hash)
    }
}
