//! One worker's share of the engine, and its rounds.
//!
//! A round is what a worker does between two waits for its sockets: it enters its gate, takes the time, runs batches of
//! calls, and leaves. Within a batch the keys of all calls are looked for in three passes (hash and bucket, entry, execution),
//! so that the memory they are in is on its way before it is needed; and where several have one key, the elements that they name, too.

use std::sync::Arc;

use command::{CommandId, Flags, Sought};
use config::Config;
use keyspace::{
    AccessClock, AccessPolicy, EvictionPool, Expiring, ExpiryCycle, ExpiryMode, GateKey, Inside,
    KeyHash, Random, Round,
};
use resp::{Batch, Mark, Output, Reply, ReplyError, Words};

use crate::Engine;
use crate::blocking::Served;
use crate::call::Next;
use crate::command_table::{Callable, only_key};
use crate::effects::{Recorded, waits_for};
use crate::execution::{Executed, record_gathered};
use crate::host::LogLevel;
use crate::pause::PauseKind;
use crate::pubsub::{Bundle, Delivered, Delivery, Parcel, Post};
use crate::session::{Replies, Session};
use crate::statistics::{Fate, Numbers, Tally};
use crate::straight::is_same_name;
use crate::watch;

/// How many calls of a batch are prepared ahead: enough to hide the latency of memory, few enough that what was fetched
/// is still in the first cache when its turn comes.
const AHEAD: usize = 32;

/// Calls in a row for one key from which on it pays to look ahead into its value.
const ELEMENTS_AHEAD: usize = 4;
/// How often the sizes of databases are noted for those who may not look themselves.
const SIZES_INTERVAL_MS: i64 = 1000;

/// A moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Time {
    /// Unix time in microseconds.
    pub unix_us: i64,
}

/// One worker.
pub struct Worker<'e> {
    pub(crate) engine: &'e Engine,
    /// Which, from 0.
    pub index: usize,
    pub(crate) gate: Gate<'e>,
    pub(crate) round: Round,
    pub(crate) now_us: i64,
    /// The configuration as of this round.
    pub config: Arc<Config>,
    config_version: u64,
    pub(crate) tally: Tally,
    pub(crate) delivery: Delivery,
    pub(crate) pool: EvictionPool,
    pub(crate) expiry: ExpiryCycle,
    pub(crate) field_expiry: ExpiryCycle,
    prepared: Vec<Prepared<'e>>,
    /// The hashes of their keys, without those of the call before: what it needs is fetched already.
    hashes: Vec<KeyHash>,
    /// Calls that take so many nanoseconds are worth a note.
    slow_ns: u64,
    /// Calls until the key of one is looked at.
    pub(crate) until_look: u32,
    /// From how many bytes on requests and replies are worth a note.
    large_bytes: (u64, u64),
    /// Unix time in ms.
    sizes_noted_ms: i64,
    /// Bytes that other threads had in use when the round began, if there is a limit.
    pub(crate) memory_elsewhere: isize,
    /// Of the users, as far as its clients were looked at.
    rights_version: u64,
    /// Clients whose waits were ended here, and whose workers are to be told.
    pub(crate) served: Vec<Served>,
}

/// Where a worker stands to its gate.
pub(crate) enum Gate<'e> {
    Outside(GateKey),
    Inside(Inside<'e>),
    /// For the moment in which it passes; and for a stand-in, which has no key.
    Passing,
}

/// A call whose command is known.
#[derive(Clone, Copy)]
pub(crate) struct Prepared<'e> {
    pub(crate) callable: Option<&'e Callable>,
    /// Of its key, if it has one.
    pub(crate) hash: Option<KeyHash>,
}

impl Prepared<'_> {
    pub(crate) const NOTHING: Prepared<'static> = Prepared { callable: None, hash: None };
}

/// What became of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ran {
    /// How many calls were executed.
    pub executed: usize,
    /// What the connection does now; unless it goes on, the rest of the batch was not executed.
    pub next: Next,
}

