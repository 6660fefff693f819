//! One call, from its words to its effects.
//!
//! In order: the command is looked up and its arity checked; the client must be allowed to call it; room is made if a memory
//! limit asks for it; the shards of the keys are locked; the handler runs; its effects are recorded; the shards are unlocked.

use std::sync::atomic::Ordering::Relaxed;

use command::{Arguments, CommandId, Flags, Group, KeyLayout};
use keyspace::{Round, View};
use resp::{Output, Protocol, Reply, ReplyError, Words};
use smallvec::SmallVec;

use crate::acl::{Context, Denied};
use crate::audit::Audit;
use crate::blocking::{self, Served};
use crate::call::{Call, Next, Occasion};
use crate::command_table::{Callable, Handler, Outcome, Run, only_key};
use crate::cross_protocol::is_http;
use crate::effects::Effects;
use crate::memory_limit::Room;
use crate::monitor;
use crate::pubsub::Delivery;
use crate::reactions::{self, publish, publish_incidents};
use crate::scripts;
use crate::session::Session;
use crate::statistics::Fate;
use crate::worker::{Gate, Prepared, Worker};

/// What became of a call.
pub(crate) struct Executed {
    pub(crate) next: Next,
    /// For the statistics: the command's id, and how it went. None if there is no such command.
    pub(crate) fate: Option<(CommandId, Fate)>,
}

impl Executed {
    const POSTPONED: Executed = Executed { next: Next::Postpone, fate: None };
    const YIELDING: Executed = Executed { next: Next::Yield, fate: None };
}

impl<'e> Worker<'e> {
    /// Executes a call: any call. Most go [straight](Worker::execute_straight) instead.
    #[inline(never)]
    pub(crate) fn execute(
        &mut self,
        session: &mut Session,
        words: Words<'_>,
        prepared: Prepared<'e>,
        output: &mut Output,
    ) -> Executed {
        let Some(callable) = prepared.callable else {
            if is_http(words) {
                return self.cut_off(session);
            }
            let error = self.engine.commands.find_call(words).err().unwrap_or(ReplyError::Syntax);
            self.refuse(session, words, None, &error, output);
            return Executed { next: Next::Continue, fate: None };
        };
        let rejected = Executed { next: Next::Continue, fate: Some((callable.id, Fate::Rejected)) };
        if let Err(error) = self.admit(session, callable, words) {
            self.refuse(session, words, Some(callable), &error, output);
            return rejected;
        }
        if self.is_barred() && !callable.flags.has(Flags::ALLOW_BUSY) {
            return self.refuse_busy(session, callable, words, output);
        }
        if self.is_paused(session, callable, words) {
            return Executed::POSTPONED;
        }
        if callable.flags.has_any(Flags::PUBLISHES.and(Flags::WRITE))
            && self.engine.pubsub.is_crowded()
            && (callable.flags.has(Flags::PUBLISHES) || self.engine.interest.any())
        {
            // Those who deliver have to catch up first.
            return Executed::YIELDING;
        }
        let limited =
            0 < self.config.memory.limit_bytes && !self.is_barred() && !self.leaves_eviction();
        let room = if limited { self.make_room_for(session, output) } else { Room::Enough };
        session.room = room;
        if room == Room::Lacking
            && self.flags_of_call(session, callable, words).has(Flags::DENY_OOM)
        {
            self.refuse(session, words, Some(callable), &ReplyError::OutOfMemory, output);
            return rejected;
        }
        if self.engine.saving.is_crowded() && self.may_write(session, callable, words) {
            // What is gathered for a snapshot has to be written first.
            return Executed::YIELDING;
        }
        if let Some(error) = self.refusal(session, callable, words) {
            self.refuse(session, words, Some(callable), &error, output);
            return rejected;
        }
        if session.is_in_transaction() && !callable.flags.has(Flags::UNQUEUED) {
            return self.queue(session, callable, words, output);
        }
        let Some(handler) = callable.run else {
            // A container without a subcommand, which its arity does not admit.
            self.refuse(session, words, Some(callable), &ReplyError::Syntax, output);
            return rejected;
        };
        if self.is_barred() {
            return self.execute_bare(session, callable, handler, words, output);
        }
        match handler.for_call(words) {
            Handler::Keys(run) | Handler::KeysOrEverything { run, .. } => {
                self.with_keys(session, callable, run, words, prepared, output)
            }
            Handler::Roaming(run) => self.roaming(session, callable, run, words, output),
            Handler::Everything(run) => self.with_everything(session, callable, run, words, output),
            Handler::Queued(run) => self.with_queued(session, callable, run, words, output),
            Handler::Watched(run) => self.with_watched(session, callable, run, words, output),
        }
    }

