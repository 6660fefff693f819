//! Running a script: EVAL, EVALSHA and the forms that write nothing.

use std::mem;

use command::argument::{Argument, integer, key, string};
use command::{Command as Declaration, Flags, Group, KeySpec};
use resp::{Protocol, ReplyError, Words};
use scripting::{ErrorReply, Failure, Flags as ScriptFlags, Interpreter, Replied, Script};

use super::running::{Rules, Running};
use crate::Call;
use crate::busy::Kind;
use crate::command_table::{Command, Handler, Outcome};
use crate::memory_limit::Room;
use crate::scripts::{Name, Scripts};

const COMPLEXITY: &str = "Depends on the script that is executed.";
const KEYS: &[KeySpec] = &[KeySpec::read_write(2).numbered().accesses().updates()];
const READ_KEYS: &[KeySpec] = &[KeySpec::read_only(2).numbered().accesses()];
const REST: [Argument; 3] =
    [integer("numkeys"), key("key").optional().multiple(), string("arg").optional().multiple()];
const BY_SOURCE: &[Argument] = &[string("script"), REST[0], REST[1], REST[2]];
const BY_NAME: &[Argument] = &[string("sha1"), REST[0], REST[1], REST[2]];
const FLAGS: Flags =
    Flags::NO_SCRIPT.and(Flags::STALE).and(Flags::SKIP_MONITOR).and(Flags::NO_MANDATORY_KEYS);

pub(super) static EVAL: Command = Declaration {
    summary: "Runs a script.",
    complexity: COMPLEXITY,
    flags: FLAGS.and(Flags::MAY_REPLICATE),
    keys: KEYS,
    arguments: BY_SOURCE,
    ..Declaration::new(
        "EVAL",
        Group::Scripting,
        "2.6.0",
        Handler::Everything(|call| by_source(call, false)),
    )
};

pub(super) static EVALSHA: Command = Declaration {
    summary: "Runs a script that is kept, by its name.",
    complexity: COMPLEXITY,
    flags: FLAGS.and(Flags::MAY_REPLICATE),
    keys: KEYS,
    arguments: BY_NAME,
    ..Declaration::new(
        "EVALSHA",
        Group::Scripting,
        "2.6.0",
        Handler::Everything(|call| by_name(call, false)),
    )
};

pub(super) static EVAL_RO: Command = Declaration {
    summary: "Runs a script that writes nothing.",
    complexity: COMPLEXITY,
    flags: FLAGS.and(Flags::READ_ONLY),
    keys: READ_KEYS,
    arguments: BY_SOURCE,
    ..Declaration::new(
        "EVAL_RO",
        Group::Scripting,
        "7.0.0",
        Handler::Everything(|call| by_source(call, true)),
    )
};

pub(super) static EVALSHA_RO: Command = Declaration {
    summary: "Runs a script that is kept and writes nothing, by its name.",
    complexity: COMPLEXITY,
    flags: FLAGS.and(Flags::READ_ONLY),
    keys: READ_KEYS,
    arguments: BY_NAME,
    ..Declaration::new(
        "EVALSHA_RO",
        Group::Scripting,
        "7.0.0",
        Handler::Everything(|call| by_name(call, true)),
    )
};

fn by_source(call: &mut Call<'_>, reads_only: bool) -> Outcome {
    let source = call.arguments.string()?;
    let given = Given::parse(call, ReplyError::NotInteger)?;
    let mut scripts = call.engine.scripts.lock();
    let name = scripts.prepare(source, false)?;
    run_cached(call, &mut scripts, &name, &given, reads_only)
}

fn by_name(call: &mut Call<'_>, reads_only: bool) -> Outcome {
    let name = Name::parse(call.arguments.string()?);
    let given = Given::parse(call, ReplyError::NotInteger)?;
    let mut scripts = call.engine.scripts.lock();
    let name = name.ok_or(NO_SCRIPT)?;
    run_cached(call, &mut scripts, &name, &given, reads_only)
}

fn run_cached(
    call: &mut Call<'_>,
    scripts: &mut Scripts,
    name: &Name,
    given: &Given<'_>,
    reads_only: bool,
) -> Outcome {
    let (interpreter, cached) = scripts.find(name).ok_or(NO_SCRIPT)?;
    let flags = cached.header.map(|header| header.flags);
    let subject =
        Subject { script: &cached.script, name: name.as_str(), flags, kind: Kind::Script };
    let outcome = run(call, interpreter, &subject, given, reads_only);
    scripts.note(&call.engine.script_figures);
    outcome
}

/// What a script is given.
pub(in crate::commands) struct Given<'a> {
    /// Its keys, and then its arguments.
    words: Words<'a>,
    keys: usize,
}

