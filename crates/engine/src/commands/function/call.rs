//! Calling functions: FCALL, and `FCALL_RO` for those that write nothing.

use command::argument::{Argument, integer, key, string};
use command::{Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use crate::Call;
use crate::busy::Kind;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::script::{Given, Subject, run};

const COMPLEXITY: &str = "Depends on the function that is executed.";
const ARGUMENTS: &[Argument] = &[
    string("function"),
    integer("numkeys"),
    key("key").optional().multiple(),
    string("arg").optional().multiple(),
];
const FLAGS: Flags =
    Flags::NO_SCRIPT.and(Flags::STALE).and(Flags::SKIP_MONITOR).and(Flags::NO_MANDATORY_KEYS);

pub(super) static FCALL: Command = Declaration {
    summary: "Calls a function.",
    complexity: COMPLEXITY,
    flags: FLAGS.and(Flags::MAY_REPLICATE),
    keys: &[KeySpec::read_write(2).numbered().accesses().updates()],
    arguments: ARGUMENTS,
    ..Declaration::new(
        "FCALL",
        Group::Scripting,
        "7.0.0",
        Handler::Everything(|call| call_function(call, false)),
    )
};

pub(super) static FCALL_RO: Command = Declaration {
    summary: "Calls a function that writes nothing.",
    complexity: COMPLEXITY,
    flags: FLAGS.and(Flags::READ_ONLY),
    keys: &[KeySpec::read_only(2).numbered().accesses()],
    arguments: ARGUMENTS,
    ..Declaration::new(
        "FCALL_RO",
        Group::Scripting,
        "7.0.0",
        Handler::Everything(|call| call_function(call, true)),
    )
};

fn call_function(call: &mut Call<'_>, reads_only: bool) -> Outcome {
    const BAD_COUNT: ReplyError = ReplyError::message("Bad number of keys provided");
    let engine = call.engine;
    let name = call.arguments.string()?;
    engine.functions.run(|state| {
        const NOT_FOUND: ReplyError = ReplyError::message("Function not found");
        let function = state.find(name).ok_or(NOT_FOUND)?;
        let interpreter = state.interpreter().ok_or(NOT_FOUND)?;
        let given = Given::parse(call, BAD_COUNT)?;
        let registered = &function.registered;
        let subject = Subject {
            script: &registered.script,
            name: &registered.name,
            flags: Some(registered.flags),
            kind: Kind::Function,
        };
        let outcome = run(call, interpreter, &subject, &given, reads_only);
        engine.functions.note_interpreter(state);
        outcome
    })
}

pub(super) static KILL: Command = Declaration {
    summary: "Ends the function that is running, if it has not written anything.",
    complexity: "O(1)",
    flags: Flags::NO_SCRIPT.and(Flags::ALLOW_BUSY),
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    ..Declaration::new("FUNCTION|KILL", Group::Scripting, "7.0.0", Handler::Keys(kill))
};

fn kill(call: &mut Call<'_>) -> Outcome {
    call.engine.kill_script(Kind::Function)?;
    call.reply.ok();
    Ok(())
}
