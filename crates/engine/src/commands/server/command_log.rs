//! COMMANDLOG: the calls that cost most lately, by what they cost. SLOWLOG is the oldest part of it under its old name.

use command::argument::{Argument, integer, one_of, token};
use command::{Arguments, Command as Declaration, Flags, Group};
use resp::ReplyError;

use super::slow_log::{count_of, list};
use crate::command_log::CommandLog;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::help;
use crate::{Call, Engine};

pub(super) static COMMANDLOG: Command = Declaration {
    summary: "A container for commands about the logs of calls that cost much.",
    ..Declaration::container("COMMANDLOG", Group::Server, "8.1.0", &[&GET, &HELP, &LEN, &RESET])
};

const FLAGS: Flags = Flags::ADMIN.and(Flags::LOADING).and(Flags::STALE);

const KIND: Argument = one_of(
    "type",
    &[
        token("slow", "SLOW"),
        token("large-request", "LARGE-REQUEST"),
        token("large-reply", "LARGE-REPLY"),
    ],
);

static GET: Command = Declaration {
    summary: "Returns the latest calls of a log.",
    complexity: "O(N), where N is the number of calls returned.",
    flags: FLAGS,
    arguments: &[integer("count"), KIND],
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    ..Declaration::new("COMMANDLOG|GET", Group::Server, "8.1.0", Handler::Keys(get))
};

static HELP: Command = help::declare("COMMANDLOG|HELP", Group::Server, "8.1.0");

static LEN: Command = Declaration {
    summary: "Returns how many calls a log holds.",
    flags: FLAGS,
    arguments: &[KIND],
    tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    ..Declaration::new("COMMANDLOG|LEN", Group::Server, "8.1.0", Handler::Keys(length))
};

static RESET: Command = Declaration {
    summary: "Empties a log.",
    complexity: "O(N), where N is the number of calls in the log.",
    flags: FLAGS,
    arguments: &[KIND],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Declaration::new("COMMANDLOG|RESET", Group::Server, "8.1.0", Handler::Keys(reset))
};

/// The log that an argument names.
fn log_of<'e>(
    arguments: &mut Arguments<'_>,
    engine: &'e Engine,
) -> Result<&'e CommandLog, ReplyError> {
    let name = arguments.string()?;
    let logs: [(&[u8], &CommandLog); 3] = [
        (b"slow", &engine.slow_log),
        (b"large-request", &engine.large_requests),
        (b"large-reply", &engine.large_replies),
    ];
    let found = logs.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, log)| log).ok_or(NO_SUCH_LOG)
}

const NO_SUCH_LOG: ReplyError =
    ReplyError::message("type should be one of the following: slow, large-request, large-reply");

fn get(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let count = count_of(&mut arguments)?;
    let log = log_of(&mut arguments, call.engine)?;
    list(call, log, count);
    Ok(())
}

fn length(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let log = log_of(&mut arguments, call.engine)?;
    call.reply.unsigned(log.len() as u64);
    Ok(())
}

fn reset(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    log_of(&mut arguments, call.engine)?.clear();
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn large_requests_and_replies_are_kept() {
        let mut server = Server::new();
        let big = "x".repeat(2000);
        for (call, answer) in [
            (
                "CONFIG SET commandlog-request-larger-than 1000 commandlog-reply-larger-than 1500",
                "+OK",
            ),
            ("COMMANDLOG LEN large-request", ":0"),
            (&*format!("SET key {big}"), "+OK"),
            ("SET other short", "+OK"),
            ("COMMANDLOG LEN LARGE-REQUEST", ":1"),
            ("COMMANDLOG LEN large-reply", ":0"),
            ("STRLEN key", ":2000"),
        ] {
            assert_eq!(server.say(call), answer, "{call}");
        }
        assert!(server.say("GET key").contains("xxx"));
        assert_eq!(server.say("COMMANDLOG LEN large-reply"), ":1");
        let request = server.say("COMMANDLOG GET -1 large-request");
        // *3, three lengths, three words, and the ends of their lines.
        assert!(request.contains(" :2031 ") && request.contains("more bytes"), "{request}");
        let reply = server.say("COMMANDLOG GET 10 large-reply");
        assert!(reply.contains(" :2009 ") && reply.contains("$3 GET $3 key"), "{reply}");
        assert_eq!(server.say("COMMANDLOG RESET large-reply"), "+OK");
        assert_eq!(server.say("COMMANDLOG LEN large-reply"), ":0");
        assert_eq!(server.say("COMMANDLOG LEN large-request"), ":1");
    }

    #[test]
    fn slow_calls_are_those_of_slowlog() {
        let mut server = Server::new();
        assert_eq!(server.say("CONFIG SET commandlog-execution-slower-than 0"), "+OK");
        server.say("PING");
        assert_eq!(server.say("COMMANDLOG LEN slow"), ":2");
        assert_eq!(server.say("SLOWLOG LEN"), ":3");
        assert_eq!(
            server.say("CONFIG GET slowlog-log-slower-than"),
            "*2 $23 slowlog-log-slower-than $1 0"
        );
        assert_eq!(server.say("COMMANDLOG RESET slow"), "+OK");
        assert_eq!(server.say("SLOWLOG LEN"), ":1");
    }

    #[test]
    fn what_is_no_log_is_an_error() {
        let mut server = Server::new();
        for (call, answer) in [
            (
                "COMMANDLOG LEN fast",
                "-ERR type should be one of the following: slow, large-request, large-reply",
            ),
            ("COMMANDLOG GET -2 slow", "-ERR count should be greater than or equal to -1"),
            ("COMMANDLOG GET 1", "-ERR wrong number of arguments for 'commandlog|get' command"),
        ] {
            assert_eq!(server.say(call), answer, "{call}");
        }
    }
}
