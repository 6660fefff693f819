//! CONFIG: the configuration while the server runs.

use collections::glob::{Case, glob_matches};
use command::argument::{Argument, block, string};
use command::{Command as Declaration, Group};
use config::{Applied, Caller, Config, SetError};
use resp::ReplyError;

use super::ADMINISTRATION;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::help;
use crate::host::LogLevel;
use crate::{Call, Engine};

pub(super) static CONFIG: Command = Declaration {
    summary: "A container for commands about the configuration.",
    ..Declaration::container(
        "CONFIG",
        Group::Server,
        "2.0.0",
        &[&GET, &HELP, &RESETSTAT, &REWRITE, &SET],
    )
};

static GET: Command = Declaration {
    summary: "Returns directives and what they are set to.",
    complexity: "O(N), where N is the number of directives asked for.",
    flags: ADMINISTRATION,
    arguments: &[string("parameter").multiple()],
    history: &[("7.0.0", "Takes several patterns.")],
    ..Declaration::new("CONFIG|GET", Group::Server, "2.0.0", Handler::Keys(get))
};

static HELP: Command = help::declare("CONFIG|HELP", Group::Server, "5.0.0");

static RESETSTAT: Command = Declaration {
    summary: "Sets what the server counts back to zero.",
    ..change("CONFIG|RESETSTAT", "2.0.0", &[], &[], reset_statistics)
};

static REWRITE: Command = Declaration {
    summary: "Rewrites the configuration file so that it says what is set now.",
    ..change("CONFIG|REWRITE", "2.8.0", &[], &[], rewrite)
};

static SET: Command = Declaration {
    summary: "Sets directives while the server runs.",
    complexity: "O(N), where N is the number of directives.",
    ..change(
        "CONFIG|SET",
        "2.0.0",
        &[block("data", &[string("parameter"), string("value")]).multiple()],
        &[("7.0.0", "Sets several directives, or none.")],
        set,
    )
};

const fn change(
    name: &'static str,
    since: &'static str,
    arguments: &'static [Argument],
    history: &'static [(&'static str, &'static str)],
    run: fn(&mut Call<'_>) -> Outcome,
) -> Command {
    Declaration {
        flags: ADMINISTRATION,
        arguments,
        history,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..Declaration::new(name, Group::Server, since, Handler::Keys(run))
    }
}

fn get(call: &mut Call<'_>) -> Outcome {
    let patterns: Vec<&[u8]> = call.arguments.rest().iter().collect();
    let matches = |pattern: &[u8], name: &[u8]| glob_matches(pattern, name, Case::Ignored);
    let found = config::get(&call.engine.config(), &patterns, matches);
    call.reply.map(found.len());
    for (name, value) in found {
        call.reply.bulk(&name);
        call.reply.bulk(&value);
    }
    Ok(())
}

fn set(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let mut settings: Vec<(&[u8], &[u8])> = Vec::with_capacity(arguments.len() / 2);
    while let Some(name) = arguments.next_word() {
        settings.push((name, arguments.string()?));
    }
    let is_local = call.session.record.peer.is_local();
    let caller = if is_local { Caller::Local } else { Caller::Remote };
    let engine = call.engine;
    let applied = engine
        .configure(|config| {
            let before = config.clone();
            let applied = config::set(config, &settings, caller)?;
            apply(engine, &applied, &before, config)?;
            Ok(applied)
        })
        .map_err(|error: SetError| ReplyError::Message(error.to_string().into()))?;
    if applied.has_changed("maxmemory") {
        warn_of_memory_limit(engine);
    }
    call.reply.ok();
    Ok(())
}

/// Brings what was set into effect, or what was before back.
fn apply(
    engine: &Engine,
    applied: &Applied,
    before: &Config,
    now: &Config,
) -> Result<(), SetError> {
    let names: Vec<&'static str> = applied.changed.iter().map(|directive| directive.name).collect();
    let Err(error) = engine.host.apply(&names, now) else { return Ok(()) };
    let name = error.directive;
    engine.host.log(
        LogLevel::Warning,
        &format!(
            "Failed applying new configuration. Possibly related to new {name} setting. Restoring previous settings."
        ),
    );
    if let Err(error) = engine.host.apply(&names, before) {
        let name = error.directive;
        let line = format!("Restoring the previous setting of {name} failed: {}", error.reason);
        engine.host.log(LogLevel::Warning, &line);
    }
    Err(SetError::Failed { name: name.into(), reason: error.reason })
}

/// Says so if more memory is used than there may be; room is made right after the call.
fn warn_of_memory_limit(engine: &Engine) {
    let limit = engine.config().memory.limit_bytes;
    let used = engine.host.used_memory();
    if 0 < limit && limit < used as u64 {
        engine.host.log(
            LogLevel::Warning,
            &format!(
                "WARNING: the new maxmemory value set via CONFIG SET ({limit}) is smaller than the current memory usage \
                 ({used}). This will result in key eviction and/or the inability to accept new write commands depending on \
                 the maxmemory-policy."
            ),
        );
    }
}

fn rewrite(call: &mut Call<'_>) -> Outcome {
    let host = &call.engine.host;
    let Some(file) = host.configuration_file() else {
        return Err(ReplyError::message("The server is running without a config file"));
    };
    let mut config = Config::clone(&call.engine.config());
    config.security.users = call.engine.user_lines(&config);
    let rewritten = file.read().and_then(|old| file.replace(&config::rewrite(&old, &config)));
    if let Err(error) = rewritten {
        let reason = reason(&error);
        host.log(LogLevel::Warning, &format!("CONFIG REWRITE failed: {reason}"));
        return Err(ReplyError::Message(format!("Rewriting config file: {reason}").into()));
    }
    host.log(LogLevel::Notice, "CONFIG REWRITE executed with success.");
    call.reply.ok();
    Ok(())
}

/// Why the system refused, in its own words alone.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

fn reset_statistics(call: &mut Call<'_>) -> Outcome {
    // Calls before this one in the same batch must not be counted after it.
    call.settle_statistics();
    call.engine.statistics.iter().for_each(crate::statistics::WorkerStatistics::reset);
    call.engine.vitals.reset();
    call.engine.host.reset_reclaimed();
    call.reply.ok();
    Ok(())
}
