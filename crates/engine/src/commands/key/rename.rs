//! Giving values another name: RENAME and RENAMENX.

use command::argument::key;
use command::{Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static RENAME: Command = Declaration {
    summary: "Gives the value at a key another name, whatever had that name before.",
    complexity: "O(1)",
    flags: Flags::WRITE,
    keys: &[KeySpec::read_write(1).accesses().deletes(), KeySpec::overwrite(2).updates()],
    arguments: &[key("key"), key("newkey").spec(1)],
    ..Declaration::new("RENAME", Group::Generic, "1.0.0", Handler::Keys(rename))
};

pub(super) static RENAMENX: Command = Declaration {
    summary: "Gives the value at a key another name, if there is no key of that name.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).accesses().deletes(), KeySpec::overwrite(2).inserts()],
    arguments: &[key("key"), key("newkey").spec(1)],
    history: &[("3.2.0", "Is no error if the names are the same.")],
    ..Declaration::new("RENAMENX", Group::Generic, "1.0.0", Handler::Keys(rename_if_new))
};

fn rename(call: &mut Call<'_>) -> Outcome {
    let (from, to) = names(call)?;
    if from != to {
        apply(call, from, to);
    }
    call.reply.ok();
    Ok(())
}

fn rename_if_new(call: &mut Call<'_>) -> Outcome {
    let (from, to) = names(call)?;
    let is_new = from != to && call.keys.peek(to).is_none();
    if is_new {
        apply(call, from, to);
    }
    call.reply.integer(is_new.into());
    Ok(())
}

/// The names in the call, of which the first is that of a key.
fn names<'a>(call: &mut Call<'a>) -> Result<(&'a [u8], &'a [u8]), ReplyError> {
    let (from, to) = (call.arguments.string()?, call.arguments.string()?);
    if call.keys.look(from).is_none() {
        return Err(ReplyError::NoSuchKey);
    }
    Ok((from, to))
}

fn apply(call: &mut Call<'_>, from: &[u8], to: &[u8]) {
    call.keys.rename(from, to);
    call.modified(from, events::RENAME_FROM);
    call.also_modified_in(call.keys.database(), to, events::RENAME_TO);
}
