//! A replica applies what its primary has executed.
//!
//! The stream is requests as clients send them. They are executed by the same executor as any others, in the order of the primary
//! and with everything at rest: many of them each time that the gates are closed, so that the price of closing is shared, but no longer than
//! [`SLICE_NS`], so that readers are not held up. A transaction is queued and executed as one, with its EXEC: no reader sees a
//! part of it, and what it does is one group in the append-only file.
//!
//! Nobody asks for permission or for memory: the primary had both. Nothing expires of itself: the primary tells what does. But
//! everything else follows as from any call: those who watch, track, listen and wait are told.
//!
//! The position in the stream moves with what is executed, while the gates are closed: a snapshot is always of the position that goes with it.
//! In an open transaction it stays before its MULTI, so that a link that is cut there goes on with all of it.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use command::Flags;
use config::Config;
use config::replication::PropagationError;
use keyspace::{AccessClock, KeyHash, Random, Round, View};
use resp::{Batch, Output, ReplyError, Words};
use smallvec::SmallVec;

use crate::Engine;
use crate::blocking::Served;
use crate::clients::ClientRecord;
use crate::command_table::{Callable, only_key};
use crate::execution::Parts;
use crate::host::LogLevel;
use crate::pubsub::Delivery;
use crate::session::Session;
use crate::statistics::{Fate, Tally};
use crate::watch;
use crate::worker::access_policy;

/// How long the gates are closed at a time.
const SLICE_NS: u64 = 2_000_000;
/// How many calls are prepared ahead; see [`crate::Worker`].
const AHEAD: usize = 32;
/// Errors that are logged, so that a primary whose calls fail here does not fill the disk.
const LOGGED_ERRORS: u64 = 100;

/// What applies the stream of one primary.
pub struct Applier<'e> {
    engine: &'e Engine,
    config: Arc<Config>,
    config_version: u64,
    session: Session,
    round: Round,
    tally: Tally,
    delivery: Delivery,
    served: Vec<Served>,
    output: Output,
    /// Calls that take so many nanoseconds are worth a note.
    slow_ns: u64,
    errors: u64,
    /// Unix time in ms.
    trouble_noted_ms: i64,
}

/// Bytes of the stream and the requests in them.
pub struct Portion<'a> {
    /// The requests.
    pub batch: &'a Batch,
    /// What they were parsed from.
    pub input: &'a [u8],
    /// How many of the requests were executed, or queued, before.
    pub executed: usize,
    /// How many of the bytes are behind the position in the stream.
    pub applied: usize,
}

/// What became of a portion, or a part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// How many requests were executed in all.
    pub executed: usize,
    /// How many bytes are behind the position in the stream in all.
    pub applied: usize,
    /// The primary wants to know the position, and it was so many bytes behind the beginning when its request came to its turn.
    pub asked_at: Option<usize>,
}

/// A call whose command is known.
type Prepared<'e> = (Option<&'e Callable>, Option<KeyHash>);

