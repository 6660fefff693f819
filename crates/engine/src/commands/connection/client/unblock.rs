//! CLIENT UNBLOCK: ends the wait of another client.

use command::argument::{integer, one_of, token};
use command::{Command as Declaration, Group};
use resp::ReplyError;

use super::super::super::help::wrong_subcommand_call;
use super::OTHERS;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static UNBLOCK: Command = Declaration {
    summary: "Ends the wait of a client that a command has blocked.",
    complexity: "O(log N), N being the number of connections",
    flags: OTHERS,
    arguments: &[
        integer("client-id"),
        one_of("unblock-type", &[token("timeout", "TIMEOUT"), token("error", "ERROR")]).optional(),
    ],
    ..Declaration::new("CLIENT|UNBLOCK", Group::Connection, "5.0.0", Handler::Keys(unblock))
};

fn unblock(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let id = arguments.string()?;
    if 1 < arguments.len() {
        return Err(wrong_subcommand_call(call));
    }
    let reason = arguments.next_word().unwrap_or(b"TIMEOUT");
    if !reason.eq_ignore_ascii_case(b"TIMEOUT") && !reason.eq_ignore_ascii_case(b"ERROR") {
        return Err(ReplyError::message("CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
    }
    resp::number::parse_integer(id).ok_or(ReplyError::NotInteger)?;
    // No command blocks yet, so nobody waits for anything but the end of a pause, which this does not end.
    call.reply.integer(0);
    Ok(())
}