impl<'a> Given<'a> {
    /// The words behind the script, the first being how many of the others are keys; `bad_count` if that is no number.
    pub(in crate::commands) fn parse(
        call: &mut Call<'a>,
        bad_count: ReplyError,
    ) -> Result<Given<'a>, ReplyError> {
        let count = call.arguments.integer_or(bad_count)?;
        let words = call.words.skip(call.words.len() - call.arguments.len());
        let keys = usize::try_from(count).map_err(|_| NEGATIVE)?;
        if words.len() < keys {
            return Err(TOO_MANY);
        }
        Ok(Given { words, keys })
    }
}

/// What is run.
pub(in crate::commands) struct Subject<'a> {
    pub(in crate::commands) script: &'a Script,
    /// What errors call it.
    pub(in crate::commands) name: &'a str,
    /// What it says of itself, unless it is a script of the old kind, which says nothing.
    pub(in crate::commands) flags: Option<ScriptFlags>,
    /// As what it is ended if it runs for long.
    pub(in crate::commands) kind: Kind,
}

/// Bytes of a reply that are not copied.
const LONG: usize = 1 << 14;

/// Runs a script or a function, and replies with what it returns.
pub(in crate::commands) fn run(
    call: &mut Call<'_>,
    interpreter: &mut Interpreter,
    subject: &Subject<'_>,
    given: &Given<'_>,
    reads_only: bool,
) -> Outcome {
    let flags = subject.flags.unwrap_or_default();
    if reads_only && subject.flags.is_some() && !flags.no_writes {
        return Err(ReplyError::message(
            "Can not execute a script with write flag using *_ro command.",
        ));
    }
    if call.engine.replication.is_replica() && !call.session.obeyed {
        refuse_on_replica(call, subject.flags)?;
    }
    let _running = call.engine.begin_script(subject.kind);
    let (protocol, database) = (call.session.protocol, call.session.database);
    let given = scripting::Given { words: given.words, keys: given.keys, protocol };
    // Its own calls are answered as it asks; what it selects is forgotten.
    call.session.protocol = Protocol::Resp2;
    let rules = Rules {
        reads_only: reads_only || flags.no_writes,
        lacks_room: call.session.room == Room::Lacking && !flags.allow_oom,
    };
    let mut running = Running::new(call, subject.name, rules);
    let ended = interpreter.run(subject.script, given, &mut running);
    call.session.protocol = protocol;
    call.session.database = database;
    match ended {
        Ok(Replied { reply, errors }) => {
            for error in errors {
                count(call, error);
            }
            match reply.as_slice() {
                Some(bytes) if bytes.len() < LONG => call.reply.output().push(bytes),
                _ => call.reply.output().append(mem::take(reply)),
            }
        }
        Err(failure) => {
            let is_counted = matches!(failure, Failure::Raised { is_counted: true, .. });
            let error = told(&failure, subject.name);
            count(call, &ErrorReply { code: error.code().into_owned(), is_counted });
            call.reply.error(&error);
        }
    }
    Ok(())
}

/// Counts an error that a script replies with, be it in the middle of an array. Those of calls that it has made were counted then.
fn count(call: &mut Call<'_>, error: &ErrorReply) {
    if error.is_counted {
        call.tally.failure(call.callable.id);
    } else {
        call.tally.error(&error.code);
    }
}

/// What a replica does not run: scripts that say what they do and do not fit, and those that say nothing while it has nothing but stale data.
#[cold]
fn refuse_on_replica(call: &Call<'_>, flags: Option<ScriptFlags>) -> Outcome {
    const WRITES: ReplyError =
        ReplyError::coded("READONLY Can not run script with write flag on readonly replica.");
    let settings = &call.config.replication;
    let says_nothing = flags.is_none();
    let flags = flags.unwrap_or_default();
    if !flags.allow_stale && !settings.serve_stale_data && call.engine.replication.is_stale() {
        return Err(crate::replication::NO_LINK);
    }
    if settings.read_only && !flags.no_writes && !says_nothing { Err(WRITES) } else { Ok(()) }
}

/// The error that a client is told.
fn told(failure: &Failure, name: &str) -> ReplyError {
    match failure {
        Failure::Syntax(text) => ReplyError::quoting(format!("ERR {text}").into_bytes()),
        Failure::Raised { text, place, .. } => {
            let mut line = text.clone();
            line.extend_from_slice(format!(" script: {name}").as_bytes());
            if let Some((source, number)) = place {
                line.extend_from_slice(format!(", on {source}:{number}.").as_bytes());
            }
            ReplyError::quoting(line)
        }
    }
}

const NO_SCRIPT: ReplyError = ReplyError::coded("NOSCRIPT No matching script. Please use EVAL.");
const NEGATIVE: ReplyError = ReplyError::message("Number of keys can't be negative");
const TOO_MANY: ReplyError =
    ReplyError::message("Number of keys can't be greater than number of args");
