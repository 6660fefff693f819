//! ACL CAT, DRYRUN, GENPASS and WHOAMI: what there is, and what a user could do.

use command::argument::{integer, string};
use command::{Categories, Command as Declaration, Group};
use resp::ReplyError;

use super::super::help::wrong_subcommand_call;
use super::{ADMINISTRATION, OPEN, USERNAME};
use crate::Call;
use crate::acl::DEFAULT_USER;
use crate::command_table::{Callable, Command, Handler, Outcome};

pub(super) static CAT: Command = Declaration {
    summary: "Lists the categories of commands, or the commands of one.",
    complexity: "O(1), since the categories and commands are what they are.",
    flags: OPEN,
    arguments: &[string("category").optional()],
    ..Declaration::new("ACL|CAT", Group::Server, "6.0.0", Handler::Keys(categories))
};

pub(super) static DRYRUN: Command = Declaration {
    summary: "Tells whether a user may make a call, which is not executed.",
    complexity: "O(1).",
    flags: ADMINISTRATION,
    arguments: &[USERNAME, string("command"), string("arg").optional().multiple()],
    ..Declaration::new("ACL|DRYRUN", Group::Server, "7.0.0", Handler::Keys(dry_run))
};

pub(super) static GENPASS: Command = Declaration {
    summary: "Returns a password that nobody can guess.",
    flags: OPEN,
    complexity: "O(1)",
    arguments: &[integer("bits").optional()],
    ..Declaration::new("ACL|GENPASS", Group::Server, "6.0.0", Handler::Keys(password))
};

pub(super) static WHOAMI: Command = Declaration {
    summary: "Returns the name of the user that the connection acts as.",
    complexity: "O(1)",
    flags: OPEN,
    ..Declaration::new("ACL|WHOAMI", Group::Server, "6.0.0", Handler::Keys(who_am_i))
};

fn categories(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let Some(name) = arguments.next_word() else {
        call.reply.array(Categories::all().count());
        Categories::all().for_each(|(_, name)| call.reply.bulk(name.as_bytes()));
        return Ok(());
    };
    if !arguments.is_empty() {
        return Err(wrong_subcommand_call(call));
    }
    let category = Categories::named(name)
        .ok_or_else(|| ReplyError::quoting([b"ERR Unknown category '", name, b"'"].concat()))?;
    let commands = call.engine.commands.iter().filter(|known| known.categories.has(category));
    let names: Vec<&str> = commands.map(Callable::name).collect();
    call.reply.array(names.len());
    for name in names {
        call.reply.bulk(name.as_bytes());
    }
    Ok(())
}

fn dry_run(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let name = arguments.string()?;
    let account = call
        .engine
        .acl
        .find(name)
        .ok_or_else(|| ReplyError::quoting([b"ERR User '", name, b"' not found"].concat()))?;
    let words = arguments.rest();
    let command = words.first().unwrap_or_default();
    let unknown = || ReplyError::quoting([b"ERR Command '", command, b"' not found"].concat());
    let callable = call.engine.commands.find_call(words).map_err(|_| unknown())?;
    if !callable.admits(words.len()) {
        return Err(ReplyError::WrongArity(callable.name()));
    }
    match account.check(callable, words) {
        Ok(()) => call.reply.ok(),
        Err(denied) => {
            let word = words.get(denied.position).unwrap_or_default();
            call.reply.bulk(&denied.detailed_text(&account.name, callable, word));
        }
    }
    Ok(())
}

fn password(call: &mut Call<'_>) -> Outcome {
    /// Bits of a digit.
    const DIGIT: i64 = 4;
    const OUT_OF_RANGE: ReplyError = ReplyError::message(
        "ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
    );
    let mut arguments = call.arguments;
    let bits = if arguments.is_empty() { 256 } else { arguments.integer()? };
    if !arguments.is_empty() {
        return Err(wrong_subcommand_call(call));
    }
    if !(1..=4096).contains(&bits) {
        return Err(OUT_OF_RANGE);
    }
    let digits = usize::try_from((bits + DIGIT - 1) / DIGIT).unwrap_or(0);
    let mut password = String::new();
    while password.len() < digits {
        password.push_str(&call.engine.host.draw_id());
    }
    password.truncate(digits);
    call.reply.bulk(password.as_bytes());
    Ok(())
}

fn who_am_i(call: &mut Call<'_>) -> Outcome {
    let account = call.session.account.as_ref();
    call.reply.bulk(account.map_or(DEFAULT_USER, |account| account.name.as_slice()));
    Ok(())
}
