//! Reading whole strings: GET and STRLEN.

use command::argument::key;
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::StringRef;
use resp::Reply;

use super::string_of;
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
    let value = call.keys.read(key).map(string_of).transpose()?;
    reply_string(&mut call.reply, value);
    Ok(())
}

pub(super) static STRLEN: Command = Declaration {
    summary: "Returns the length of the string at a key in bytes.",
    complexity: "O(1)",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1)],
    arguments: &[key("key")],
    ..Declaration::new("STRLEN", Group::String, "2.2.0", Handler::Keys(strlen))
};

fn strlen(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let value = call.keys.read(key).map(string_of).transpose()?;
    call.reply.unsigned(value.map_or(0, |value| value.len()) as u64);
    Ok(())
}

/// Answers a string, or null if there is none.
#[inline]
pub(super) fn reply_string(reply: &mut Reply<'_>, value: Option<StringRef<'_>>) {
    match value {
        None => reply.null(),
        Some(StringRef::Bytes(bytes)) => reply.bulk(bytes),
        Some(StringRef::Integer(number)) => reply.bulk_integer(number),
        Some(StringRef::Shared(shared)) => reply.bulk_shared(shared.clone()),
    }
}
