//! Reading whole strings.

use command::argument::key;
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::{Decimal, StringRef};
use resp::Reply;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static GET: Command = Declaration {
    summary: "Returns the string at a key.",
    complexity: "O(1)",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key")],
    ..Declaration::new("GET", Group::String, "1.0.0", Handler::Keys(get))
};

fn get(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let value = call.keys.read(key).map(|entry| entry.string());
    reply_string(&mut call.reply, value);
    Ok(())
}

/// Answers a string, or null if there is none.
pub(super) fn reply_string(reply: &mut Reply<'_>, value: Option<StringRef<'_>>) {
    match value {
        None => reply.null(),
        Some(StringRef::Bytes(bytes)) => reply.bulk(bytes),
        Some(StringRef::Integer(number)) => reply.bulk(Decimal::new().format(number).as_bytes()),
        Some(StringRef::Shared(shared)) => reply.bulk_shared(shared.clone()),
    }
}
