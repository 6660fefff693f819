//! MODULE: extensions of Redis, of which there are none here. Clients ask for the list, and are told that it is empty.

use command::argument::{block, string};
use command::{Command as Declaration, Flags, Group};
use resp::ReplyError;

use super::super::help;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::host::LogLevel;

pub(super) static MODULE: Command = Declaration {
    summary: "A container for commands about modules, of which there are none.",
    complexity: "Depends on subcommand.",
    ..Declaration::container(
        "MODULE",
        Group::Server,
        "4.0.0",
        &[&HELP, &LIST, &LOAD, &LOADEX, &UNLOAD],
    )
};

static HELP: Command = help::declare("MODULE|HELP", Group::Server, "5.0.0");

const FLAGS: Flags = Flags::ADMIN.and(Flags::NO_SCRIPT);
/// Of those that `enable-module-command` allows.
const CHANGING: Flags = FLAGS.and(Flags::NO_ASYNC_LOADING).and(Flags::PROTECTED);

static LIST: Command = Declaration {
    summary: "Returns the modules that are loaded: none.",
    complexity: "O(N) where N is the number of loaded modules.",
    flags: FLAGS,
    tips: &["nondeterministic_output_order"],
    ..Declaration::new("MODULE|LIST", Group::Server, "4.0.0", Handler::Keys(list))
};

static LOAD: Command = Declaration {
    summary: "Would load a module.",
    complexity: "O(1)",
    flags: CHANGING,
    arguments: &[string("path"), string("arg").optional().multiple()],
    ..Declaration::new("MODULE|LOAD", Group::Server, "4.0.0", Handler::Keys(load))
};

static LOADEX: Command = Declaration {
    summary: "Would load a module, with settings.",
    complexity: "O(1)",
    flags: CHANGING,
    arguments: &[
        string("path"),
        block("configs", &[string("name"), string("value")])
            .after("CONFIG")
            .optional()
            .multiple_with_token(),
        string("args").after("ARGS").optional().multiple(),
    ],
    ..Declaration::new("MODULE|LOADEX", Group::Server, "7.0.0", Handler::Keys(load))
};

static UNLOAD: Command = Declaration {
    summary: "Would unload a module.",
    complexity: "O(1)",
    flags: CHANGING,
    arguments: &[string("name")],
    ..Declaration::new("MODULE|UNLOAD", Group::Server, "4.0.0", Handler::Keys(unload))
};

fn list(call: &mut Call<'_>) -> Outcome {
    call.reply.array(0);
    Ok(())
}

fn load(call: &mut Call<'_>) -> Outcome {
    let path = call.arguments.string()?;
    let path = String::from_utf8_lossy(path);
    let line = format!("Module {path} failed to load: this server has no modules");
    call.engine.host.log(LogLevel::Warning, &line);
    Err(ReplyError::message("Error loading the extension. Please check the server logs."))
}

fn unload(_: &mut Call<'_>) -> Outcome {
    Err(ReplyError::message("Error unloading module: no such module with that name"))
}
