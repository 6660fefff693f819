//! Running a script: EVAL, EVALSHA and the forms that write nothing.

use command::argument::{Argument, integer, key, string};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::{Output, Protocol, Reply, ReplyError};
use scripting::{Failure, Flags as ScriptFlags, Interpreter, Script};

use super::running::{Rules, Running};
use crate::Call;
use crate::busy::Kind;
use crate::command_table::{Command, Handler, Outcome};
use crate::memory_limit::Room;
use crate::scripts::{Cached, Scripts};

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
    flags: FLAGS,
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
    flags: FLAGS,
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
    let mut arguments = call.arguments;
    let source = arguments.string()?;
    let given = Given::parse(arguments, ReplyError::NotInteger)?;
    let mut scripts = call.engine.scripts.lock();
    let (name, cached) = scripts.prepare(source, false)?;
    run_cached(call, &mut scripts, &name, &cached, &given, reads_only)
}

fn by_name(call: &mut Call<'_>, reads_only: bool) -> Outcome {
    let mut arguments = call.arguments;
    let name = String::from_utf8_lossy(arguments.string()?).to_ascii_lowercase();
    let given = Given::parse(arguments, ReplyError::NotInteger)?;
    let mut scripts = call.engine.scripts.lock();
    let cached = scripts.find(&name).ok_or(NO_SCRIPT)?;
    run_cached(call, &mut scripts, &name, &cached, &given, reads_only)
}

fn run_cached(
    call: &mut Call<'_>,
    scripts: &mut Scripts,
    name: &str,
    cached: &Cached,
    given: &Given<'_>,
    reads_only: bool,
) -> Outcome {
    let flags = cached.header.map(|header| header.flags);
    let subject = Subject { script: &cached.script, name, flags, kind: Kind::Script };
    let outcome = run(call, scripts.interpreter()?, &subject, given, reads_only);
    scripts.note(&call.engine.script_figures);
    outcome
}

/// What a script is given.
pub(in crate::commands) struct Given<'a> {
    keys: Vec<&'a [u8]>,
    arguments: Vec<&'a [u8]>,
}

impl<'a> Given<'a> {
    /// The words behind the script, the first being how many of the others are keys; `bad_count` if that is no number.
    pub(in crate::commands) fn parse(
        mut arguments: Arguments<'a>,
        bad_count: ReplyError,
    ) -> Result<Given<'a>, ReplyError> {
        let count = arguments.integer_or(bad_count)?;
        let mut words = Vec::with_capacity(arguments.len());
        while !arguments.is_empty() {
            words.push(arguments.string()?);
        }
        let count = usize::try_from(count).map_err(|_| NEGATIVE)?;
        if words.len() < count {
            return Err(TOO_MANY);
        }
        let arguments = words.split_off(count);
        Ok(Given { keys: words, arguments })
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

/// Runs a script or a function, and replies with what it returns.
pub(in crate::commands) fn run(
    call: &mut Call<'_>,
    interpreter: &Interpreter,
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
    if subject.flags.is_some() && call.engine.replication.is_replica() && !call.session.obeyed {
        refuse_on_replica(call, flags)?;
    }
    let _running = call.engine.begin_script(subject.kind, subject.name);
    let (protocol, database) = (call.session.protocol, call.session.database);
    let mut output = Output::new();
    let mut reply = Reply::new(&mut output, protocol);
    // Its own calls are answered as it asks; what it selects is forgotten.
    call.session.protocol = Protocol::Resp2;
    let rules = Rules {
        reads_only: reads_only || flags.no_writes,
        lacks_room: call.session.room == Room::Lacking && !flags.allow_oom,
    };
    let mut running = Running::new(call, rules);
    let ended =
        interpreter.run(subject.script, &given.keys, &given.arguments, &mut running, &mut reply);
    call.session.protocol = protocol;
    call.session.database = database;
    match ended {
        Ok(()) => {
            call.reply.output().append(output);
            Ok(())
        }
        Err(failure) => Err(told(&failure, subject.name)),
    }
}

/// What a replica does not run of scripts that say what they do.
#[cold]
fn refuse_on_replica(call: &Call<'_>, flags: ScriptFlags) -> Outcome {
    const WRITES: ReplyError =
        ReplyError::coded("READONLY Can not run script with write flag on readonly replica.");
    let settings = &call.config.replication;
    if !flags.allow_stale && !settings.serve_stale_data && call.engine.replication.is_stale() {
        return Err(crate::replication::NO_LINK);
    }
    if settings.read_only && !flags.no_writes { Err(WRITES) } else { Ok(()) }
}

/// The error that a client is told.
fn told(failure: &Failure, name: &str) -> ReplyError {
    match failure {
        Failure::Syntax(text) => ReplyError::quoting(format!("ERR {text}").into_bytes()),
        Failure::Raised { text, place } => {
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
