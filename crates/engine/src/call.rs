//! What a handler works with.

use command::Arguments;
use keyspace::{ExpiryMode, View};
use resp::{Reply, Words};
use thin_vec::ThinVec;

use crate::Engine;
use crate::blocking::{Served, serve_removed};
use crate::command_table::Callable;
use crate::effects::Effects;
use crate::events::Event;
use crate::execution::Parts;
use crate::pubsub::Delivery;
use crate::reactions::Teller;
use crate::session::Session;
use crate::statistics::{Tally, WorkerStatistics};

/// One call of a command.
pub struct Call<'a> {
    /// The words after the command's name (and its subcommand's).
    pub arguments: Arguments<'a>,
    /// All words.
    pub words: Words<'a>,
    /// The part of the keyspace that the command may reach.
    pub keys: View<'a>,
    /// Whether somebody waits for a key in the shards that are held, as of the beginning.
    pub(crate) is_awaited: bool,
    /// What is answered.
    pub reply: Reply<'a>,
    /// The client.
    pub session: &'a mut Session,
    /// The server that all workers share.
    pub engine: &'a Engine,
    /// The configuration, as it was when the round began.
    pub config: &'a config::Config,
    /// What is being called.
    pub callable: &'a Callable,
    /// Unix time in microseconds at the beginning of the round.
    pub now_us: i64,
    /// What happens after the reply.
    pub next: Next,
    pub(crate) occasion: Occasion,
    /// Which worker executes it.
    pub(crate) worker: usize,
    /// What that worker delivers to its clients.
    pub(crate) delivery: &'a mut Delivery,
    pub(crate) effects: Effects,
    pub(crate) tally: &'a mut Tally,
    pub(crate) statistics: &'a WorkerStatistics,
    /// Whether effects have to be recorded.
    pub(crate) recording: bool,
    /// Clients whose wait has ended.
    pub(crate) served: &'a mut Vec<Served>,
}

/// Why a call is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Occasion {
    /// A client asked for it just now.
    Asked,
    /// A client that waits asked for it before, and now its turn may have come.
    Again,
    /// It is one of several that are run as one, which cannot wait.
    Within,
}

/// What a client's connection does after a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Next {
    /// It goes on with the next.
    #[default]
    Continue,
    /// It is closed once its replies are sent.
    Close,
    /// It has not been executed: it is to be tried again when other connections have been served.
    Yield,
    /// It has not been executed: it is to be tried again when writes, or all calls, are no longer paused.
    Postpone,
    /// It goes on when its wait ends.
    Block,
    /// It becomes a replica's, and calls nothing any more.
    Replicate,
}