/// How far a batch is executed.
struct Course {
    executed: usize,
    next: Next,
    /// The command executed last.
    last: Option<CommandId>,
    /// Where the reply of the present call begins.
    begin: Mark,
    /// When the present call began, in ticks.
    before: u64,
}

const INTERNAL_ERROR: ReplyError = ReplyError::message(
    "internal error: the command was not executed, the server's log has the details",
);

impl<'e> Worker<'e> {
    /// The worker whose gate `key` is for.
    pub fn new(engine: &'e Engine, index: usize, key: GateKey, seed: u64) -> Worker<'e> {
        Worker::at(engine, index, Gate::Outside(key), seed)
    }

    fn at(engine: &'e Engine, index: usize, gate: Gate<'e>, seed: u64) -> Worker<'e> {
        let config = engine.config();
        let slow_ns = watch::slow_ns(&config);
        let large_bytes = watch::large_bytes(&config);
        let workers = engine.statistics.len();
        Worker {
            engine,
            index,
            gate,
            round: Round {
                now_ms: 0,
                access: AccessClock::new(AccessPolicy::Lru, 0),
                touch: true,
                expiry: ExpiryMode::Remove,
                random: Random::new(seed),
                hits: 0,
                misses: 0,
                changed: false,
                donated: Vec::new(),
                buffer: Vec::new(),
                noting: keyspace::Noting::default(),
            },
            now_us: 0,
            config,
            config_version: engine.config_version(),
            tally: Tally::default(),
            delivery: Delivery::new(index),
            pool: EvictionPool::default(),
            expiry: ExpiryCycle::new(Expiring::Keys, index, workers),
            field_expiry: ExpiryCycle::new(Expiring::Fields, index, workers),
            prepared: Vec::with_capacity(AHEAD),
            hashes: Vec::with_capacity(AHEAD),
            slow_ns,
            large_bytes,
            until_look: 1,
            sizes_noted_ms: i64::MIN / 2,
            memory_elsewhere: 0,
            rights_version: 0,
            served: Vec::new(),
        }
    }

