//! SELECT: which logical database the client works in.

use command::argument::integer;
use command::{Command as Declaration, Flags, Group};
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static SELECT: Command = Declaration {
    summary: "Works in another logical database from here on.",
    flags: Flags::LOADING.and(Flags::STALE).and(Flags::FAST),
    arguments: &[integer("index")],
    ..Declaration::new("SELECT", Group::Connection, "1.0.0", Handler::Keys(select))
};

/// No index has more than 32 bits.
const TOO_BIG: ReplyError =
    ReplyError::message("value is out of range, value must between -2147483648 and 2147483647");

fn select(call: &mut Call<'_>) -> Outcome {
    let index = call.arguments.integer()?;
    let index = i32::try_from(index).map_err(|_| TOO_BIG)?;
    let database = usize::try_from(index)
        .ok()
        .filter(|&index| index < call.engine.keyspace.databases())
        .ok_or(ReplyError::message("DB index is out of range"))?;
    call.session.database = database;
    call.reply.ok();
    Ok(())
}
