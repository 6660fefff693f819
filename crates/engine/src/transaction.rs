//! A client's transaction: the calls that it has queued since MULTI, and the keys that it watches.
//!
//! A queued call holds its own copy of its words; EXEC locks what all of them reach together and runs one after the other
//! on that one view, so nobody sees a transaction half done. A watched key is entered in its shard (see
//! `keyspace::Watcher`); a change tells the client's record, and EXEC looks at that while it holds the shards of the watched
//! keys, so no change slips through between the look and the execution.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use command::{Command, Flags};
use keyspace::{KeyHash, Keyspace, View, Watcher};
use resp::{OwnedWords, Words};

use crate::Engine;
use crate::clients::ClientRecord;
use crate::command_table::{Callable, Handler};
use crate::session::Session;
use command::CommandId;

/// A client's transaction.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    /// MULTI was called, and neither EXEC nor DISCARD since.
    pub(crate) is_open: bool,
    /// A call was refused since MULTI: EXEC will run none.
    pub(crate) is_broken: bool,
    pub(crate) queue: Vec<Queued>,
    /// Of the keys that the queued calls name.
    hashes: Vec<KeyHash>,
    /// A queued call reaches more than the keys that it names.
    needs_everything: bool,
    /// All flags of the queued calls.
    flags: Flags,
    /// What EXEC is like and not every queued call: allowed while the data are stale.
    lacking: Flags,
    /// Bytes of memory of the queued calls.
    queue_memory: usize,
    /// Bytes of their words.
    queue_bytes: usize,
    watched: Vec<WatchedKey>,
    watched_memory: usize,
}

/// A call that waits for EXEC.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) command: CommandId,
    pub(crate) words: OwnedWords,
}

#[derive(Debug)]
struct WatchedKey {
    database: usize,
    key: Box<[u8]>,
    hash: KeyHash,
}

impl Transaction {
    /// Whether EXEC has to have everything at rest.
    pub(crate) fn needs_everything(&self) -> bool {
        self.is_open && !self.is_broken && self.needs_everything
    }

    /// Hashes of all keys that the queued calls name, and of those that are watched.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = KeyHash> {
        let called = if self.is_broken { &[] } else { self.hashes.as_slice() };
        called.iter().copied().chain(self.watched_hashes())
    }

    /// Hashes of the keys that are watched.
    pub(crate) fn watched_hashes(&self) -> impl Iterator<Item = KeyHash> {
        self.watched.iter().map(|watched| watched.hash)
    }

    /// What EXEC is like: like the queued calls, taken together.
    pub(crate) fn flags_of_exec(&self, exec: &Callable) -> Flags {
        if self.is_open { (exec.flags | self.flags).without(self.lacking) } else { exec.flags }
    }

    /// Bytes of memory that it takes.
    fn memory(&self) -> usize {
        let queue = self.queue.capacity() * size_of::<Queued>();
        let hashes = self.hashes.capacity() * size_of::<KeyHash>();
        let watched = self.watched.capacity() * size_of::<WatchedKey>();
        self.queue_memory + queue + hashes + self.watched_memory + watched
    }

    fn push(&mut self, callable: &Callable, flags: Flags, words: Words<'_>, keyspace: &Keyspace) {
        match callable.run.map(|handler| handler.for_call(words)) {
            Some(Handler::Everything(_) | Handler::Roaming(_)) => self.needs_everything = true,
            Some(
                Handler::Keys(_)
                | Handler::KeysOrEverything { .. }
                | Handler::Queued(_)
                | Handler::Watched(_),
            )
            | None => {
                let hashes = &mut self.hashes;
                Command::for_each_key(callable.command, callable.layout, words, |key| {
                    hashes.push(keyspace.hash(key));
                });
            }
        }
        self.flags = self.flags | flags;
        self.lacking = self.lacking | Flags::STALE.without(flags);
        let words = OwnedWords::from(words);
        self.queue_memory += words.memory();
        self.queue_bytes += words.as_words().bytes();
        self.queue.push(Queued { command: callable.id, words });
    }

    /// Ends the queue, and gives what was in it. Watched keys stay watched.
    pub(crate) fn close(&mut self) -> Vec<Queued> {
        let watched = std::mem::take(&mut self.watched);
        let watched_memory = self.watched_memory;
        let ended = std::mem::replace(
            self,
            Transaction { watched, watched_memory, ..Transaction::default() },
        );
        ended.queue
    }
}

