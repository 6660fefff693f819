//! Adding to the number that a string is: INCR and its kin, and INCRBYFLOAT.

use command::argument::{double, integer, key};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::{SetExpiry, StringRef};
use resp::ReplyError;
use resp::number::{LongDouble, parse_integer};

use super::string_of;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

const FLAGS: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST);
const KEYS: &[KeySpec] = &[KeySpec::read_write(1).accesses().updates()];

pub(super) static INCR: Command = Declaration {
    summary: "Adds one to the integer at a key, which is 0 if the key is not there.",
    complexity: "O(1)",
    flags: FLAGS,
    keys: KEYS,
    arguments: &[key("key")],
    ..Declaration::new("INCR", Group::String, "1.0.0", Handler::Keys(incr))
};

fn incr(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    add(call, key, 1)
}

pub(super) static DECR: Command = Declaration {
    summary: "Takes one off the integer at a key, which is 0 if the key is not there.",
    complexity: "O(1)",
    flags: FLAGS,
    keys: KEYS,
    arguments: &[key("key")],
    ..Declaration::new("DECR", Group::String, "1.0.0", Handler::Keys(decr))
};

fn decr(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    add(call, key, -1)
}

pub(super) static INCRBY: Command = Declaration {
    summary: "Adds an integer to the one at a key, which is 0 if the key is not there.",
    complexity: "O(1)",
    flags: FLAGS,
    keys: KEYS,
    arguments: &[key("key"), integer("increment")],
    ..Declaration::new("INCRBY", Group::String, "1.0.0", Handler::Keys(incrby))
};

fn incrby(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let increment = call.arguments.integer()?;
    add(call, key, increment)
}

pub(super) static DECRBY: Command = Declaration {
    summary: "Takes an integer off the one at a key, which is 0 if the key is not there.",
    complexity: "O(1)",
    flags: FLAGS,
    keys: KEYS,
    arguments: &[key("key"), integer("decrement")],
    ..Declaration::new("DECRBY", Group::String, "1.0.0", Handler::Keys(decrby))
};

fn decrby(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let decrement = call.arguments.integer()?;
    let increment = decrement.checked_neg().ok_or(DECREMENT_OVERFLOWS)?;
    add(call, key, increment)
}

fn add(call: &mut Call<'_>, key: &[u8], increment: i64) -> Outcome {
    let sum = call.keys.update_integer(key, |present| {
        let number = match present.map(string_of).transpose()? {
            None => 0,
            Some(StringRef::Integer(number)) => number,
            Some(StringRef::Bytes(text)) => integer_of(text)?,
            Some(StringRef::Shared(text)) => integer_of(text)?,
        };
        number.checked_add(increment).ok_or(SUM_OVERFLOWS)
    })?;
    call.modified(key, events::INCREMENT);
    call.reply.integer(sum);
    Ok(())
}

fn integer_of(text: &[u8]) -> Result<i64, ReplyError> {
    parse_integer(text).ok_or(ReplyError::NotInteger)
}

pub(super) static INCRBYFLOAT: Command = Declaration {
    summary: "Adds a decimal number to the one at a key, which is 0 if the key is not there.",
    complexity: "O(1)",
    flags: FLAGS,
    keys: KEYS,
    arguments: &[key("key"), double("increment")],
    ..Declaration::new("INCRBYFLOAT", Group::String, "2.6.0", Handler::Keys(incrbyfloat))
};

fn incrbyfloat(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let increment = call.arguments.string()?;

    // The type of the value is looked at before the increment is, as in Redis.
    let present = match call.keys.look(key).map(string_of).transpose()? {
        None => LongDouble::from_integer(0),
        Some(StringRef::Integer(number)) => LongDouble::from_integer(number),
        Some(StringRef::Bytes(text)) => float_of(text)?,
        Some(StringRef::Shared(text)) => float_of(text)?,
    };
    let sum = present + float_of(increment)?;
    if !sum.is_finite() {
        return Err(NOT_FINITE);
    }
    let mut text = Vec::with_capacity(SUM_TEXT);
    sum.write_to(&mut text);
    call.keys.set_bytes(key, &text, SetExpiry::Keep);
    call.modified(key, events::INCREMENT_FLOAT);
    // The sum and not the sum's making: elsewhere it might be rounded in another way.
    call.replicate_as(&[b"SET", key, &text, b"KEEPTTL"]);
    call.reply.bulk(&text);
    Ok(())
}

fn float_of(text: &[u8]) -> Result<LongDouble, ReplyError> {
    LongDouble::parse(text).ok_or(ReplyError::NotFloat)
}

/// Bytes that the text of most sums needs.
const SUM_TEXT: usize = 40;

const SUM_OVERFLOWS: ReplyError = ReplyError::message("increment or decrement would overflow");
const DECREMENT_OVERFLOWS: ReplyError = ReplyError::message("decrement would overflow");
const NOT_FINITE: ReplyError = ReplyError::message("increment would produce NaN or Infinity");
