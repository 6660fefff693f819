//! Removing a key if its value is what the client thinks it is, and the digest that such a comparison may go by: DELEX,
//! DELIFEQ and DIGEST.

use command::argument::{key, one_of, string};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::Decimal;
use resp::ReplyError;

use super::condition::{
    Comparison, DIFFERENT, DIGEST_DIFFERENT, DIGEST_EQUAL, EQUAL, digest, digest_text,
};
use super::string_of;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static DELEX: Command = Declaration {
    summary: "Removes a key, given a condition only if its string meets it.",
    complexity: "O(1); with IFDEQ and IFDNE O(N), where N is the length of the string.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).deletes().variable_flags()],
    arguments: &[
        key("key"),
        one_of("condition", &[EQUAL, DIFFERENT, DIGEST_EQUAL, DIGEST_DIFFERENT]).optional(),
    ],
    ..Declaration::new("DELEX", Group::String, "8.4.0", Handler::Keys(delex))
};

fn delex(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let condition = if arguments.is_empty() {
        None
    } else {
        let keyword = arguments.keyword()?;
        Some(Comparison::read(&keyword, &mut arguments)?.ok_or(ReplyError::Syntax)?)
    };
    arguments.finish()?;
    remove_if(call, key, condition)
}

pub(super) static DELIFEQ: Command = Declaration {
    summary: "Removes a key if its string equals the one given.",
    complexity: "O(1)",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).deletes()],
    arguments: &[key("key"), string("value")],
    ..Declaration::new("DELIFEQ", Group::String, "9.0.0", Handler::Keys(delifeq))
};

fn delifeq(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let value = arguments.string()?;
    remove_if(call, key, Some(Comparison::Equal(value)))
}

/// Removes a key if there is one that meets the condition.
fn remove_if(call: &mut Call<'_>, key: &[u8], condition: Option<Comparison<'_>>) -> Outcome {
    let admitted = match (call.keys.look(key), condition) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(entry), Some(comparison)) => comparison.admits(string_of(entry)?),
    };
    if admitted {
        call.keys.remove(key);
        call.modified(key, events::DELETE);
        // Every version of Redis understands this.
        call.replicate_as(&[b"DEL", key]);
    }
    call.reply.integer(i64::from(admitted));
    Ok(())
}

pub(super) static DIGEST: Command = Declaration {
    summary: "Returns the XXH3 digest of the string at a key.",
    complexity: "O(N), where N is the length of the string.",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key")],
    ..Declaration::new("DIGEST", Group::String, "8.4.0", Handler::Keys(reply_digest))
};

fn reply_digest(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    match call.keys.read(key).map(string_of).transpose()? {
        None => call.reply.null(),
        Some(value) => call.reply.bulk(&digest_text(digest(value.bytes(&mut Decimal::new())))),
    }
    Ok(())
}
