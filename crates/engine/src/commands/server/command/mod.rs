//! COMMAND: the commands, described from their declarations.

use collections::glob::{Case, glob_matches};
use command::argument::{one_of, pattern, string};
use command::{
    Arguments, Categories, Command as Declaration, Flags, Group, KeyPositions, describe,
};
use resp::{ReplyError, Words};

use super::super::help;
use crate::Call;
use crate::command_table::{Callable, Command, Handler, Outcome};

pub(super) static COMMAND: Command = Declaration {
    summary: "Describes all commands.",
    complexity: "O(N), N being the number of commands",
    flags: DESCRIBES,
    categories: Categories::CONNECTION,
    tips: UNORDERED,
    arity_override: Some(-1),
    run: Some(Handler::Keys(all)),
    ..Declaration::container(
        "COMMAND",
        Group::Server,
        "2.8.13",
        &[&COUNT, &DOCS, &GETKEYS, &GETKEYSANDFLAGS, &INFO, &LIST, &HELP],
    )
};

static COUNT: Command = Declaration {
    summary: "Returns the number of commands.",
    flags: DESCRIBES,
    categories: Categories::CONNECTION,
    ..Declaration::new("COMMAND|COUNT", Group::Server, "2.8.13", Handler::Keys(count))
};

static DOCS: Command = Declaration {
    summary: "Returns what people should know of these commands, or of all.",
    complexity: "O(N), N being the number of commands asked for",
    flags: DESCRIBES,
    categories: Categories::CONNECTION,
    arguments: &[string("command-name").optional().multiple()],
    tips: UNORDERED,
    ..Declaration::new("COMMAND|DOCS", Group::Server, "7.0.0", Handler::Keys(docs))
};

static GETKEYS: Command = Declaration {
    summary: "Returns the keys that a call names.",
    complexity: "O(N), N being the number of words of the call",
    flags: DESCRIBES,
    categories: Categories::CONNECTION,
    arguments: CALL,
    ..Declaration::new("COMMAND|GETKEYS", Group::Server, "2.8.13", Handler::Keys(keys))
};

static GETKEYSANDFLAGS: Command = Declaration {
    summary: "Returns the keys that a call names, and what it does with each.",
    complexity: "O(N), N being the number of words of the call",
    flags: DESCRIBES,
    categories: Categories::CONNECTION,
    arguments: CALL,
    ..Declaration::new(
        "COMMAND|GETKEYSANDFLAGS",
        Group::Server,
        "7.0.0",
        Handler::Keys(keys_and_flags),
    )
};

static INFO: Command = Declaration {
    summary: "Returns what programs should know of these commands, or of all.",
    complexity: "O(N), N being the number of commands asked for",
    flags: DESCRIBES,
    categories: Categories::CONNECTION,
    arguments: &[string("command-name").optional().multiple()],
    history: &[("7.0.0", "Without a name it describes all commands.")],
    tips: UNORDERED,
    ..Declaration::new("COMMAND|INFO", Group::Server, "2.8.13", Handler::Keys(info))
};

static LIST: Command = Declaration {
    summary: "Returns the names of commands and subcommands.",
    complexity: "O(N), N being the number of commands",
    flags: DESCRIBES,
    categories: Categories::CONNECTION,
    arguments: &[one_of(
        "filterby",
        &[
            string("module-name").after("MODULE"),
            string("category").after("ACLCAT"),
            pattern("pattern").after("PATTERN"),
        ],
    )
    .after("FILTERBY")
    .optional()],
    tips: UNORDERED,
    ..Declaration::new("COMMAND|LIST", Group::Server, "7.0.0", Handler::Keys(list))
};

static HELP: Command = Declaration {
    categories: Categories::CONNECTION,
    ..help::declare("COMMAND|HELP", Group::Server, "5.0.0")
};

const DESCRIBES: Flags = Flags::LOADING.and(Flags::STALE);
const UNORDERED: &[&str] = &["nondeterministic_output_order"];
const CALL: &[command::argument::Argument] =
    &[string("command"), string("arg").optional().multiple()];

