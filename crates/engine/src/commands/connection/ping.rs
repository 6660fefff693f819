//! PING and ECHO: is anybody there?

use command::argument::string;
use command::{Command as Declaration, Flags, Group};
use resp::{Protocol, ReplyError};

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static PING: Command = Declaration {
    summary: "Answers PONG, or the message given.",
    flags: Flags::FAST.and(Flags::WHILE_SUBSCRIBED),
    arguments: &[string("message").optional()],
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    ..Declaration::new("PING", Group::Connection, "1.0.0", Handler::Keys(ping))
};

pub(super) static ECHO: Command = Declaration {
    summary: "Answers the message given.",
    flags: Flags::LOADING.and(Flags::STALE).and(Flags::FAST),
    arguments: &[string("message")],
    ..Declaration::new("ECHO", Group::Connection, "1.0.0", Handler::Keys(echo))
};

fn ping(call: &mut Call<'_>) -> Outcome {
    if 1 < call.arguments.len() {
        return Err(ReplyError::WrongArity("ping"));
    }
    if call.session.is_subscriber() && call.session.protocol == Protocol::Resp2 {
        // Looks like a message, which is what the client expects now.
        call.reply.array(2);
        call.reply.bulk(b"pong");
        call.reply.bulk(call.arguments.next_word().unwrap_or_default());
        return Ok(());
    }
    match call.arguments.next_word() {
        Some(message) => call.reply.bulk(message),
        None => call.reply.simple("PONG"),
    }
    Ok(())
}

fn echo(call: &mut Call<'_>) -> Outcome {
    let message = call.arguments.string()?;
    call.reply.bulk(message);
    Ok(())
}
