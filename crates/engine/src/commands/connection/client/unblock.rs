//! CLIENT UNBLOCK: ends the wait of another client.

use command::argument::{integer, one_of, token};
use command::{Command as Declaration, Group};
use resp::ReplyError;

use super::super::super::help::wrong_subcommand_call;
use super::OTHERS;
use crate::Call;
use crate::blocking::Ending;
use crate::clients::ClientId;
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
    let id = resp::number::parse_integer(id).ok_or(ReplyError::NotInteger)?;
    let ending =
        if reason.eq_ignore_ascii_case(b"ERROR") { Ending::Unblocked } else { Ending::TimedOut };
    let client = ClientId::try_from(id).ok().and_then(|id| call.engine.clients.find(id));
    let did_wait = client.is_some_and(|client| call.unblock(&client, ending));
    call.reply.integer(i64::from(did_wait));
    Ok(())
}