    /// Makes room; what the client is told of what had to go comes before the reply to the call that needs it.
    fn make_room_for(&mut self, session: &mut Session, output: &mut Output) -> Room {
        let room = self.make_room();
        if session.tracks() && session.wants_replies() {
            self.absorb(session, output);
        }
        room
    }

    /// Whether the client may make this call.
    #[inline]
    fn admit(
        &self,
        session: &mut Session,
        callable: &Callable,
        words: Words<'_>,
    ) -> Result<(), ReplyError> {
        if !callable.admits(words.len()) {
            return Err(ReplyError::WrongArity(callable.name()));
        }
        if callable.flags.has(Flags::PROTECTED) {
            self.admit_protected(session, callable)?;
        }
        if !session.authenticated
            && !callable.flags.has(Flags::NO_AUTH)
            && self.engine.asks_password()
        {
            return Err(ReplyError::coded("NOAUTH Authentication required."));
        }
        if callable.flags.has(Flags::NO_MULTI) && session.is_in_transaction() {
            return Err(ReplyError::message("Command not allowed inside a transaction"));
        }
        if let Err(denied) = self.engine.check_rights(session, callable, words) {
            return Err(self.deny(session, denied, callable, words));
        }
        if session.is_subscriber()
            && session.protocol == Protocol::Resp2
            && !callable.flags.has(Flags::WHILE_SUBSCRIBED)
        {
            return Err(ReplyError::Message(
                format!(
                    "Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                     this context",
                    callable.name()
                )
                .into(),
            ));
        }
        Ok(())
    }

    /// What a client is told that may not make a call.
    #[cold]
    fn deny(
        &self,
        session: &Session,
        denied: Denied,
        callable: &Callable,
        words: Words<'_>,
    ) -> ReplyError {
        let context =
            if session.is_in_transaction() { Context::Transaction } else { Context::Client };
        let about = (denied, context);
        self.engine.note_denied(&self.config, self.round.now_ms, session, about, callable, words);
        let text = denied.text(session.user_name(), callable);
        ReplyError::quoting([b"NOPERM ", &*text].concat())
    }

    /// Whether the configuration lets this client call a command that could harm the server.
    #[cold]
    fn admit_protected(&self, session: &Session, callable: &Callable) -> Result<(), ReplyError> {
        let security = &self.config.security;
        let (name, directive, permission) = match callable.name().split('|').next() {
            Some("module") => ("MODULE", "enable-module-command", security.module_command),
            _ => ("DEBUG", "enable-debug-command", security.debug_command),
        };
        if permission.allows(session.record.peer.is_local()) {
            return Ok(());
        }
        Err(ReplyError::Message(
            format!(
                "{name} command not allowed. If the {directive} option is set to \"local\", you can run it from a local \
                 connection, otherwise you need to set this option in the configuration file, and then restart the server."
            )
            .into(),
        ))
    }