fn all(call: &mut Call<'_>) -> Outcome {
    let commands = &call.engine.commands;
    call.reply.array(commands.commands().count());
    for callable in commands.commands() {
        describe::info(callable.command, &mut call.reply);
    }
    Ok(())
}

fn count(call: &mut Call<'_>) -> Outcome {
    call.reply.unsigned(call.engine.commands.commands().count() as u64);
    Ok(())
}

fn info(call: &mut Call<'_>) -> Outcome {
    let names = call.arguments.rest();
    if names.is_empty() {
        return all(call);
    }
    call.reply.array(names.len());
    for name in names.iter() {
        match call.engine.commands.find_full(name) {
            Some(callable) => describe::info(callable.command, &mut call.reply),
            None => call.reply.null(),
        }
    }
    Ok(())
}

fn docs(call: &mut Call<'_>) -> Outcome {
    let names = call.arguments.rest();
    let commands = &call.engine.commands;
    let described: Vec<&Callable> = if names.is_empty() {
        commands.commands().collect()
    } else {
        // What there is not is left out.
        names.iter().filter_map(|name| commands.find_full(name)).collect()
    };
    call.reply.map(described.len());
    for callable in described {
        describe::docs(callable.command, &mut call.reply);
    }
    Ok(())
}

/// Which commands are listed.
enum Filter<'a> {
    Any,
    /// There are no modules, so no command is of one.
    OfModule,
    /// None if there is no such category.
    InCategory(Option<Categories>),
    Like(&'a [u8]),
}

fn list(call: &mut Call<'_>) -> Outcome {
    let filter = parse_filter(call.arguments)?;
    let names: Vec<&str> = call
        .engine
        .commands
        .iter()
        .filter(|callable| filter.selects(callable))
        .map(Callable::name)
        .collect();
    call.reply.array(names.len());
    for name in names {
        call.reply.bulk(name.as_bytes());
    }
    Ok(())
}

fn parse_filter(mut arguments: Arguments<'_>) -> Result<Filter<'_>, ReplyError> {
    if arguments.is_empty() {
        return Ok(Filter::Any);
    }
    arguments.expect(b"FILTERBY")?;
    let kind = arguments.keyword()?;
    let wanted = arguments.string()?;
    arguments.finish()?;
    match &*kind {
        b"MODULE" => Ok(Filter::OfModule),
        b"ACLCAT" => Ok(Filter::InCategory(Categories::named(wanted))),
        b"PATTERN" => Ok(Filter::Like(wanted)),
        _ => Err(ReplyError::Syntax),
    }
}

impl Filter<'_> {
    fn selects(&self, callable: &Callable) -> bool {
        match self {
            Filter::Any => true,
            Filter::OfModule => false,
            Filter::InCategory(category) => {
                category.is_some_and(|category| callable.categories.has(category))
            }
            Filter::Like(pattern) => {
                glob_matches(pattern, callable.name().as_bytes(), Case::Ignored)
            }
        }
    }
}

fn keys(call: &mut Call<'_>) -> Outcome {
    let (words, positions) = find_keys(call)?;
    call.reply.array(positions.len());
    for position in positions {
        call.reply.bulk(words.get(position.index).unwrap_or_default());
    }
    Ok(())
}

fn keys_and_flags(call: &mut Call<'_>) -> Outcome {
    let (words, positions) = find_keys(call)?;
    call.reply.array(positions.len());
    for position in positions {
        call.reply.array(2);
        call.reply.bulk(words.get(position.index).unwrap_or_default());
        call.reply.set(position.flags.names().count());
        for flag in position.flags.names() {
            call.reply.simple(flag);
        }
    }
    Ok(())
}

/// The call that is asked about, and where its keys are.
fn find_keys<'a>(call: &Call<'a>) -> Result<(Words<'a>, KeyPositions), ReplyError> {
    let words = call.arguments.rest();
    let callable = call
        .engine
        .commands
        .find_call(words)
        .map_err(|_| ReplyError::message("Invalid command specified"))?;
    Ok((words, callable.command.keys_of(words)?))
}

#[cfg(test)]
mod tests;