    /// One that never enters: it answers the clients of a worker that is busy with a script.
    pub fn stand_in(engine: &'e Engine, index: usize) -> Worker<'e> {
        Worker::at(engine, index, Gate::Passing, 0)
    }

    /// Whether it is outside of the gate, in a round or at all: a script runs for long, and clients are told so.
    #[inline]
    pub fn is_barred(&self) -> bool {
        !matches!(self.gate, Gate::Inside(_))
    }

    /// Whether it stands in for another one.
    pub(crate) fn is_stand_in(&self) -> bool {
        matches!(self.gate, Gate::Passing)
    }

    /// Begins a round: enters the gate and takes the time. It may be [barred](Worker::is_barred) then.
    pub fn begin_round(&mut self, time: Time) {
        self.now_us = time.unix_us;
        self.round.now_ms = time.unix_us.div_euclid(1000);
        self.go_in();
    }

    /// Enters the gate, and takes note of what others may have changed while they had it closed.
    pub(crate) fn go_in(&mut self) {
        self.enter();
        if !self.look_at_config() {
            self.look_at_memory();
        }
        self.round.access = AccessClock::new(access_policy(&self.config), self.round.now_ms);
        // Nobody may see a write while writes are paused, not even that of time. To a replica its primary tells what expires.
        let paused = self.engine.pause.kind(self.round.now_ms).is_some()
            || self.engine.replication.is_replica()
            // Commands that are still to be loaded may be about keys whose time is up.
            || self.engine.loading.is_active();
        self.round.expiry = if paused { ExpiryMode::Hide } else { ExpiryMode::Remove };
    }

    /// Lets others close the gates if they want to, between two connections: they need not wait for a long round to end.
    #[inline]
    pub fn make_way(&mut self) {
        if self.engine.keyspace.gates().is_closing() {
            self.leave();
            self.go_in();
        }
    }

    /// Takes the configuration anew if it was changed; says whether it was.
    fn look_at_config(&mut self) -> bool {
        let version = self.engine.config_version();
        let changed = version != self.config_version;
        if changed {
            self.config_version = version;
            self.config = self.engine.config();
            self.slow_ns = watch::slow_ns(&self.config);
            self.large_bytes = watch::large_bytes(&self.config);
            self.pool.clear();
            self.look_at_memory();
        }
        changed
    }

    /// Ends the round: leaves the gate.
    pub fn end_round(&mut self) {
        self.leave();
    }

    /// Called `hz` times a second, in a round.
    pub fn tick(&mut self) {
        self.measure_keys();
        let vitals = &self.engine.vitals;
        if self.index != 0 {
            return;
        }
        self.engine.sample(self.now_ms());
        self.limit_tracking();
        if !(0..SIZES_INTERVAL_MS).contains(&(self.now_ms() - self.sizes_noted_ms))
            && let Gate::Inside(inside) = &mut self.gate
        {
            vitals.note_sizes(&self.engine.keyspace.sizes(inside));
            self.sizes_noted_ms = self.round.now_ms;
        }
        if self.engine.save_is_due(&self.config, self.now_us.div_euclid(1_000_000)) {
            self.save();
        }
        if 0 < self.config.memory.limit_bytes {
            // What CONFIG SET left to do, when nobody is calling.
            self.make_room_patiently();
        }
    }

    /// Begins to save in the background.
    fn save(&mut self) {
        self.leave();
        let engine = self.engine;
        let mut closed = engine.keyspace.gates().close();
        let mut view = engine.keyspace.view(&mut closed, 0, &mut self.round);
        view.lock_all();
        // If another save was faster, this one is due again later.
        let _busy = engine.save_in_background(&mut view, self.now_us);
        drop(view);
        drop(closed);
        self.enter();
    }

    /// Forgets keys that clients have read if there are too many; calls see to that, but for what a change of the limit leaves.
    fn limit_tracking(&self) {
        let limit = self.config.notifications.tracking_table_keys;
        self.engine.tracking.limit(self.engine, self.index, limit);
    }

    /// Counts an error that a client was sent and no call has ended with.
    pub fn count_error(&self, error: &ReplyError) {
        self.count(|numbers| numbers.count_error(error.code().into_owned()));
    }

    /// Counts something that happened outside of calls.
    pub fn count(&self, change: impl FnOnce(&mut Numbers)) {
        self.engine.statistics[self.index].update(change);
    }

    /// A client as CLIENT LIST shows it, for the log.
    pub fn describe_client(&self, session: &Session) -> String {
        session.record.describe(self.now_ms(), &self.engine.commands, None)
    }

    /// Unix time in ms at which the round began.
    pub fn now_ms(&self) -> i64 {
        self.round.now_ms
    }

    /// Runs the calls of a batch. `input` is what the batch was parsed from.
    pub fn run(
        &mut self,
        session: &mut Session,
        batch: &Batch,
        input: &[u8],
        output: &mut Output,
    ) -> Ran {
        session.received = input.len();
        session.look_at_record();
        if session.is_to_unwatch && !self.is_barred() {
            session.is_to_unwatch = false;
            self.forget_watches(session);
        }
        self.absorb(session, output);
        let mut course = Course {
            executed: 0,
            next: Next::Continue,
            last: None,
            begin: output.mark(),
            before: (self.engine.ticks)(),
        };
        self.round.donated.extend_from_slice(batch.supplied());
        let gathers = 1 < batch.len() && self.engine.keyspace.gates().is_single();
        self.tally.gathered.open(gathers);
        self.tally.recorded = Recorded::default();
        let host = &self.engine.host;
        while !host.contain(&mut || self.pursue(&mut course, session, batch, input, output)) {
            let words = batch.words(course.executed, input);
            self.recover(&mut course, session, words, output);
        }
        self.round.donated.clear();
        self.record_gathered(session);
        self.tally.gathered.open(false);
        // Before the replies are seen by their client.
        if self.broadcast() {
            self.absorb(session, output);
        }
        if let Some(command) = course.last {
            session.note(self.round.now_ms, command);
        }
        self.settle();
        Ran { executed: course.executed, next: course.next }
    }

    /// Records the calls that were put aside; the session knows then how far the stream has come with its calls.
    #[inline]
    fn record_gathered(&mut self, session: &mut Session) {
        record_gathered(self.engine, &mut self.tally);
        let Recorded { file, replicas } = self.tally.recorded;
        session.recorded_to = file.unwrap_or(session.recorded_to);
        session.replicated_to = replicas.unwrap_or(session.replicated_to);
    }

    /// Adds what was executed to the worker's statistics.
    pub(crate) fn settle(&mut self) {
        let tracking = self.config.latency.tracking;
        self.tally.settle(&self.engine.statistics[self.index], &mut self.round, tracking);
    }

    /// Gives the client what is on its way to it: what was published before it is served comes before the replies, and what
    /// its own calls publish, after theirs.
    #[inline]
    pub(crate) fn absorb(&mut self, session: &mut Session, output: &mut Output) {
        if session.receives() && self.has_post() {
            self.delivery.absorb(&self.engine.pubsub, session, output);
        }
    }

    /// Whether users have changed since the last time: clients may listen to what they may not listen to any more.
    #[inline]
    pub fn have_rights_changed(&mut self) -> bool {
        let version = self.engine.acl.version();
        std::mem::replace(&mut self.rights_version, version) != version
    }

    /// Whether a client may listen to all that it listens to.
    pub fn may_listen(&self, session: &Session) -> bool {
        self.engine.may_listen(session)
    }

    /// Whether there is something to deliver to clients.
    #[inline]
    pub fn has_post(&self) -> bool {
        self.delivery.has_post(&self.engine.pubsub) && !self.is_stand_in()
    }

    /// Sends what was changed in this round to those who are told by prefix; whether there was anything.
    #[inline]
    pub fn broadcast(&mut self) -> bool {
        let has_pending = self.engine.tracking.has_pending(self.index) && !self.is_stand_in();
        if has_pending {
            self.engine.tracking.broadcast(self.engine, self.index);
        }
        has_pending
    }

    /// What is to be delivered next.
    pub fn next_parcel(&mut self) -> Option<Parcel> {
        self.delivery.next(&self.engine.pubsub)
    }

    /// Takes back a bundle that was delivered.
    pub fn recycle(&mut self, bundle: Bundle) {
        self.delivery.recycle(bundle);
    }

    /// The places of the sessions that a bundle is for. A session takes [its part](Session::part_of).
    pub fn recipients_of(&self, bundle: &Bundle) -> &[u64] {
        self.delivery.recipients_of(bundle)
    }

    /// Names the places of the sessions that a post is for, each with the form for it. A session takes it only if it still
    /// [awaits](Session::awaits) it.
    pub fn for_each_recipient(&self, post: &Post, visit: &mut dyn FnMut(u64, Delivered<'_>)) {
        self.delivery.for_each_recipient(post, visit);
    }

    /// Executes calls from where the course stands to the end of the batch, or until the connection does something else.
    fn pursue(
        &mut self,
        course: &mut Course,
        session: &mut Session,
        batch: &Batch,
        input: &[u8],
        output: &mut Output,
    ) {
        // Each request is as long as all together at most, for which one comparison does.
        let received = batch.supplied().iter().map(|argument| argument.len()).sum::<usize>();
        let may_be_large = self.large_bytes.0 <= (received + input.len()) as u64;
        while course.executed < batch.len() {
            let ahead = (batch.len() - course.executed).min(AHEAD);
            self.prepare(session, batch, input, course.executed..course.executed + ahead);
            let mut is_clear = self.is_clear(session);
            for place in 0..ahead {
                let prepared = self.prepared[place];
                let words = batch.words(course.executed, input);
                course.begin = output.mark();
                self.round.changed = false;
                let straight = if is_clear {
                    self.execute_straight(session, &words, prepared, output)
                } else {
                    None
                };
                let went_straight = straight.is_some();
                let outcome = match straight {
                    Some(outcome) => outcome,
                    None => self.execute_long(session, words, prepared, output),
                };
                course.next = outcome.next;
                if matches!(course.next, Next::Postpone | Next::Yield) {
                    return;
                }
                course.executed += 1;
                if course.next == Next::Block {
                    course.last = prepared.callable.map(|callable| callable.id);
                    return;
                }
                let after = (self.engine.ticks)();
                if !went_straight {
                    self.heed_config(prepared);
                }
                self.until_look -= 1;
                if self.until_look == 0 {
                    self.look_at_key(session, prepared, words);
                }
                if let Some((id, fate)) = outcome.fate {
                    let elapsed_ns = after.wrapping_sub(course.before);
                    self.tally.call(id, elapsed_ns, fate);
                    if self.slow_ns <= elapsed_ns {
                        self.note_slow(session, words, id, elapsed_ns, fate);
                    }
                    let reply_bytes = output.mark().since(course.begin);
                    if self.large_bytes.1 <= reply_bytes || may_be_large {
                        self.note_large(session, words, id, fate, reply_bytes);
                    }
                    course.last = Some(id);
                }
                course.before = after;
                if !went_straight {
                    self.end_long(session, prepared, &outcome, course.begin, output);
                    is_clear = self.is_clear(session);
                }
                if matches!(course.next, Next::Close | Next::Replicate) {
                    return;
                }
            }
        }
    }

    /// Executes a call that does not go straight.
    #[inline(never)]
    fn execute_long(
        &mut self,
        session: &mut Session,
        words: Words<'_>,
        prepared: Prepared<'e>,
        output: &mut Output,
    ) -> Executed {
        if !self.tally.gathered.is_empty() && waits_for(prepared.callable) {
            self.record_gathered(session);
        }
        let executed = self.execute(session, words, prepared, output);
        let is_done = !matches!(executed.next, Next::Postpone | Next::Yield);
        if is_done && session.tracks() {
            session.end_caching(prepared.callable);
        }
        executed
    }

    /// Looks at the configuration after a call that may have changed it, be it in a transaction: what it says holds for what follows in the batch.
    fn heed_config(&mut self, prepared: Prepared<'e>) {
        if waits_for(prepared.callable) {
            let changed = self.look_at_config();
            if changed {
                self.limit_tracking();
            }
            if changed && 0 < self.config.memory.limit_bytes {
                self.make_room_patiently();
            }
        }
    }

    /// Sees to what the client of such a call is sent.
    #[inline(never)]
    fn end_long(
        &mut self,
        session: &mut Session,
        prepared: Prepared<'e>,
        executed: &Executed,
        begin: Mark,
        output: &mut Output,
    ) {
        if session.replies != Replies::On {
            let pushes = |callable: &Callable| callable.flags.has(Flags::PUSHES);
            let is_push = prepared.callable.is_some_and(pushes)
                && executed.fate.is_some_and(|(_, fate)| fate == Fate::Done);
            silence(session, output, if is_push { output.mark() } else { begin });
        }
        self.absorb(session, output);
    }

    /// Goes on after a call that panicked: with an error if it had changed nothing. Otherwise what the server holds may be
    /// half changed, and it ends.
    #[cold]
    fn recover(
        &mut self,
        course: &mut Course,
        session: &mut Session,
        words: Words<'_>,
        output: &mut Output,
    ) {
        let callable = self.engine.commands.find_call(words).ok();
        let name = callable.map_or("no command", Callable::name);
        let client = self.describe_client(session);
        self.engine.host.log(
            LogLevel::Warning,
            &format!("Internal error while executing '{name}' for client {client}"),
        );
        self.count(|numbers| numbers.internal_errors += 1);
        if let Some(callable) = callable {
            self.tally.call(callable.id, 0, Fate::Failed);
        }
        if self.round.changed {
            self.engine.host.give_up("a command panicked after it had begun to change a value");
        }
        // A call that closes the gates panicked outside of its own.
        self.enter();
        output.truncate(course.begin);
        self.tally.error("ERR");
        Reply::new(output, session.protocol).error(&INTERNAL_ERROR);
        course.executed += 1;
        course.before = (self.engine.ticks)();
        if session.replies != Replies::On {
            silence(session, output, course.begin);
        }
    }

    /// Starts to fetch the bucket of the key of a call that is to be executed later in the round, if it has one key; gives its hash.
    pub fn prefetch_bucket(&mut self, session: &Session, words: Words<'_>) -> Option<KeyHash> {
        let callable = self.engine.commands.find_call(words).ok()?;
        let hash = self.engine.keyspace.hash(words.get(only_key(callable)?)?);
        let Gate::Inside(inside) = &mut self.gate else { return None };
        self.engine.keyspace.prefetch_bucket(inside, session.database, hash);
        Some(hash)
    }

    /// Starts to fetch what a bucket fetched before holds for a key.
    pub fn prefetch_entry(&mut self, session: &Session, hash: KeyHash) {
        if let Gate::Inside(inside) = &mut self.gate {
            self.engine.keyspace.prefetch_entry(inside, session.database, hash);
        }
    }

    /// Looks up the commands of the next calls, and starts to fetch what they will look at.
    fn prepare(
        &mut self,
        session: &Session,
        batch: &Batch,
        input: &[u8],
        range: std::ops::Range<usize>,
    ) {
        self.prepared.clear();
        self.hashes.clear();
        let keyspace = &self.engine.keyspace;
        let first = range.start;
        // Calls that follow each other are often of the same command.
        let mut last: Option<(&[u8], &'e Callable)> = None;
        let mut seeks = false;
        for index in range {
            let name = batch.word(index, 0, input).unwrap_or_default();
            let callable = match last {
                Some((known, callable)) if is_same_name(known, name) => Some(callable),
                _ => {
                    let found = self.engine.commands.find_call(batch.words(index, input)).ok();
                    seeks |= found.is_some_and(|it| it.command.sought != Sought::Nothing);
                    last = found.filter(|it| it.is_named_alone()).map(|found| (name, found));
                    found
                }
            };
            let position = callable.and_then(only_key);
            let key = position.and_then(|position| batch.word(index, position, input));
            let hash = key.map(|key| keyspace.hash(key));
            self.prepared.push(Prepared { callable, hash });
            if let Some(hash) = hash.filter(|hash| self.hashes.last() != Some(hash)) {
                self.hashes.push(hash);
            }
        }
        if self.prepared.len() < 2 {
            return;
        }
        let Gate::Inside(inside) = &mut self.gate else { return };
        for &hash in &self.hashes {
            keyspace.prefetch_bucket(inside, session.database, hash);
        }
        for &hash in &self.hashes {
            keyspace.prefetch_entry(inside, session.database, hash);
        }
        if seeks && self.hashes.len() + ELEMENTS_AHEAD <= self.prepared.len() {
            self.prepare_elements(session, batch, input, first);
        }
    }

    /// Where several of the prepared calls in a row look into the value of one key, starts to fetch what they will look at.
    fn prepare_elements(&mut self, session: &Session, batch: &Batch, input: &[u8], first: usize) {
        let Gate::Inside(inside) = &mut self.gate else { return };
        let mut index = first;
        for run in self.prepared.chunk_by(|one, next| one.hash == next.hash) {
            let begin = index;
            index += run.len();
            let Some(hash) = run[0].hash.filter(|_| ELEMENTS_AHEAD <= run.len()) else { continue };
            let sought =
                |prepared: &Prepared<'_>| prepared.callable.map(|found| found.command.sought);
            if run.iter().all(|call| matches!(sought(call), None | Some(Sought::Nothing))) {
                continue;
            }
            let with_places = run.iter().any(|call| matches!(sought(call), Some(Sought::Place(_))));
            let elements =
                run.iter().zip(begin..).filter_map(|(call, index)| match sought(call)? {
                    Sought::Element(position) | Sought::Place(position) => {
                        batch.words(index, input).get(position)
                    }
                    Sought::Nothing => None,
                });
            self.engine.keyspace.look_ahead(inside, session.database, hash, |object| {
                object.look_ahead(elements.clone(), with_places);
            });
        }
    }

    /// Goes through the gate, if it isn't inside yet; unless a script that runs for long keeps it closed.
    pub(crate) fn enter(&mut self) {
        self.gate = match std::mem::replace(&mut self.gate, Gate::Passing) {
            Gate::Outside(key) => {
                let engine = self.engine;
                match engine.keyspace.gates().enter_unless(key, || engine.is_busy()) {
                    Ok(inside) => Gate::Inside(inside),
                    Err(key) => Gate::Outside(key),
                }
            }
            other @ (Gate::Inside(_) | Gate::Passing) => other,
        };
    }

    /// Comes out of the gate, if it is inside.
    pub(crate) fn leave(&mut self) {
        self.gate = match std::mem::replace(&mut self.gate, Gate::Passing) {
            Gate::Inside(inside) => Gate::Outside(inside.leave()),
            other @ (Gate::Outside(_) | Gate::Passing) => other,
        };
    }

    /// Whether a call with these properties waits for a pause to end.
    #[inline]
    pub(crate) fn is_paused(
        &self,
        session: &Session,
        callable: &Callable,
        words: Words<'_>,
    ) -> bool {
        match self.engine.pause.kind(self.round.now_ms) {
            None => false,
            Some(PauseKind::All) => true,
            Some(PauseKind::Writes) => self.may_write(session, callable, words),
        }
    }
}

/// Takes back the reply to a call that the client does not want.
pub(crate) fn silence(session: &mut Session, output: &mut Output, begin: Mark) {
    match session.replies {
        Replies::On => {}
        Replies::Off => output.truncate(begin),
        // What says so is not answered itself.
        Replies::SkipNext => {
            session.replies = Replies::SkipThis;
        }
        Replies::SkipThis => {
            output.truncate(begin);
            session.replies = Replies::On;
        }
    }
}

pub(crate) fn access_policy(config: &Config) -> AccessPolicy {
    use config::memory::EvictionPolicy;
    match config.memory.policy {
        EvictionPolicy::VolatileLfu | EvictionPolicy::AllKeysLfu => AccessPolicy::Lfu {
            log_factor: config.memory.lfu_log_factor,
            decay_minutes: config.memory.lfu_decay_time_min,
        },
        EvictionPolicy::VolatileLru
        | EvictionPolicy::AllKeysLru
        | EvictionPolicy::VolatileRandom
        | EvictionPolicy::AllKeysRandom
        | EvictionPolicy::VolatileTtl
        | EvictionPolicy::NoEviction => AccessPolicy::Lru,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicBool, Ordering};

    use config::Config;

    use super::{Time, Worker};
    use crate::host::Alone;
    use crate::{Engine, PauseKind};

    /// Whoever closes the gates in the middle of a worker's round does so between two connections, and the worker sees what
    /// was done meanwhile.
    #[test]
    fn others_can_close_the_gates_in_a_long_round() {
        let (engine, mut keys) = Engine::new(2, Config::new(2), Box::new(Alone), || 0);
        let mut worker = Worker::new(&engine, 0, keys.remove(0), 1);
        worker.begin_round(Time { unix_us: 1_000_000 });
        let closed = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let gates = engine.keyspace.gates().close();
                engine.pause.begin(PauseKind::All, 5000, 1000);
                let changed = engine.configure(|config| -> Result<(), Infallible> {
                    config.memory.samples = 7;
                    Ok(())
                });
                assert!(changed.is_ok(), "nothing is wrong with it");
                drop(gates);
                closed.store(true, Ordering::Release);
            });
            while !closed.load(Ordering::Acquire) {
                assert_eq!(worker.now_ms(), 1000, "the round goes on");
                worker.make_way();
            }
        });
        worker.make_way();
        assert_eq!(worker.round.expiry, keyspace::ExpiryMode::Hide);
        assert_eq!(worker.config.memory.samples, 7);
        worker.end_round();
    }
}