impl<'e> Applier<'e> {
    /// Begins to apply, for the client that stands for the primary, in a database.
    pub fn new(engine: &'e Engine, record: Arc<ClientRecord>, database: usize) -> Applier<'e> {
        let config = engine.config();
        let mut session = Session::new(record, true);
        session.database = database;
        session.obeyed = true;
        let seed = session.id().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Applier {
            engine,
            slow_ns: watch::slow_ns(&config),
            config,
            config_version: engine.config_version(),
            round: Round { random: Random::new(seed), ..Round::aside() },
            session,
            tally: Tally::default(),
            delivery: Delivery::outside(),
            served: Vec::new(),
            output: Output::new(),
            errors: 0,
            trouble_noted_ms: i64::MIN,
        }
    }

    /// The database that the stream has selected.
    pub fn database(&self) -> usize {
        self.session.database
    }

    /// Whether the stream is in the middle of a transaction.
    pub fn is_in_transaction(&self) -> bool {
        self.session.is_in_transaction()
    }

    /// Clients whose waits were ended by what was applied. Their workers are to be told.
    pub fn take_served(&mut self) -> Vec<Served> {
        std::mem::take(&mut self.served)
    }

    /// Executes requests for a while, with all gates closed, if `may` says so then; the bytes that are behind
    /// the position then are relayed, before the gates open.
    pub fn apply(
        &mut self,
        portion: &Portion<'_>,
        now_us: i64,
        may: impl FnOnce() -> bool,
    ) -> Option<Applied> {
        self.look_at_config();
        self.round.now_ms = now_us.div_euclid(1000);
        self.round.access = AccessClock::new(access_policy(&self.config), self.round.now_ms);
        let engine = self.engine;
        let mut applied =
            Applied { executed: portion.executed, applied: portion.applied, asked_at: None };
        let mut round = std::mem::replace(&mut self.round, Round::aside());
        let mut closed = engine.keyspace.gates().close();
        let may = may();
        if may {
            let mut view = engine.keyspace.view(&mut closed, 0, &mut round);
            view.lock_all();
            let course = &mut applied;
            let ended =
                engine.host.contain(&mut || self.pursue(&mut view, portion, course, now_us));
            if !ended {
                engine.host.give_up("a command of the primary panicked");
            }
            let passed = portion.input.get(portion.applied..applied.applied).unwrap_or_default();
            if !passed.is_empty() {
                engine.effects.relay(passed);
                engine.replication.note_relayed_database(self.session.database);
                engine.mark_offset();
                engine.host.note_stream();
            }
            let tracking = engine.statistics.len();
            if engine.tracking.has_pending(tracking) {
                engine.tracking.broadcast(engine, tracking);
            }
        }
        drop(closed);
        self.round = round;
        let tracking = self.config.latency.tracking;
        self.tally.settle(&engine.statistics[0], &mut self.round, tracking);
        self.session
            .record
            .database
            .store(self.session.database, std::sync::atomic::Ordering::Relaxed);
        engine.keyspace.gates().give_way();
        may.then_some(applied)
    }

    fn look_at_config(&mut self) {
        let version = self.engine.config_version();
        if version != self.config_version {
            self.config_version = version;
            self.config = self.engine.config();
            self.slow_ns = watch::slow_ns(&self.config);
        }
    }

    fn pursue(
        &mut self,
        view: &mut View<'_>,
        portion: &Portion<'_>,
        course: &mut Applied,
        now_us: i64,
    ) {
        let begin = (self.engine.ticks)();
        let is_awaited = view.has_waiters();
        let Portion { batch, input, .. } = *portion;
        let mut last = None;
        while course.executed < batch.len() {
            let end = batch.len().min(course.executed + AHEAD);
            let prepared = self.prepare(view, batch, input, course.executed..end);
            let mut before = (self.engine.ticks)();
            for prepared in prepared {
                let words = batch.words(course.executed, input);
                if is_acknowledgement_wanted(words) {
                    course.asked_at = Some(course.applied);
                } else {
                    let fate = self.run(view, words, prepared, now_us, is_awaited);
                    let after = (self.engine.ticks)();
                    if let Some((id, fate)) = fate {
                        let elapsed_ns = after.wrapping_sub(before);
                        self.tally.call(id, elapsed_ns, fate);
                        if self.slow_ns <= elapsed_ns
                            && let Some(callable) = prepared.0
                        {
                            self.note_slow(words, callable, elapsed_ns);
                        }
                        last = Some(id);
                    }
                    before = after;
                }
                if !self.session.is_in_transaction() {
                    course.applied = batch.end(course.executed);
                }
                course.executed += 1;
            }
            if SLICE_NS <= before.wrapping_sub(begin) {
                break;
            }
        }
        if let Some(id) = last {
            self.session.note(now_us.div_euclid(1000), id);
        }
    }

    /// Looks up the commands of the next calls, and starts to fetch what they will look at.
    fn prepare(
        &self,
        view: &mut View<'_>,
        batch: &Batch,
        input: &[u8],
        range: std::ops::Range<usize>,
    ) -> SmallVec<[Prepared<'e>; AHEAD]> {
        let keyspace = &self.engine.keyspace;
        let mut last: Option<(&[u8], &'e Callable)> = None;
        let prepared: SmallVec<[Prepared<'e>; AHEAD]> = range
            .map(|index| {
                let words = batch.words(index, input);
                let name = words.first().unwrap_or_default();
                let callable = match last {
                    Some((known, callable)) if known == name => Some(callable),
                    _ => self.engine.commands.find_call(words).ok(),
                };
                last = callable
                    .filter(|callable| callable.is_named_alone())
                    .map(|found| (name, found));
                let key = callable.and_then(only_key).and_then(|position| words.get(position));
                (callable, key.map(|key| keyspace.hash(key)))
            })
            .collect();
        let database = self.session.database;
        for hash in prepared.iter().filter_map(|(_, hash)| *hash) {
            view.prefetch_bucket(database, hash);
        }
        for hash in prepared.iter().filter_map(|(_, hash)| *hash) {
            view.prefetch_entry(database, hash);
        }
        prepared
    }

    /// Executes a call, or queues it in a transaction.
    fn run(
        &mut self,
        all: &mut View<'_>,
        words: Words<'_>,
        (callable, hash): Prepared<'e>,
        now_us: i64,
        is_awaited: bool,
    ) -> Option<(command::CommandId, Fate)> {
        let Some(callable) = callable else {
            let error = self.engine.commands.find_call(words).err().unwrap_or(ReplyError::Syntax);
            self.refuse(words, &error);
            return None;
        };
        if !callable.admits(words.len()) {
            self.refuse(words, &ReplyError::WrongArity(callable.name()));
            return Some((callable.id, Fate::Rejected));
        }
        if self.session.is_in_transaction() && !callable.flags.has(Flags::UNQUEUED) {
            self.session.queue(callable, callable.flags, words, &self.engine.keyspace);
            return None;
        }
        let Some(handler) = callable.run else {
            self.refuse(words, &ReplyError::Syntax);
            return None;
        };
        if callable.flags.has(Flags::WRITE)
            && (self.engine.saving.refuses_writes() || self.engine.append_only.is_in_trouble())
        {
            self.note_trouble();
        }
        let mut view = all.lend();
        view.select(self.session.database);
        if let (Some(hash), Some(key)) = (hash, only_key(callable).and_then(|key| words.get(key))) {
            view.expect(key, hash);
        }
        view.round.touch = true;
        view.round.changed = false;
        view.round.donated.clear();
        view.round.donated.extend_from_slice(words.supplied());
        let parts = Parts {
            engine: self.engine,
            config: &self.config,
            now_us,
            tally: &mut self.tally,
            statistics: &self.engine.statistics[0],
            // None of them: all of them are woken by what is sent to their clients.
            worker: self.engine.statistics.len(),
            delivery: &mut self.delivery,
            served: &mut self.served,
            is_awaited,
        };
        let run = handler.for_call(words).run();
        let executed = parts.call(&mut self.session, callable, run, words, view, &mut self.output);
        if self.output.as_slice().is_some_and(|reply| reply.first() == Some(&b'-')) {
            self.note_error(callable.name());
        }
        self.output.clear();
        executed.fate
    }

    #[cold]
    fn note_slow(&self, words: Words<'_>, callable: &Callable, elapsed_ns: u64) {
        let (engine, now_ms) = (self.engine, self.round.now_ms);
        watch::note_slow(engine, &self.config, now_ms, &self.session, words, callable, elapsed_ns);
    }

    /// The primary's writes cannot be written to disk here.
    #[cold]
    fn note_trouble(&mut self) {
        /// Between two lines about it.
        const INTERVAL_MS: i64 = 10_000;
        let host = &self.engine.host;
        if !self.config.replication.ignore_disk_write_errors {
            host.give_up("Replica was unable to write command to disk.");
        }
        if INTERVAL_MS <= self.round.now_ms.saturating_sub(self.trouble_noted_ms) {
            self.trouble_noted_ms = self.round.now_ms;
            host.log(
                LogLevel::Warning,
                "Replica is applying a command even though it is unable to write to disk.",
            );
        }
    }

    #[cold]
    fn refuse(&mut self, words: Words<'_>, error: &ReplyError) {
        self.tally.error(&error.code());
        self.session.break_transaction();
        let name = words.first().unwrap_or_default();
        let name = name.get(..128).unwrap_or(name).escape_ascii().to_string();
        let mut line = Vec::new();
        error.write_to(&mut line);
        self.tell_error(&line, &name);
    }

    #[cold]
    fn note_error(&mut self, name: &str) {
        let reply = self.output.as_slice().unwrap_or_default();
        let line = reply.get(1..).unwrap_or_default().trim_ascii_end().to_vec();
        self.tell_error(&line, name);
    }

    /// Says that the primary could do what cannot be done here: the data are not the same.
    fn tell_error(&mut self, line: &[u8], name: &str) {
        self.errors += 1;
        let host = &self.engine.host;
        if self.errors <= LOGGED_ERRORS {
            let message = format!(
                "== CRITICAL == This replica is sending an error to its master: '{}' after processing the command '{name}'",
                line.escape_ascii()
            );
            host.log(LogLevel::Warning, &message);
        }
        match self.config.replication.propagation_error {
            PropagationError::Ignore => {}
            PropagationError::Panic | PropagationError::PanicOnReplicas => host.give_up(&format!(
                "This replica panicked sending an error to its master after processing the command '{name}'"
            )),
        }
    }
}

impl Drop for Applier<'_> {
    fn drop(&mut self) {
        self.engine.clients.remove(self.session.id());
    }
}

/// Whether a request is REPLCONF GETACK, which asks for the position.
fn is_acknowledgement_wanted(words: Words<'_>) -> bool {
    let is =
        |place, name: &[u8]| words.get(place).is_some_and(|word| word.eq_ignore_ascii_case(name));
    is(0, b"replconf") && is(1, b"getack")
}
