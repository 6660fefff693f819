//! SCRIPT: the scripts that are kept.

use command::argument::{Argument, one_of, string, token};
use command::{Command as Declaration, Flags, Group};
use resp::ReplyError;

use crate::Call;
use crate::busy::Kind;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::help;
use crate::scripts::Name;

pub(super) static SCRIPT: Command = Declaration {
    summary: "A container for commands about scripts.",
    ..Declaration::container(
        "SCRIPT",
        Group::Scripting,
        "2.6.0",
        &[&DEBUG, &EXISTS, &FLUSH, &HELP, &KILL, &LOAD],
    )
};

const MODE: Argument =
    one_of("mode", &[token("yes", "YES"), token("sync", "SYNC"), token("no", "NO")]);

static DEBUG: Command = Declaration {
    summary: "Sets whether the scripts that follow are debugged, which is not supported.",
    complexity: "O(1)",
    flags: Flags::NO_SCRIPT,
    arguments: &[MODE],
    ..Declaration::new("SCRIPT|DEBUG", Group::Scripting, "3.2.0", Handler::Keys(debug))
};

static EXISTS: Command = Declaration {
    summary: "Returns which of the scripts named are kept.",
    complexity: "O(N), where N is the number of scripts named.",
    flags: Flags::NO_SCRIPT,
    arguments: &[string("sha1").multiple()],
    tips: &["request_policy:all_shards", "response_policy:agg_logical_and"],
    ..Declaration::new("SCRIPT|EXISTS", Group::Scripting, "2.6.0", Handler::Keys(exists))
};

static FLUSH: Command = Declaration {
    summary: "Forgets all scripts.",
    complexity: "O(N), where N is the number of scripts that are kept.",
    flags: Flags::NO_SCRIPT,
    arguments: &[one_of("flush-type", &[token("async", "ASYNC"), token("sync", "SYNC")])
        .optional()
        .since("6.2.0")],
    history: &[("6.2.0", "Has the options `ASYNC` and `SYNC`.")],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Declaration::new("SCRIPT|FLUSH", Group::Scripting, "2.6.0", Handler::Keys(flush))
};

static HELP: Command = help::declare("SCRIPT|HELP", Group::Scripting, "5.0.0");

static KILL: Command = Declaration {
    summary: "Ends the script that is running, if it has not written anything.",
    complexity: "O(1)",
    flags: Flags::NO_SCRIPT.and(Flags::ALLOW_BUSY),
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    ..Declaration::new("SCRIPT|KILL", Group::Scripting, "2.6.0", Handler::Keys(kill))
};

static LOAD: Command = Declaration {
    summary: "Keeps a script, and returns its name.",
    complexity: "O(N), where N is the length of the script.",
    flags: Flags::NO_SCRIPT.and(Flags::STALE),
    arguments: &[string("script")],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Declaration::new("SCRIPT|LOAD", Group::Scripting, "2.6.0", Handler::Keys(load))
};

fn debug(call: &mut Call<'_>) -> Outcome {
    let mode = call.arguments.string()?.to_ascii_uppercase();
    match &*mode {
        // None is being debugged.
        b"NO" => call.reply.ok(),
        b"YES" | b"SYNC" => {
            return Err(ReplyError::message("SCRIPT DEBUG is not supported: there is no debugger"));
        }
        _ => return Err(ReplyError::message("Use SCRIPT DEBUG YES/SYNC/NO")),
    }
    Ok(())
}

fn exists(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    call.reply.array(arguments.len());
    while !arguments.is_empty() {
        let name = Name::parse(arguments.string()?);
        let is_there = name.is_some_and(|name| call.engine.scripts.lock().has(&name));
        call.reply.integer(is_there.into());
    }
    Ok(())
}

fn flush(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let is_understood = match arguments.len() {
        0 => true,
        1 => arguments.accept(b"ASYNC") || arguments.accept(b"SYNC"),
        _ => false,
    };
    if !is_understood {
        return Err(ReplyError::message("SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    let mut scripts = call.engine.scripts.lock();
    scripts.flush();
    scripts.note(&call.engine.script_figures);
    call.reply.ok();
    Ok(())
}

fn kill(call: &mut Call<'_>) -> Outcome {
    call.engine.kill_script(Kind::Script)?;
    call.reply.ok();
    Ok(())
}

fn load(call: &mut Call<'_>) -> Outcome {
    let source = call.arguments.string()?;
    let mut scripts = call.engine.scripts.lock();
    let name = scripts.prepare(source, true)?;
    scripts.note(&call.engine.script_figures);
    call.reply.bulk(name.as_str().as_bytes());
    Ok(())
}