    fn refuse(
        &mut self,
        session: &mut Session,
        words: Words<'_>,
        callable: Option<&Callable>,
        error: &ReplyError,
        output: &mut Output,
    ) {
        let is_exec =
            callable.is_some_and(|callable| matches!(callable.run, Some(Handler::Queued(_))));
        if is_exec {
            self.abort(session, words, error, output);
            return;
        }
        session.break_transaction();
        self.tally.error(&error.code());
        Reply::new(output, session.protocol).error(error);
    }

    /// Refuses to run a transaction, which ends it.
    #[cold]
    fn abort(
        &mut self,
        session: &mut Session,
        words: Words<'_>,
        error: &ReplyError,
        output: &mut Output,
    ) {
        if self.engine.pubsub.is_monitored() {
            // It is shown, unlike other calls that are refused: something ends with it.
            monitor::show(self.engine, self.index, self.now_us, session, words);
        }
        if self.is_barred() {
            // That takes shards which a script has.
            session.is_to_unwatch = true;
        } else {
            self.forget_watches(session);
        }
        if let Some(transaction) = &mut session.transaction {
            transaction.close();
            session.note_transaction();
        }
        let mut line = b"EXECABORT Transaction discarded because of: ".to_vec();
        let mut cause = Vec::new();
        error.write_to(&mut cause);
        // Texts without a code of their own are told without `ERR`, too.
        line.extend_from_slice(cause.strip_prefix(b"ERR ").unwrap_or(&cause));
        let error = ReplyError::quoting(line);
        self.tally.error(&error.code());
        Reply::new(output, session.protocol).error(&error);
    }

    /// Queues a call until EXEC.
    fn queue(
        &self,
        session: &mut Session,
        callable: &'e Callable,
        words: Words<'_>,
        output: &mut Output,
    ) -> Executed {
        let flags = self.flags_of_call(session, callable, words);
        session.queue(callable, flags, words, &self.engine.keyspace);
        Reply::new(output, session.protocol).simple("QUEUED");
        Executed { next: Next::Continue, fate: None }
    }

    /// The worker as a call uses it, in parts that can be borrowed beside each other.
    #[inline]
    pub(crate) fn split(&mut self) -> (&mut Gate<'e>, &mut Round, Parts<'_>) {
        let parts = Parts {
            engine: self.engine,
            config: &self.config,
            now_us: self.now_us,
            tally: &mut self.tally,
            statistics: &self.engine.statistics[self.index],
            served: &mut self.served,
            worker: self.index,
            delivery: &mut self.delivery,
            is_awaited: false,
        };
        (&mut self.gate, &mut self.round, parts)
    }

    fn with_keys(
        &mut self,
        session: &mut Session,
        callable: &'e Callable,
        run: Run,
        words: Words<'_>,
        prepared: Prepared<'e>,
        output: &mut Output,
    ) -> Executed {
        self.round.touch = !session.no_touch;
        let (gate, round, mut parts) = self.split();
        let Gate::Inside(inside) = gate else { unreachable!("calls run in rounds") };
        let mut view = parts.engine.keyspace.view(inside, session.database, round);
        match (prepared.hash, only_key(callable).and_then(|position| words.get(position))) {
            (Some(hash), Some(key)) => view.lock_one(key, hash),
            _ if callable.layout == KeyLayout::None => {}
            _ => lock_keys(&mut view, callable, words),
        }
        // Asked before the view moves: then what was just written is read where it lies.
        parts.is_awaited = view.has_waiters();
        if parts.is_awaited
            && callable.flags.has(Flags::WRITE)
            && blocking::asks_for_more(&mut view, callable, words)
        {
            drop(view);
            return self.with_everything(session, callable, run, words, output);
        }
        parts.call(session, callable, run, words, view, output)
    }

    fn roaming(
        &mut self,
        session: &mut Session,
        callable: &'e Callable,
        run: Run,
        words: Words<'_>,
        output: &mut Output,
    ) -> Executed {
        self.round.touch = false;
        let (gate, round, mut parts) = self.split();
        let Gate::Inside(inside) = gate else { unreachable!("calls run in rounds") };
        let mut view = parts.engine.keyspace.view(inside, session.database, round);
        view.roam();
        parts.is_awaited = view.has_waiters();
        parts.call(session, callable, run, words, view, output)
    }

