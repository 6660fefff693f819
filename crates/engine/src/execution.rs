//! One call, from its words to its effects.
//!
//! In order: the command is looked up and its arity checked; the client must be allowed to call it; room is made if a memory
//! limit asks for it; the shards of the keys are locked; the handler runs; its effects are recorded; the shards are unlocked.

use std::sync::atomic::Ordering::Relaxed;

use command::{Arguments, CommandId, Flags, KeyLayout};
use keyspace::{Round, View};
use resp::{Output, Reply, ReplyError, Words};
use smallvec::SmallVec;

use crate::audit::Audit;
use crate::call::{Call, Next};
use crate::command_table::{Callable, Handler, Outcome, Run, only_key};
use crate::cross_protocol::is_http;
use crate::effects::Effects;
use crate::memory_limit::Room;
use crate::reactions::react;
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
}

impl<'e> Worker<'e> {
    /// Executes a call.
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
            self.refuse(session, &error, output);
            return Executed { next: Next::Continue, fate: None };
        };
        let rejected = Executed { next: Next::Continue, fate: Some((callable.id, Fate::Rejected)) };
        if let Err(error) = self.admit(session, callable, words) {
            self.refuse(session, &error, output);
            return rejected;
        }
        if self.is_paused(callable) {
            return Executed::POSTPONED;
        }
        if 0 < self.config.memory.limit_bytes
            && self.make_room() == Room::Lacking
            && callable.flags.has(Flags::DENY_OOM)
        {
            self.refuse(session, &ReplyError::OutOfMemory, output);
            return rejected;
        }
        let Some(handler) = callable.run else {
            // A container without a subcommand, which its arity does not admit.
            self.refuse(session, &ReplyError::Syntax, output);
            return rejected;
        };
        match handler {
            Handler::Keys(run) => self.with_keys(session, callable, run, words, prepared, output),
            Handler::Roaming(run) => self.roaming(session, callable, run, words, output),
            Handler::Everything(run) => self.with_everything(session, callable, run, words, output),
        }
    }

    /// Whether the client may make this call.
    #[inline]
    fn admit(
        &self,
        session: &Session,
        callable: &Callable,
        words: Words<'_>,
    ) -> Result<(), ReplyError> {
        if !callable.admits(words.len()) {
            return Err(ReplyError::WrongArity(callable.name()));
        }
        if callable.flags.has(Flags::PROTECTED) {
            self.admit_protected(session, callable)?;
        }
        if !session.authenticated && !callable.flags.has(Flags::NO_AUTH) {
            return Err(ReplyError::coded("NOAUTH Authentication required."));
        }
        Ok(())
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

    fn refuse(&mut self, session: &Session, error: &ReplyError, output: &mut Output) {
        self.tally.error(&error.code());
        Reply::new(output, session.protocol).error(error);
    }

    /// The worker as a call uses it, in parts that can be borrowed beside each other.
    #[inline]
    fn split(&mut self) -> (&mut Gate<'e>, &mut Round, Parts<'_>) {
        let parts = Parts {
            engine: self.engine,
            config: &self.config,
            now_us: self.now_us,
            tally: &mut self.tally,
            statistics: &self.engine.statistics[self.index],
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
        let (gate, round, parts) = self.split();
        let Gate::Inside(inside) = gate else { unreachable!("calls run in rounds") };
        let mut view = parts.engine.keyspace.view(inside, session.database, round);
        match (prepared.hash, only_key(callable).and_then(|position| words.get(position))) {
            (Some(hash), Some(key)) => view.lock_one(key, hash),
            _ if callable.layout == KeyLayout::None => {}
            _ => lock_keys(&mut view, callable, words),
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
        let (gate, round, parts) = self.split();
        let Gate::Inside(inside) = gate else { unreachable!("calls run in rounds") };
        let mut view = parts.engine.keyspace.view(inside, session.database, round);
        view.roam();
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
        self.leave();
        let mut closed = self.engine.keyspace.gates().close();
        self.round.touch = !session.no_touch;
        let (_, round, parts) = self.split();
        let mut view = parts.engine.keyspace.view(&mut closed, session.database, round);
        view.lock_all();
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

/// Locks the shards of a call with several keys, or with keys that its words have to be searched for.
fn lock_keys<'a>(view: &mut View<'a>, callable: &Callable, words: Words<'a>) {
    /// What such calls usually have; more go to the heap.
    const FEW: usize = 32;
    let mut keys: SmallVec<[&[u8]; FEW]> = SmallVec::new();
    callable.command.for_each_key(callable.layout, words, |key| keys.push(key));
    view.lock_several(keys.into_iter());
}

/// What a call needs of its worker beside the view.
struct Parts<'a> {
    engine: &'a crate::Engine,
    config: &'a config::Config,
    now_us: i64,
    tally: &'a mut crate::statistics::Tally,
    statistics: &'a crate::statistics::WorkerStatistics,
}

impl<'a> Parts<'a> {
    #[inline]
    fn call(
        self,
        session: &'a mut Session,
        callable: &'a Callable,
        run: Run,
        words: Words<'a>,
        view: View<'a>,
        output: &'a mut Output,
    ) -> Executed {
        let protocol = session.protocol;
        let database = session.database;
        let mut call = Call {
            arguments: Arguments::new(words.skip(callable.name_words())),
            words,
            keys: view,
            reply: Reply::new(output, protocol),
            session,
            engine: self.engine,
            config: self.config,
            callable,
            now_us: self.now_us,
            next: Next::Continue,
            effects: Effects::new(&self.engine.interest),
            tally: self.tally,
            statistics: self.statistics,
            recording: self.engine.effects.is_listening(),
        };
        let begin = call.reply.output().mark();
        let audit = Audit::begin(callable, words, &mut call.keys);
        let outcome = run(&mut call);
        audit.end(&mut call, database, outcome.is_ok());
        let fate = conclude(&mut call, outcome, begin);
        if !call.effects.is_empty()
            || !call.keys.expired.is_empty()
            || !call.keys.expired_fields.is_empty()
            || !call.keys.garbage.is_empty()
        {
            publish(&mut call, database);
        }
        Executed { next: call.next, fate: Some((callable.id, fate)) }
    }
}

/// Replies to a call that ended with an error.
#[inline]
fn conclude(call: &mut Call<'_>, outcome: Outcome, begin: resp::Mark) -> Fate {
    match outcome {
        Ok(()) => Fate::Done,
        Err(error) => {
            call.reply.output().truncate(begin);
            call.tally.error(&error.code());
            call.reply.error(&error);
            Fate::Failed
        }
    }
}

/// Records the effects of a call, while its shards are locked.
fn publish(call: &mut Call<'_>, database: usize) {
    call.tally.changes += call.effects.changes;
    call.tally.expired += call.keys.expired.len() as u64;
    call.tally.note_expired_fields(&call.keys.expired_fields);
    call.effects.note_expired_fields(&call.keys.expired_fields);
    if call.recording {
        let removal: &[u8] = if call.config.memory.lazy_expire { b"UNLINK" } else { b"DEL" };
        let (expired, fields) = (&call.keys.expired, &call.keys.expired_fields);
        call.effects.finish(expired, fields, removal, database, call.words);
        call.engine.effects.append(&mut call.effects);
    }
    react(call);
    for garbage in call.keys.garbage.drain(..) {
        call.engine.host.reclaim(garbage);
    }
}
