//! SLOWLOG: the calls that took longest lately.

use command::argument::integer;
use command::{Arguments, Command as Declaration, Flags, Group};
use resp::ReplyError;

use crate::Call;
use crate::command_log::CommandLog;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::help;

pub(super) static SLOWLOG: Command = Declaration {
    summary: "A container for commands about the slow log.",
    ..Declaration::container("SLOWLOG", Group::Server, "2.2.12", &[&GET, &HELP, &LEN, &RESET])
};

const FLAGS: Flags = Flags::ADMIN.and(Flags::LOADING).and(Flags::STALE);

static GET: Command = Declaration {
    summary: "Returns the latest slow calls.",
    complexity: "O(N), where N is the number of calls returned.",
    flags: FLAGS,
    arguments: &[integer("count").optional()],
    history: &[("4.0.0", "Tells the address and the name of the client.")],
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    ..Declaration::new("SLOWLOG|GET", Group::Server, "2.2.12", Handler::Keys(get))
};

static HELP: Command = help::declare("SLOWLOG|HELP", Group::Server, "6.2.0");

static LEN: Command = Declaration {
    summary: "Returns how many calls the slow log holds.",
    flags: FLAGS,
    tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    ..Declaration::new("SLOWLOG|LEN", Group::Server, "2.2.12", Handler::Keys(length))
};

static RESET: Command = Declaration {
    summary: "Empties the slow log.",
    complexity: "O(N), where N is the number of calls in the slow log.",
    flags: FLAGS,
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Declaration::new("SLOWLOG|RESET", Group::Server, "2.2.12", Handler::Keys(reset))
};

fn get(call: &mut Call<'_>) -> Outcome {
    const USUAL: usize = 10;
    let mut arguments = call.arguments;
    if 1 < arguments.len() {
        return Err(help::wrong_subcommand_call(call));
    }
    let count = if arguments.is_empty() { USUAL } else { count_of(&mut arguments)? };
    let engine = call.engine;
    list(call, &engine.slow_log, count);
    Ok(())
}

/// How many entries are wanted; -1 is all of them.
pub(super) fn count_of(arguments: &mut Arguments<'_>) -> Result<usize, ReplyError> {
    let count = arguments.at_least(-1, NOT_A_COUNT)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Replies with the latest entries of a log.
pub(super) fn list(call: &mut Call<'_>, log: &CommandLog, count: usize) {
    let entries = log.latest(count);
    call.reply.array(entries.len());
    for entry in entries {
        call.reply.array(6);
        call.reply.integer(entry.id);
        call.reply.integer(entry.time_s);
        call.reply.unsigned(entry.cost);
        call.reply.array(entry.words.len());
        entry.words.iter().for_each(|word| call.reply.bulk(word));
        call.reply.bulk(entry.client_address.as_bytes());
        call.reply.bulk(&entry.client_name);
    }
}

const NOT_A_COUNT: ReplyError = ReplyError::message("count should be greater than or equal to -1");

fn length(call: &mut Call<'_>) -> Outcome {
    call.reply.unsigned(call.engine.slow_log.len() as u64);
    Ok(())
}

fn reset(call: &mut Call<'_>) -> Outcome {
    call.engine.slow_log.clear();
    call.reply.ok();
    Ok(())
}