    /// Tells a client that a script runs for long.
    #[cold]
    fn refuse_busy(
        &mut self,
        session: &mut Session,
        callable: &Callable,
        words: Words<'_>,
        output: &mut Output,
    ) -> Executed {
        match self.engine.busy_error() {
            Some(error) => {
                self.refuse(session, words, Some(callable), &error, output);
                Executed { next: Next::Continue, fate: Some((callable.id, Fate::Rejected)) }
            }
            // It has just ended.
            None => Executed::YIELDING,
        }
    }

    /// Executes a call while a script runs for long: one that reaches no key, and has nothing to do with keys that its client
    /// watches or with what it receives. Others wait until the script has ended: in Redis they are executed meanwhile, which
    /// takes shards that are locked here; to refuse them would have transactions run that do not know what was changed.
    #[cold]
    fn execute_bare(
        &mut self,
        session: &mut Session,
        callable: &'e Callable,
        handler: Handler,
        words: Words<'_>,
        output: &mut Output,
    ) -> Executed {
        let is_bare = match handler {
            Handler::Keys(_) | Handler::KeysOrEverything { .. } => {
                callable.layout == KeyLayout::None
            }
            Handler::Watched(_) => {
                let receives = self.is_stand_in() && session.receives();
                !session.watches() && !receives
            }
            Handler::Roaming(_) | Handler::Everything(_) | Handler::Queued(_) => false,
        };
        if !is_bare {
            return Executed::POSTPONED;
        }
        let (_, round, parts) = self.split();
        let view = parts.engine.keyspace.bare_view(session.database, round);
        parts.call(session, callable, handler.run(), words, view, output)
    }

    /// Runs what ends the watching of keys.
    fn with_watched(
        &mut self,
        session: &mut Session,
        callable: &'e Callable,
        run: Run,
        words: Words<'_>,
        output: &mut Output,
    ) -> Executed {
        let (gate, round, mut parts) = self.split();
        let Gate::Inside(inside) = gate else { unreachable!("calls run in rounds") };
        let mut view = parts.engine.keyspace.view(inside, session.database, round);
        if let Some(transaction) = &session.transaction {
            view.lock_hashes(transaction.watched_hashes());
        }
        parts.is_awaited = view.has_waiters();
        parts.call(session, callable, run, words, view, output)
    }

    /// Takes leave of a client that is gone: nothing here knows it any more.
    pub fn forget(&mut self, session: &mut Session) {
        self.abandon_wait(session);
        self.forget_watches(session);
        session.forget_tracking(self.engine);
        self.delivery.withdraw(&self.engine.pubsub, session, &mut Output::new());
    }

    pub(crate) fn forget_watches(&mut self, session: &mut Session) {
        if !session.watches() {
            return;
        }
        let Gate::Inside(inside) = &mut self.gate else { return };
        let mut view = self.engine.keyspace.view(inside, session.database, &mut self.round);
        if let Some(transaction) = &session.transaction {
            view.lock_hashes(transaction.watched_hashes());
        }
        session.unwatch(self.engine, &mut view);
    }

    /// Runs what runs a transaction: with the shards of all that it may reach, locked together.
    fn with_queued(
        &mut self,
        session: &mut Session,
        callable: &'e Callable,
        run: Run,
        words: Words<'_>,
        output: &mut Output,
    ) -> Executed {
        let Some(transaction) = &session.transaction else {
            return self.with_keys(session, callable, run, words, Prepared::NOTHING, output);
        };
        if transaction.needs_everything() {
            return self.with_everything(session, callable, run, words, output);
        }
        self.round.touch = !session.no_touch;
        let (gate, round, mut parts) = self.split();
        let Gate::Inside(inside) = gate else { unreachable!("calls run in rounds") };
        let mut view = parts.engine.keyspace.view(inside, session.database, round);
        view.lock_hashes(transaction.hashes());
        parts.is_awaited = view.has_waiters();
        if parts.is_awaited && view.holds_waiters_with_more() {
            drop(view);
            return self.with_everything(session, callable, run, words, output);
        }
        parts.call(session, callable, run, words, view, output)
    }

