//! SET: storing a whole string, under conditions and with an expiry.

use command::argument::{key, string};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::SetExpiry;
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static SET: Command = Declaration {
    summary: "Stores a string at a key, whatever was there before.",
    complexity: "O(1)",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).accesses().updates()],
    arguments: &[key("key"), string("value")],
    ..Declaration::new("SET", Group::String, "1.0.0", Handler::Keys(set))
};

fn set(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let value = arguments.string()?;
    if !arguments.is_empty() {
        return Err(ReplyError::Syntax);
    }
    call.keys.set_string(key, value, SetExpiry::Clear);
    call.modified(key, events::SET);
    call.reply.ok();
    Ok(())
}
