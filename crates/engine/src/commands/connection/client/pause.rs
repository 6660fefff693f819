//! CLIENT PAUSE and CLIENT UNPAUSE: calls wait, so that an operator can move a primary without losing writes.
//!
//! PAUSE closes all gates: when its caller is answered, no worker is in the middle of a write that began before.

use command::argument::{integer, one_of, token};
use command::{Command as Declaration, Group};
use keyspace::ExpiryMode;
use resp::ReplyError;

use super::super::super::help::wrong_subcommand_call;
use super::OTHERS;
use crate::command_table::{Command, Handler, Outcome};
use crate::{Call, PauseKind};

pub(super) static PAUSE: Command = Declaration {
    summary: "Lets calls wait for some milliseconds: all, or only those that may write.",
    flags: OTHERS,
    arguments: &[
        integer("timeout"),
        one_of("mode", &[token("write", "WRITE"), token("all", "ALL")]).optional().since("6.2.0"),
    ],
    history: &[("6.2.0", "The mode came: before, all calls waited.")],
    ..Declaration::new("CLIENT|PAUSE", Group::Connection, "3.0.0", Handler::Everything(pause))
};

pub(super) static UNPAUSE: Command = Declaration {
    summary: "Lets calls that wait go on.",
    complexity: "O(N), N being the number of connections that wait",
    flags: OTHERS,
    ..Declaration::new("CLIENT|UNPAUSE", Group::Connection, "6.2.0", Handler::Keys(unpause))
};

fn pause(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let duration = arguments.string()?;
    if 1 < arguments.len() {
        return Err(wrong_subcommand_call(call));
    }
    let kind = match arguments.next_word() {
        None => PauseKind::All,
        Some(mode) if mode.eq_ignore_ascii_case(b"WRITE") => PauseKind::Writes,
        Some(mode) if mode.eq_ignore_ascii_case(b"ALL") => PauseKind::All,
        Some(_) => return Err(ReplyError::message("CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let now_ms = call.now_ms();
    let end_ms = parse_end(duration, now_ms)?;
    call.engine.pause.begin(kind, end_ms, now_ms);
    // Others will see it when they begin their rounds; this one has begun.
    call.keys.round.expiry = ExpiryMode::Hide;
    call.reply.ok();
    Ok(())
}

fn parse_end(duration: &[u8], now_ms: i64) -> Result<i64, ReplyError> {
    let duration_ms = resp::number::parse_integer(duration)
        .ok_or(ReplyError::message("timeout is not an integer or out of range"))?;
    if duration_ms < 0 {
        return Err(ReplyError::message("timeout is negative"));
    }
    now_ms.checked_add(duration_ms).ok_or(ReplyError::message("timeout is out of range"))
}

fn unpause(call: &mut Call<'_>) -> Outcome {
    call.engine.pause.end();
    call.engine.host.wake_workers();
    call.reply.ok();
    Ok(())
}
