//! DEBUG: switches and looks inside, for those who test servers and clients.
//!
//! All of it runs with the server at rest, as it does where there is one thread: DEBUG SLEEP stops everybody. What concerns the
//! inside of Redis that this server does not share is accepted where tests switch it and mind nothing but the answer.

mod digest;
mod object;
mod patterns;
mod populate;
mod protocol;
mod reload;
mod tables;

use std::sync::atomic::{AtomicBool, Ordering};

use command::{Arguments, Command as Declaration, Flags, Group};
use resp::ReplyError;
use resp::number::parse_double;

use super::ADMINISTRATION;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome, Run};
use crate::commands::help;
use crate::host::{CrashKind, LogLevel};

pub(super) static DEBUG: Command = Declaration {
    summary: "A container for commands that test the server and look inside it.",
    complexity: "Depends on subcommand.",
    flags: ADMINISTRATION.and(Flags::PROTECTED),
    arity_override: Some(-2),
    internal: true,
    ..Declaration::new("DEBUG", Group::Server, "1.0.0", Handler::Everything(debug))
};

/// A subcommand: its name, how many words may follow it, and what runs it.
struct Subcommand {
    name: &'static str,
    words: std::ops::RangeInclusive<usize>,
    run: Run,
}

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { name: "AOF-FLUSH-SLEEP", words: 1..=1, run: delay_append_only },
    Subcommand { name: "ASSERT", words: ANY, run: |call| crash(call, CrashKind::Assertion) },
    Subcommand { name: "CHANGE-REPL-ID", words: 0..=0, run: change_replication_id },
    Subcommand { name: "DICT-RESIZING", words: 1..=1, run: accept },
    Subcommand { name: "DIGEST", words: 0..=0, run: digest::everything },
    Subcommand { name: "DIGEST-VALUE", words: ANY, run: digest::values },
    Subcommand { name: "ERROR", words: 1..=1, run: error },
    Subcommand { name: "FAULT", words: 0..=1, run: fault },
    Subcommand { name: "HELP", words: 0..=0, run: help },
    Subcommand { name: "HTSTATS", words: 1..=2, run: tables::database },
    Subcommand { name: "HTSTATS-KEY", words: 1..=ANY_END, run: tables::value },
    Subcommand { name: "LOADAOF", words: 0..=0, run: reload::load_append_only },
    Subcommand { name: "LOG", words: 1..=1, run: log },
    Subcommand { name: "OBJECT", words: 1..=1, run: object::object },
    Subcommand { name: "OOM", words: ANY, run: |call| crash(call, CrashKind::OutOfMemory) },
    Subcommand { name: "PANIC", words: ANY, run: |call| crash(call, CrashKind::Panic) },
    Subcommand { name: "PAUSE-CRON", words: 1..=1, run: pause_timers },
    Subcommand { name: "POPULATE", words: 1..=3, run: populate::populate },
    Subcommand { name: "PROTOCOL", words: 1..=1, run: protocol::protocol },
    Subcommand { name: "RELOAD", words: ANY, run: reload::reload },
    Subcommand { name: "REPLYBUFFER", words: 2..=2, run: reply_buffer },
    Subcommand { name: "SEGFAULT", words: ANY, run: |call| crash(call, CrashKind::Segfault) },
    Subcommand { name: "SET-ACTIVE-EXPIRE", words: 1..=1, run: set_active_expiry },
    Subcommand { name: "SET-SKIP-CHECKSUM-VALIDATION", words: 1..=1, run: skip_checksums },
    Subcommand { name: "SLEEP", words: 1..=1, run: sleep },
    Subcommand { name: "STRINGMATCH-TEST", words: 0..=0, run: patterns::test },
];

const ANY_END: usize = usize::MAX;
const ANY: std::ops::RangeInclusive<usize> = 0..=ANY_END;

fn debug(call: &mut Call<'_>) -> Outcome {
    let name = call.arguments.string()?;
    let found = SUBCOMMANDS.iter().find(|subcommand| {
        subcommand.name.as_bytes().eq_ignore_ascii_case(name)
            && subcommand.words.contains(&call.arguments.len())
    });
    match found {
        Some(subcommand) => (subcommand.run)(call),
        None => Err(help::wrong_subcommand_call(call)),
    }
}

/// What C's `atoi` makes of a word is not 0.
fn is_on(arguments: &mut Arguments<'_>) -> Result<bool, ReplyError> {
    let word = arguments.string()?;
    let word = word.trim_ascii_start();
    let digits = word.strip_prefix(b"-").or_else(|| word.strip_prefix(b"+")).unwrap_or(word);
    Ok(digits.iter().take_while(|byte| byte.is_ascii_digit()).any(|byte| *byte != b'0'))
}

fn switch(call: &mut Call<'_>, switch: &AtomicBool) -> Outcome {
    switch.store(is_on(&mut call.arguments)?, Ordering::Relaxed);
    call.reply.ok();
    Ok(())
}

fn set_active_expiry(call: &mut Call<'_>) -> Outcome {
    let engine = call.engine;
    switch(call, &engine.switches.active_expiry)
}

fn delay_append_only(call: &mut Call<'_>) -> Outcome {
    let microseconds = call.arguments.integer()?;
    call.engine.host.delay_append_only(u64::try_from(microseconds).unwrap_or(0));
    call.reply.ok();
    Ok(())
}

fn skip_checksums(call: &mut Call<'_>) -> Outcome {
    let engine = call.engine;
    switch(call, &engine.switches.checksums_skipped)
}