impl Watcher for ClientRecord {
    fn note_change(&self) {
        self.watch_broken.store(true, Relaxed);
    }
}

impl Session {
    /// Whether calls are queued.
    #[inline]
    pub(crate) fn is_in_transaction(&self) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| transaction.is_open)
    }

    /// The transaction, made if there is none.
    pub(crate) fn transaction_mut(&mut self) -> &mut Transaction {
        self.transaction.get_or_insert_default()
    }

    /// Bytes of the words that wait for EXEC: the client's query buffer is limited as if they were still in it.
    pub fn queued_bytes(&self) -> usize {
        self.transaction.as_ref().map_or(0, |transaction| transaction.queue_bytes)
    }

    /// Bytes of memory of its transaction.
    pub(crate) fn transaction_memory(&self) -> usize {
        let own = |transaction: &Transaction| size_of::<Transaction>() + transaction.memory();
        self.transaction.as_deref().map_or(0, own)
    }

    /// Queues a call; `flags` is what it is like.
    pub(crate) fn queue(
        &mut self,
        callable: &Callable,
        flags: Flags,
        words: Words<'_>,
        keyspace: &Keyspace,
    ) {
        self.transaction_mut().push(callable, flags, words, keyspace);
        self.note_transaction();
    }

    /// A call was refused: if it is in a transaction, all of that is.
    pub(crate) fn break_transaction(&mut self) {
        if let Some(transaction) = self.transaction.as_mut().filter(|open| open.is_open) {
            transaction.is_broken = true;
        }
    }

    /// Watches keys of the view, whose shards are locked.
    pub(crate) fn watch<'k>(
        &mut self,
        engine: &Engine,
        view: &mut View<'_>,
        keys: impl Iterator<Item = &'k [u8]>,
    ) {
        if self.record.watch_broken.load(Relaxed) {
            // Nothing that happens to other keys matters any more.
            return;
        }
        let database = view.database();
        let watcher = self.watcher();
        let transaction = self.transaction_mut();
        if transaction.watched.is_empty() {
            engine.interest.add();
        }
        for key in keys {
            // The shard is asked, and not the client's own list: that may be long.
            if !view.is_watched_by(key, &watcher) {
                let hash = engine.keyspace.hash(key);
                view.watch(key, Arc::clone(&watcher));
                transaction.watched_memory += 2 * key.len();
                transaction.watched.push(WatchedKey { database, key: key.into(), hash });
            }
        }
        self.note_transaction();
    }

    /// Whether a key was changed since it was watched. The shards of the watched keys are locked.
    pub(crate) fn is_watch_broken(&self, view: &mut View<'_>) -> bool {
        if self.record.watch_broken.load(Relaxed) {
            return true;
        }
        let Some(transaction) = &self.transaction else { return false };
        let watcher = self.watcher();
        let mut keys = transaction.watched.iter();
        keys.any(|watched| view.has_watched_expired(watched.database, &watched.key, &watcher))
    }

    /// Watches no key any more. The shards of the watched keys are locked.
    pub(crate) fn unwatch(&mut self, engine: &Engine, view: &mut View<'_>) {
        let watcher = self.watcher();
        self.record.watch_broken.store(false, Relaxed);
        let Some(transaction) = &mut self.transaction else { return };
        if transaction.watched.is_empty() {
            return;
        }
        for watched in std::mem::take(&mut transaction.watched) {
            view.unwatch(watched.database, &watched.key, &watcher);
        }
        transaction.watched_memory = 0;
        engine.interest.remove();
        self.note_transaction();
    }

    /// Whether it watches keys.
    pub(crate) fn watches(&self) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| !transaction.watched.is_empty())
    }

    fn watcher(&self) -> Arc<dyn Watcher> {
        Arc::<ClientRecord>::clone(&self.record)
    }

    /// Notes what others may see of it.
    pub(crate) fn note_transaction(&self) {
        let Some(transaction) = &self.transaction else { return };
        let count = if transaction.is_open {
            i64::try_from(transaction.queue.len()).unwrap_or(i64::MAX)
        } else {
            -1
        };
        self.record.queued_calls.store(count, Relaxed);
        self.record.queued_memory.store(transaction.memory(), Relaxed);
        self.record.watched_keys.store(transaction.watched.len(), Relaxed);
    }
}