    fn with_everything(
        &mut self,
        session: &mut Session,
        callable: &'e Callable,
        run: Run,
        words: Words<'_>,
        output: &mut Output,
    ) -> Executed {
        if self.engine.keyspace.gates().is_single() {
            return self.with_everything_inside(session, callable, run, words, output);
        }
        self.leave();
        let engine = self.engine;
        let Some(mut closed) = engine.keyspace.gates().close_unless(|| engine.is_busy()) else {
            return self.refuse_busy(session, callable, words, output);
        };
        // Others had all for themselves while the gates were waited for: loading may have begun, of which nobody is to see a part.
        if let Some(error) = self.refusal(session, callable, words) {
            drop(closed);
            self.enter();
            self.refuse(session, words, Some(callable), &error, output);
            return Executed { next: Next::Continue, fate: Some((callable.id, Fate::Rejected)) };
        }
        self.round.touch = !session.no_touch;
        let (_, round, mut parts) = self.split();
        let mut view = parts.engine.keyspace.view(&mut closed, session.database, round);
        view.lock_all();
        parts.is_awaited = view.has_waiters();
        let mut executed = parts.call(session, callable, run, words, view, output);
        drop(closed);
        self.enter();
        if session.record.killed.load(Relaxed) {
            // Before it came to its turn.
            executed.next = Next::Close;
        }
        executed
    }
}

impl Worker<'_> {
    /// The same where there is no other worker: inside of the only gate everything is at rest.
    fn with_everything_inside(
        &mut self,
        session: &mut Session,
        callable: &Callable,
        run: Run,
        words: Words<'_>,
        output: &mut Output,
    ) -> Executed {
        self.round.touch = !session.no_touch;
        let (gate, round, mut parts) = self.split();
        let Gate::Inside(inside) = gate else { unreachable!("calls run in rounds") };
        let mut view = parts.engine.keyspace.view(inside, session.database, round);
        view.lock_all();
        parts.is_awaited = view.has_waiters();
        parts.call(session, callable, run, words, view, output)
    }
}

impl Worker<'_> {
    /// What a call is like: EXEC is like the calls that it runs, a script or a function like what it says of itself.
    #[inline]
    pub(crate) fn flags_of_call(
        &self,
        session: &Session,
        callable: &Callable,
        words: Words<'_>,
    ) -> Flags {
        match (callable.run, &session.transaction) {
            (Some(Handler::Queued(_)), Some(transaction)) => transaction.flags_of_exec(callable),
            _ if is_script(callable) => scripts::flags_of_call(self.engine, callable, words),
            _ => callable.flags,
        }
    }

    /// Whether a call may write, be it by a script.
    pub(crate) fn may_write(
        &self,
        session: &Session,
        callable: &Callable,
        words: Words<'_>,
    ) -> bool {
        let flags = self.flags_of_call(session, callable, words);
        flags.has_any(Flags::WRITE.and(Flags::MAY_REPLICATE))
    }
}

/// Locks the shards of a call with several keys, or with keys that its words have to be searched for.
fn lock_keys<'a>(view: &mut View<'a>, callable: &Callable, words: Words<'a>) {
    /// What such calls usually have; more go to the heap.
    const FEW: usize = 32;
    let mut keys: SmallVec<[&[u8]; FEW]> = SmallVec::new();
    callable.command.for_each_key(callable.layout, words, |key| keys.push(key));
    view.lock_several(keys.into_iter());
}