fn pause_timers(call: &mut Call<'_>) -> Outcome {
    let engine = call.engine;
    switch(call, &engine.switches.cron_paused)
}

/// A switch for something that this server does not do, so that it is off whatever is asked for: tables that are
/// resized as a whole.
fn accept(call: &mut Call<'_>) -> Outcome {
    call.reply.ok();
    Ok(())
}

/// Switches for the buffers that Redis keeps for the replies to each client, and makes larger and smaller. Here idle clients
/// have none.
fn reply_buffer(call: &mut Call<'_>) -> Outcome {
    let name = call.arguments.string()?;
    let value = call.arguments.string()?;
    if name.eq_ignore_ascii_case(b"PEAK-RESET-TIME") {
        let is_word =
            [b"NEVER".as_slice(), b"RESET"].iter().any(|word| value.eq_ignore_ascii_case(word));
        if !is_word && resp::number::parse_integer(value).is_none() {
            return Err(ReplyError::NotInteger);
        }
    } else if !name.eq_ignore_ascii_case(b"RESIZING") {
        return Err(help::wrong_subcommand_call(call));
    }
    call.reply.ok();
    Ok(())
}

fn sleep(call: &mut Call<'_>) -> Outcome {
    // What is no number is no time.
    let seconds = parse_double(call.arguments.string()?).unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast that saturates is meant"
    )]
    let microseconds = (seconds * 1e6) as u64;
    call.engine.host.sleep(microseconds);
    call.reply.ok();
    Ok(())
}

fn change_replication_id(call: &mut Call<'_>) -> Outcome {
    let host = &call.engine.host;
    host.log(LogLevel::Notice, "Changing replication IDs after receiving DEBUG change-repl-id");
    call.engine.change_replication_id();
    call.reply.ok();
    Ok(())
}

fn log(call: &mut Call<'_>) -> Outcome {
    let message = call.arguments.string()?;
    let line = format!("DEBUG LOG: {}", String::from_utf8_lossy(message));
    call.engine.host.log(LogLevel::Warning, &line);
    call.reply.ok();
    Ok(())
}

/// Answers an error of the caller's choice.
fn error(call: &mut Call<'_>) -> Outcome {
    let line = call.arguments.string()?;
    Err(ReplyError::quoting(line))
}

/// Fails as code with a mistake in it does: before anything has changed, or after a key was removed.
fn fault(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.next_word();
    let removed = key.is_some_and(|key| call.keys.remove(key));
    let what = if removed { "removed a key" } else { "changed nothing" };
    unreachable!("DEBUG FAULT has {what}")
}

/// Ends the process. Where that is not in the host's power, says so.
fn crash(call: &Call<'_>, kind: CrashKind) -> Outcome {
    call.engine.host.crash(kind);
    Err(ReplyError::message("The process did not crash."))
}

fn help(call: &mut Call<'_>) -> Outcome {
    call.reply.array(HELP_LINES.len());
    for line in HELP_LINES {
        call.reply.simple(line);
    }
    Ok(())
}

const HELP_LINES: &[&str] = &[
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "AOF-FLUSH-SLEEP <microseconds>",
    "    Waits for so long before each write to the append-only file.",
    "ASSERT",
    "    Crashes the server as an assertion that fails does.",
    "CHANGE-REPL-ID",
    "    Gives the data of this server another history.",
    "DICT-RESIZING <0|1>",
    "    Accepted: tables here are never resized as a whole.",
    "DIGEST",
    "    The digest of all data: equal on servers whose data is equal.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    The digests of the values at these keys.",
    "ERROR <line>",
    "    Answers this line as an error.",
    "FAULT [<key>]",
    "    Panics in the middle of the call: before anything has changed, or, given a key, after",
    "    that was removed.",
    "HTSTATS <database> [full]",
    "    The shape of the tables of a database.",
    "HTSTATS-KEY <key> [full]",
    "    The shape of the table of a value.",
    "LOADAOF",
    "    Loads the append-only file in place of the data.",
    "LOG <message>",
    "    Writes a line to the log.",
    "OBJECT <key>",
    "    How the value at a key is represented.",
    "OOM",
    "    Crashes the server as a lack of memory does.",
    "PANIC",
    "    Crashes the server as an internal error does.",
    "PAUSE-CRON <0|1>",
    "    Stops what the server does by the clock, or lets it go on.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Sets <count> strings at <prefix>:<number>, of <size> bytes each. They are not",
    "    replicated.",
    "PROTOCOL <type>",
    "    Answers a value of this type: string, integer, double, bignum, null, array,",
    "    set, map, attrib, push, verbatim, true, false.",
    "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
    "    Saves the data, removes it and loads it again. MERGE: a key of the file takes the",
    "    place of one that is there; NOFLUSH: nothing is removed; NOSAVE: nothing is saved.",
    "REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|milliseconds>",
    "REPLYBUFFER RESIZING <0|1>",
    "    Accepted: clients here have no buffers that are resized.",
    "SEGFAULT",
    "    Crashes the server by an access to memory that is not its own.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Whether expired keys that nobody asks for are looked for.",
    "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
    "    Whether wrong checksums of what is restored and loaded are no matter.",
    "SLEEP <seconds>",
    "    Stops the whole server for so long. Fractions are allowed.",
    "STRINGMATCH-TEST",
    "    Matches many random patterns with many random texts.",
    "HELP",
    "    Prints this help.",
];
