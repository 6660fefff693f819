//! DEBUG RELOAD and LOADAOF: what a restart would make of the data.

use keyspace::Present;
use resp::ReplyError;

use crate::Call;
use crate::command_table::Outcome;
use crate::host::{CrashKind, LogLevel};

/// What is asked for.
struct Options {
    save: bool,
    flush: bool,
    present: Present,
}

fn parse(call: &mut Call<'_>) -> Result<Options, ReplyError> {
    let mut options = Options { save: true, flush: true, present: Present::Refused };
    while let Some(word) = call.arguments.next_word() {
        if word.eq_ignore_ascii_case(b"MERGE") {
            options.present = Present::Replaced;
        } else if word.eq_ignore_ascii_case(b"NOFLUSH") {
            options.flush = false;
        } else if word.eq_ignore_ascii_case(b"NOSAVE") {
            options.save = false;
        } else {
            return Err(ReplyError::message(
                "DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
            ));
        }
    }
    Ok(options)
}

/// Saves the data, removes it, and loads it again.
pub(super) fn reload(call: &mut Call<'_>) -> Outcome {
    let options = parse(call)?;
    let engine = call.engine;
    call.settle_statistics();
    if options.save && !engine.save_at_once(&mut call.keys, 0, call.now_us.div_euclid(1_000_000)) {
        return Err(ReplyError::coded("ERR"));
    }
    if options.flush {
        call.keys.flush(None);
        engine.functions.flush();
    }
    let loaded = engine.host.load_at_once(engine, &mut call.keys, options.present);
    // Replicas have the same data as before, and it is what is saved.
    call.replicate_nothing_else();
    for number in 0..call.keys.databases() {
        call.overturned(number);
    }
    if options.flush || loaded {
        call.changed(1);
        engine.saving.note_reloaded(engine.changes() + 1);
    }
    if !loaded {
        call.reply
            .error(&ReplyError::message("Error trying to load the RDB dump, check server logs."));
        return Ok(());
    }
    engine.host.log(LogLevel::Warning, "DB reloaded by DEBUG RELOAD");
    call.reply.ok();
    Ok(())
}

/// Removes the data, and loads what the append-only file holds.
pub(super) fn load_append_only(call: &mut Call<'_>) -> Outcome {
    let engine = call.engine;
    call.settle_statistics();
    if !engine.host.load_append_only(engine, &mut call.keys) {
        // What there is now is neither what was there nor what the file holds: the process ends.
        engine.host.crash(CrashKind::Exit(1));
        return Err(ReplyError::message(
            "Error trying to load the append only file, check server logs.",
        ));
    }
    // It is in the file already.
    call.replicate_nothing_else();
    for number in 0..call.keys.databases() {
        call.overturned(number);
    }
    call.changed(1);
    engine.saving.note_reloaded(engine.changes() + 1);
    engine.host.log(LogLevel::Warning, "Append Only File loaded by DEBUG LOADAOF");
    call.reply.ok();
    Ok(())
}