/// What a call needs of its worker beside the view.
pub(crate) struct Parts<'a> {
    pub(crate) engine: &'a crate::Engine,
    pub(crate) config: &'a config::Config,
    pub(crate) now_us: i64,
    pub(crate) tally: &'a mut crate::statistics::Tally,
    pub(crate) statistics: &'a crate::statistics::WorkerStatistics,
    pub(crate) worker: usize,
    pub(crate) delivery: &'a mut Delivery,
    pub(crate) served: &'a mut Vec<Served>,
    /// Whether somebody waits for a key in the shards of the call.
    pub(crate) is_awaited: bool,
}

impl<'a> Parts<'a> {
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "else the view, which is large, is copied for every call"
    )]
    pub(crate) fn call(
        self,
        session: &'a mut Session,
        callable: &'a Callable,
        run: Run,
        words: Words<'a>,
        view: View<'a>,
        output: &'a mut Output,
    ) -> Executed {
        let occasion = Occasion::Asked;
        let mut call = self.begin(session, callable, words, view, output, occasion);
        let fate = perform(&mut call, run);
        record(&mut call);
        if call.effects.has_touched() && call.keys.has_waiters() {
            blocking::serve_waiters(&mut call);
        }
        let fate = (call.next != Next::Block).then_some((callable.id, fate));
        Executed { next: call.next, fate }
    }

    /// A call that is to be performed.
    #[inline]
    pub(crate) fn begin(
        self,
        session: &'a mut Session,
        callable: &'a Callable,
        words: Words<'a>,
        view: View<'a>,
        output: &'a mut Output,
        occasion: Occasion,
    ) -> Call<'a> {
        let interested = self.engine.interest.look();
        let attentive = interested.wants_notes() || self.is_awaited;
        Call {
            arguments: Arguments::new(words.skip(callable.name_words())),
            words,
            keys: view,
            is_awaited: self.is_awaited,
            reply: Reply::new(output, session.protocol),
            session,
            engine: self.engine,
            config: self.config,
            callable,
            now_us: self.now_us,
            next: Next::Continue,
            occasion,
            effects: Effects::new(attentive, interested.tracks()),
            tally: self.tally,
            statistics: self.statistics,
            worker: self.worker,
            delivery: self.delivery,
            recording: self.engine.effects.is_listening(),
            served: self.served,
        }
    }

    /// The same, for a while.
    pub(crate) fn reborrow(&mut self) -> Parts<'_> {
        Parts { tally: self.tally, delivery: self.delivery, served: self.served, ..*self }
    }
}

/// Records the effects of a call that was performed, while its shards are locked.
#[inline(always)]
#[expect(clippy::inline_always, reason = "for most calls it is one comparison")]
pub(crate) fn record(call: &mut Call<'_>) {
    call.tally.changes += call.effects.changes;
    if call.recording && call.effects.has_recorded() {
        record_effects(call);
    }
}

#[inline(never)]
fn record_effects(call: &mut Call<'_>) {
    if !call.is_awaited && call.tally.gathered.take(&mut call.effects, call.words) {
        return;
    }
    record_gathered(call.engine, call.tally);
    let recorded = call.engine.effects.append_call(&mut call.effects, call.words);
    call.tally.note_recorded(recorded);
    // WAIT may follow in the same batch.
    call.session.recorded_to = recorded.file.unwrap_or(call.session.recorded_to);
    call.session.replicated_to = recorded.replicas.unwrap_or(call.session.replicated_to);
}

/// Records the calls that were put aside, before others are.
#[inline]
pub(crate) fn record_gathered(engine: &crate::Engine, tally: &mut crate::statistics::Tally) {
    if !tally.gathered.is_empty() {
        let recorded = engine.effects.append_gathered(&mut tally.gathered);
        tally.note_recorded(recorded);
    }
}

