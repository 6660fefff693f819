//! SLOWLOG: the calls that took longest lately.

use command::argument::integer;
use command::{Command as Declaration, Flags, Group};
use resp::ReplyError;

use crate::Call;
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
    let count = if arguments.is_empty() {
        USUAL
    } else {
        let count = arguments.at_least(-1, NOT_A_COUNT)?;
        // -1 is all of them.
        usize::try_from(count).unwrap_or(usize::MAX)
    };
    let calls = call.engine.slow_log.latest(count);
    call.reply.array(calls.len());
    for slow in calls {
        call.reply.array(6);
        call.reply.integer(slow.id);
        call.reply.integer(slow.time_s);
        call.reply.unsigned(slow.duration_us);
        call.reply.array(slow.words.len());
        slow.words.iter().for_each(|word| call.reply.bulk(word));
        call.reply.bulk(slow.client_address.as_bytes());
        call.reply.bulk(&slow.client_name);
    }
    Ok(())
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