impl Call<'_> {
    /// Says that the value at a key was changed, in the way that notifications call `event`.
    ///
    /// Every write command says so for every key that it changes, after it has changed it.
    #[inline]
    pub fn modified(&mut self, key: &[u8], event: Event) {
        self.note_incidents();
        self.tell_trackers(key, event);
        self.effects.modified(self.keys.database(), key, event);
    }

    /// Tells of another event of a change that `modified` has told of: SET with an expiry is `set` and `expire`.
    #[inline]
    pub fn also_modified(&mut self, key: &[u8], event: Event) {
        self.note_incidents();
        self.tell_trackers(key, event);
        self.effects.also_modified(self.keys.database(), key, event);
    }

    /// Says that a key of another database than the selected one was changed.
    pub fn modified_in(&mut self, database: usize, key: &[u8], event: Event) {
        self.note_incidents();
        self.tell_trackers(key, event);
        self.effects.modified(database, key, event);
    }

    /// Says that yet another key was changed, by a change that was already told: it counts once in what INFO calls changes.
    pub fn also_modified_in(&mut self, database: usize, key: &[u8], event: Event) {
        self.note_incidents();
        self.tell_trackers(key, event);
        self.effects.also_modified(database, key, event);
    }

    /// What has happened to keys by the way comes before what is told next.
    #[inline]
    fn note_incidents(&mut self) {
        self.effects.note(&mut self.keys.noted);
    }

    /// Says that this many keys were changed, of which none has to be told by name: a database was emptied.
    pub fn changed(&mut self, count: u64) {
        self.effects.changes += count;
    }

    /// Records the removal of keys and fields that were found expired so far. Others are recorded when the call ends; one that
    /// roams does so while it still holds their shard.
    pub fn record_expired(&mut self) {
        if self.is_inner() {
            // Their shard stays locked until the outer call ends.
            return;
        }
        let expired = &self.keys.expired;
        self.tally.expired += expired.len() as u64;
        let removed = expired.iter().map(|expired| (expired.database, &*expired.key));
        self.engine.effects.append_removals(self.config.memory.lazy_expire, removed);
        let awaited =
            if self.keys.has_waiters() { self.keys.expired.clone() } else { ThinVec::new() };
        let fields = &self.keys.expired_fields;
        self.tally.note_expired_fields(fields);
        self.engine.effects.append_expired_fields(fields);
        let teller = Teller {
            engine: self.engine,
            config: self.config,
            worker: self.worker,
            client: Some(self.session.id()),
            is_script: self.session.is_in_script,
        };
        teller.tell_expired(&mut self.keys);
        if !awaited.is_empty() {
            let parts = Parts {
                engine: self.engine,
                config: self.config,
                now_us: self.now_us,
                tally: self.tally,
                statistics: self.statistics,
                worker: self.worker,
                delivery: self.delivery,
                served: self.served,
                is_awaited: true,
            };
            let removed = awaited.iter().map(|expired| (expired.database, &*expired.key));
            serve_removed(parts, &mut self.keys, removed);
        }
    }

    /// Whether it is run in the middle of another call: by a transaction, by a script. It must not block its client then, and
    /// what it records becomes part of what the other call records.
    pub(crate) fn is_inner(&self) -> bool {
        self.occasion == Occasion::Within
    }

    /// Says that a database was emptied, or exchanged for another: all its keys may be others now.
    pub fn overturned(&mut self, database: usize) {
        self.effects.overturned.push(database);
    }

    /// Has the call replicated as it came, even if it has changed nothing here.
    pub fn replicate(&mut self) {
        let words: Vec<&[u8]> = self.words.iter().collect();
        self.replicate_as(&words);
    }

    /// Has the call replicated as another one, with the same effect whenever and wherever it is run.
    #[inline]
    pub fn replicate_as(&mut self, words: &[&[u8]]) {
        if self.recording {
            self.effects.replicate_as(self.session.database, words);
        }
    }

    /// Has the call told to replicas as it came, and to no file: it changes nothing.
    pub fn tell_replicas(&mut self) {
        if self.recording && self.engine.effects.has_replicas() {
            let words: Vec<&[u8]> = self.words.iter().collect();
            self.effects.replicate_beside(self.session.database, &words);
        } else {
            self.effects.replicate_nothing_else();
        }
    }

    /// Has nothing replicated but what [`replicate_as`](Call::replicate_as) is told, be that nothing at all.
    #[inline]
    pub fn replicate_nothing_else(&mut self) {
        self.effects.replicate_nothing_else();
    }

    /// Unix time in ms at the beginning of the round.
    #[inline]
    pub fn now_ms(&self) -> i64 {
        self.keys.round.now_ms
    }

    /// Whether a time at which something expires has passed. While commands are replayed, none has: what is to be done then is
    /// among those that follow, or will be done when all are executed.
    #[inline]
    pub fn has_passed(&self, time_ms: i64) -> bool {
        // A primary tells its replicas when something expires, even what a client has written to a replica.
        time_ms <= self.now_ms()
            && self.keys.round.expiry != ExpiryMode::Ignore
            && !self.engine.replication.is_replica()
    }

    /// Adds what this worker has executed to its statistics, so that they can be read.
    pub fn settle_statistics(&mut self) {
        self.tally.settle(self.statistics, self.keys.round, self.config.latency.tracking);
    }
}