impl Call<'_> {
    /// Runs another call in the middle of this one, in the part of the keyspace that this one has locked; the client is the
    /// same. Its effects become effects of this call. Without an output of its own it replies where this one does.
    ///
    /// Whether the client may make the call, and whether this one has locked its keys, is the caller's to know.
    pub(crate) fn run_within(
        &mut self,
        callable: &Callable,
        handler: Handler,
        words: Words<'_>,
        output: Option<&mut Output>,
    ) -> (Fate, Next) {
        let mut keys = self.keys.lend();
        keys.select(self.session.database);
        keys.round.touch = !self.session.no_touch && !matches!(handler, Handler::Roaming(_));
        keys.round.donated.clear();
        keys.round.donated.extend_from_slice(words.supplied());
        if let Some(key) = only_key(callable).and_then(|position| words.get(position)) {
            let hash = self.engine.keyspace.hash(key);
            keys.expect(key, hash);
        }
        let protocol = self.session.protocol;
        // Nobody begins to wait in the middle of a call.
        let is_awaited = self.is_awaited;
        let interested = self.engine.interest.look();
        let attentive = interested.wants_notes() || is_awaited;
        let mut call = Call {
            arguments: Arguments::new(words.skip(callable.name_words())),
            words,
            keys,
            is_awaited,
            reply: Reply::new(output.unwrap_or_else(|| self.reply.output()), protocol),
            session: self.session,
            engine: self.engine,
            config: self.config,
            callable,
            now_us: self.now_us,
            next: Next::Continue,
            occasion: Occasion::Within,
            effects: Effects::new(attentive, interested.tracks()),
            tally: self.tally,
            statistics: self.statistics,
            worker: self.worker,
            delivery: self.delivery,
            recording: self.recording,
            served: self.served,
        };
        let fate = perform(&mut call, handler.run());
        let Call { mut effects, next, .. } = call;
        self.effects.absorb(&mut effects);
        (fate, next)
    }
}

/// Runs the handler of a call, replies if it ends with an error, and tells whom it concerns. Its effects are complete then,
/// and wait to be appended to the stream.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is small, but for what seldom happens")]
pub(crate) fn perform(call: &mut Call<'_>, run: Run) -> Fate {
    let database = call.session.database;
    let begin = call.reply.output().mark();
    call.keys.round.noting = reactions::noting(call.engine, call.config, call.is_awaited);
    let is_monitored = call.engine.pubsub.is_monitored();
    if is_monitored && is_script(call.callable) {
        // Before the calls that it makes.
        monitor::show(call.engine, call.worker, call.now_us, call.session, call.words);
    }
    let audit = Audit::begin(call.callable, call.words, &mut call.keys);
    call.tally.begin_call();
    let outcome = run(call);
    audit.end(call, database, outcome.is_ok());
    let fate = conclude(call, outcome, begin);
    if is_monitored && !call.callable.flags.has_any(Flags::ADMIN.and(Flags::SKIP_MONITOR)) {
        monitor::show(call.engine, call.worker, call.now_us, call.session, call.words);
    }
    if !call.keys.is_quiet() {
        publish_incidents(call, database);
    } else if !call.effects.is_empty() {
        publish(call, database);
    }
    if call.session.tracks() {
        // After others were told what the call itself has removed: that is not what it was answered.
        call.remember_keys();
    }
    fate
}

/// Whether a command runs a script or a function.
fn is_script(callable: &Callable) -> bool {
    callable.command.group == Group::Scripting && callable.flags.has(Flags::SKIP_MONITOR)
}

/// Replies to a call that ended with an error. One that replied with an error to somebody has failed as well.
#[inline]
fn conclude(call: &mut Call<'_>, outcome: Outcome, begin: resp::Mark) -> Fate {
    if let Err(error) = outcome {
        call.reply.output().truncate(begin);
        call.tally.error(&error.code());
        call.reply.error(&error);
    }
    if call.tally.end_call() { Fate::Failed } else { Fate::Done }
}
