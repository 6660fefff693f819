//! What a handler works with.

use command::Arguments;
use keyspace::View;
use resp::{Reply, Words};

use crate::Engine;
use crate::command_table::Callable;
use crate::effects::Effects;
use crate::events::Event;
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
    pub(crate) effects: Effects,
    pub(crate) tally: &'a mut Tally,
    pub(crate) statistics: &'a WorkerStatistics,
    /// Whether effects have to be recorded.
    pub(crate) recording: bool,
}

/// What a client's connection does after a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Next {
    /// It goes on with the next.
    #[default]
    Continue,
    /// It is closed once its replies are sent.
    Close,
    /// It has not been executed: it is to be tried again when writes, or all calls, are no longer paused.
    Postpone,
}

impl Call<'_> {
    /// Says that the value at a key was changed, in the way that notifications call `event`.
    ///
    /// Every write command says so for every key that it changes, after it has changed it.
    #[inline]
    pub fn modified(&mut self, key: &[u8], event: Event) {
        self.effects.modified(self.keys.database(), key, event);
    }

    /// Tells of another event of a change that `modified` has told of: SET with an expiry is `set` and `expire`.
    #[inline]
    pub fn also_modified(&mut self, key: &[u8], event: Event) {
        self.effects.also_modified(self.keys.database(), key, event);
    }

    /// Says that a key of another database than the selected one was changed.
    pub fn modified_in(&mut self, database: usize, key: &[u8], event: Event) {
        self.effects.modified(database, key, event);
    }

    /// Says that yet another key was changed, by a change that was already told: it counts once in what INFO calls changes.
    pub fn also_modified_in(&mut self, database: usize, key: &[u8], event: Event) {
        self.effects.also_modified(database, key, event);
    }

    /// Says that this many keys were changed, of which none has to be told by name: a database was emptied.
    pub fn changed(&mut self, count: u64) {
        self.effects.changes += count;
    }

    /// Records the removal of keys and fields that were found expired so far. Others are recorded when the call ends; one that
    /// roams does so while it still holds their shard.
    pub fn record_expired(&mut self) {
        let expired = &mut self.keys.expired;
        self.tally.expired += expired.len() as u64;
        let removed = expired.iter().map(|expired| (expired.database, &*expired.key));
        self.engine.effects.append_removals(self.config.memory.lazy_expire, removed);
        expired.clear();
        let fields = &mut self.keys.expired_fields;
        self.tally.note_expired_fields(fields);
        self.engine.effects.append_expired_fields(fields);
        self.effects.note_expired_fields(fields);
        fields.clear();
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

    /// Unix time in ms at the beginning of the round.
    #[inline]
    pub fn now_ms(&self) -> i64 {
        self.keys.round.now_ms
    }

    /// Adds what this worker has executed to its statistics, so that they can be read.
    pub fn settle_statistics(&mut self) {
        self.tally.settle(self.statistics, self.keys.round, self.config.latency.tracking);
    }
}
