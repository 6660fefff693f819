//! What a script that runs can reach: the commands, on behalf of the client that runs it.

use command::Flags;
use resp::{Output, Protocol, Reply, ReplyError, Words};
use scripting::{Host, LogLevel, Progress, Replication};

use crate::Call;
use crate::acl::{Context, Denied};
use crate::busy::Continuation;
use crate::command_table::{Callable, Handler};
use crate::replication;
use crate::saving::CANNOT_SAVE;
use crate::statistics::Fate;

/// A script that runs.
pub(super) struct Running<'r, 'c> {
    call: &'r mut Call<'c>,
    /// What it is called.
    name: &'r str,
    rules: Rules,
    /// It has made a call that writes: then it is let to the end of what it does.
    has_written: bool,
    /// Its effects are recorded.
    is_replicated: bool,
}

/// What a script may not do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// It may not write.
    pub(super) reads_only: bool,
    /// It may not ask for more memory, unless it has written something before.
    pub(super) lacks_room: bool,
}

impl<'r, 'c> Running<'r, 'c> {
    pub(super) fn new(call: &'r mut Call<'c>, name: &'r str, rules: Rules) -> Running<'r, 'c> {
        call.session.script_began = (call.engine.ticks)();
        Running { call, name, rules, has_written: false, is_replicated: true }
    }

    /// Whether a script may make this call.
    fn admit(&mut self, callable: &Callable, words: Words<'_>) -> Result<(), ReplyError> {
        const WRONG_COUNT: ReplyError =
            ReplyError::message("Wrong number of args calling Redis command from script");
        const NOT_ALLOWED: ReplyError =
            ReplyError::message("This Redis command is not allowed from script");
        const STALE: ReplyError =
            ReplyError::message("Can not execute the command on a stale replica");
        const WRITES: ReplyError =
            ReplyError::message("Write commands are not allowed from read-only scripts.");
        if !callable.admits(words.len()) {
            return Err(WRONG_COUNT);
        }
        if callable.flags.has(Flags::NO_SCRIPT) {
            return Err(NOT_ALLOWED);
        }
        if !callable.flags.has(Flags::STALE)
            && !self.call.config.replication.serve_stale_data
            && self.call.engine.replication.is_stale()
        {
            return Err(STALE);
        }
        if let Err(denied) = self.call.engine.check_rights(self.call.session, callable, words) {
            return Err(self.deny(denied, callable, words));
        }
        if self.rules.reads_only && callable.flags.has(Flags::WRITE) {
            return Err(WRITES);
        }
        if callable.flags.has(Flags::WRITE)
            && self.call.config.replication.read_only
            && self.call.engine.replication.is_replica()
            && !self.call.session.obeyed
        {
            return Err(replication::READ_ONLY);
        }
        if callable.flags.has(Flags::WRITE)
            && self.call.engine.replication.lacks_replicas(self.call.config)
        {
            return Err(replication::NO_REPLICAS);
        }
        if callable.flags.has(Flags::WRITE) && self.call.engine.saving.refuses_writes() {
            return Err(CANNOT_SAVE);
        }
        if callable.flags.has(Flags::WRITE)
            && let Some(error) = self.call.engine.append_only.script_refusal()
        {
            return Err(error);
        }
        if self.rules.lacks_room && !self.has_written && callable.flags.has(Flags::DENY_OOM) {
            return Err(ReplyError::OutOfMemory);
        }
        self.has_written |= callable.flags.has(Flags::WRITE);
        Ok(())
    }

    /// The command of a call, and what runs it, if a script may make it. What is refused is counted.
    fn find(&mut self, words: Words<'_>) -> Result<(&'c Callable, Handler), ReplyError> {
        const UNKNOWN: ReplyError = ReplyError::message("Unknown Redis command called from script");
        let found = self.call.engine.commands.find_call(words).ok();
        let admitted = found.ok_or(UNKNOWN).and_then(|callable| {
            self.admit(callable, words)?;
            // A container without a subcommand is no call.
            Ok((callable, callable.run.ok_or(ReplyError::Syntax)?))
        });
        if let Err(error) = &admitted {
            let tally = &mut *self.call.tally;
            tally.error(&error.code());
            tally.end_call();
            if let Some(callable) = found {
                tally.call(callable.id, 0, Fate::Rejected);
            }
        }
        admitted
    }
}

impl Running<'_, '_> {
    /// What a script is told whose client may not make a call.
    #[cold]
    fn deny(&self, denied: Denied, callable: &Callable, words: Words<'_>) -> ReplyError {
        let call = &self.call;
        let about = (denied, Context::Script);
        call.engine.note_denied(call.config, call.now_ms(), call.session, about, callable, words);
        let text = denied.text(call.session.user_name(), callable);
        ReplyError::quoting([b"ERR ACL failure in script: ", &*text].concat())
    }
}

impl Host for Running<'_, '_> {
    fn call(&mut self, words: Words<'_>, reply: &mut Output) {
        let (callable, handler) = match self.find(words) {
            Ok(found) => found,
            Err(error) => {
                Reply::new(reply, Protocol::Resp2).error(&error);
                return;
            }
        };
        if callable.flags.has(Flags::WRITE) && !self.call.engine.note_script_writes() {
            // It was killed, and is told so at its next step.
            reply.push(b"-ERR Script killed by user\r\n");
            return;
        }
        let recorded = self.call.effects.recorded();
        let before = (self.call.engine.ticks)();
        self.call.session.is_in_script = true;
        let (fate, _) = self.call.run_within(callable, handler, words, Some(reply));
        self.call.session.is_in_script = false;
        let elapsed_ns = (self.call.engine.ticks)().wrapping_sub(before);
        self.call.tally.call(callable.id, elapsed_ns, fate);
        if !self.is_replicated {
            self.call.effects.forget(recorded);
        }
    }

    fn set_protocol(&mut self, protocol: Protocol) {
        self.call.session.protocol = protocol;
    }

    fn set_replication(&mut self, replication: Replication) {
        // There is one stream for the file and the replicas.
        self.is_replicated = replication.append_only_file || replication.replicas;
    }

    fn may_call(&mut self, words: Words<'_>) -> Option<bool> {
        let callable = self.call.engine.commands.find_call(words).ok()?;
        let rights = self.call.engine.check_rights(self.call.session, callable, words);
        callable.admits(words.len()).then_some(rights.is_ok())
    }

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        crate::scripts::log(self.call.engine, level, message);
    }

    fn progress(&mut self) -> Progress {
        let threshold_ms = self.call.config.scripting.busy_reply_threshold_ms;
        match self.call.engine.continue_script(threshold_ms, self.name, self.call.words) {
            Continuation::GoOn => Progress::Continue,
            Continuation::End(why) => Progress::Stop(why),
        }
    }
}
