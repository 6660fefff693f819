//! Keeping libraries: loading, deleting, forgetting all.

use command::argument::{one_of, string, token};
use command::{Command as Declaration, Flags, Group};
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::help;
use crate::functions::{Existing, Loading};

const TO_ALL: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

pub(super) static LOAD: Command = Declaration {
    summary: "Loads a library of functions, and returns its name.",
    complexity: "O(1) (not counting the time to compile it).",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::NO_SCRIPT),
    arguments: &[token("replace", "REPLACE").optional(), string("function-code")],
    tips: TO_ALL,
    ..Declaration::new("FUNCTION|LOAD", Group::Scripting, "7.0.0", Handler::Everything(load))
};

fn load(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let mut existing = Existing::Kept;
    while 2 <= arguments.len() {
        if !arguments.accept(b"REPLACE") {
            let option = arguments.string()?;
            return Err(ReplyError::quoting([b"ERR Unknown option given: ", option].concat()));
        }
        existing = Existing::Replaced;
    }
    let code = arguments.string()?;
    let functions = &call.engine.functions;
    let name = Loading::for_client(call.engine, |host| {
        functions.change(|state| state.load(code, existing, host))
    })?;
    call.reply.bulk(name.as_bytes());
    tell(call);
    Ok(())
}

/// Functions have changed, which is an effect as it stands.
pub(super) fn tell(call: &mut Call<'_>) {
    call.changed(1);
    call.replicate();
}

pub(super) static DELETE: Command = Declaration {
    summary: "Deletes a library and its functions.",
    complexity: "O(1)",
    flags: Flags::WRITE.and(Flags::NO_SCRIPT),
    arguments: &[string("library-name")],
    tips: TO_ALL,
    ..Declaration::new("FUNCTION|DELETE", Group::Scripting, "7.0.0", Handler::Everything(delete))
};

fn delete(call: &mut Call<'_>) -> Outcome {
    let name = String::from_utf8_lossy(call.arguments.string()?);
    if !call.engine.functions.change(|state| state.remove(&name)) {
        return Err(ReplyError::message("Library not found"));
    }
    call.reply.ok();
    tell(call);
    Ok(())
}

pub(super) static FLUSH: Command = Declaration {
    summary: "Deletes all libraries and their functions.",
    complexity: "O(N), where N is the number of functions that are deleted.",
    flags: Flags::WRITE.and(Flags::NO_SCRIPT),
    arguments: &[one_of("flush-type", &[token("async", "ASYNC"), token("sync", "SYNC")]).optional()],
    tips: TO_ALL,
    ..Declaration::new("FUNCTION|FLUSH", Group::Scripting, "7.0.0", Handler::Everything(flush))
};

fn flush(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    match arguments.len() {
        0 => {}
        1 if arguments.accept(b"ASYNC") || arguments.accept(b"SYNC") => {}
        1 => return Err(ReplyError::message("FUNCTION FLUSH only supports SYNC|ASYNC option")),
        _ => return Err(help::wrong_subcommand_call(call)),
    }
    call.engine.functions.flush();
    call.reply.ok();
    tell(call);
    Ok(())
}

pub(super) static HELP: Command = help::declare("FUNCTION|HELP", Group::Scripting, "7.0.0");
