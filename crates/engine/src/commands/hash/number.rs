//! Adding to the number that a field's value is: HINCRBY and HINCRBYFLOAT.

use collections::Hash;
use collections::hash::{HashRef, SetExpiry};
use command::argument::{double, integer, key, string};
use command::{Command as Declaration, Flags, Group, KeySpec, Sought};
use keyspace::Decimal;
use resp::ReplyError;
use resp::number::LongDouble;

use super::{forget_expired, limits};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

const FLAGS: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST);
const KEYS: &[KeySpec] = &[KeySpec::read_write(1).accesses().updates()];

pub(super) static HINCRBY: Command = Declaration {
    summary: "Adds to the integer that a field of a hash is, which is 0 if the field is not there.",
    complexity: "O(1)",
    flags: FLAGS,
    keys: KEYS,
    sought: Sought::Element(2),
    arguments: &[key("key"), string("field"), integer("increment")],
    ..Declaration::new("HINCRBY", Group::Hash, "2.0.0", Handler::Keys(hincrby))
};

fn hincrby(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let name = arguments.string()?;
    let increment = arguments.integer()?;

    let limits = limits(call.config);
    forget_expired(&mut call.keys, key, std::iter::once(name));
    let sum = call.keys.edit::<Hash, _>(key, |hash| {
        let present = match hash.to_ref().value(name) {
            Some(value) => value.integer().ok_or(NOT_INTEGER)?,
            None => 0,
        };
        let sum = present.checked_add(increment).ok_or(OVERFLOWS)?;
        hash.set(name, Decimal::new().format(sum).as_bytes(), SetExpiry::Keep, limits);
        Ok::<i64, ReplyError>(sum)
    })??;
    call.modified(key, events::HASH_INCREMENT);
    call.reply.integer(sum);
    Ok(())
}

pub(super) static HINCRBYFLOAT: Command = Declaration {
    summary: "Adds to the decimal number that a field of a hash is, which is 0 if the field is not there.",
    complexity: "O(1)",
    flags: FLAGS,
    keys: KEYS,
    sought: Sought::Element(2),
    arguments: &[key("key"), string("field"), double("increment")],
    ..Declaration::new("HINCRBYFLOAT", Group::Hash, "2.6.0", Handler::Keys(hincrbyfloat))
};

fn hincrbyfloat(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let name = arguments.string()?;
    let increment = LongDouble::parse(arguments.string()?).ok_or(ReplyError::NotFloat)?;
    if !increment.is_finite() {
        return Err(INCREMENT_NOT_FINITE);
    }

    let limits = limits(call.config);
    forget_expired(&mut call.keys, key, std::iter::once(name));
    let (text, expiry_ms) = call.keys.edit::<Hash, _>(key, |hash| {
        let sum = present_float(hash.to_ref(), name)? + increment;
        if !sum.is_finite() {
            return Err(SUM_NOT_FINITE);
        }
        let mut text = Vec::with_capacity(SUM_TEXT);
        sum.write_to(&mut text);
        hash.set(name, &text, SetExpiry::Keep, limits);
        Ok((text, hash.to_ref().field(name).and_then(|field| field.expiry)))
    })??;
    call.modified(key, events::HASH_INCREMENT_FLOAT);
    // The sum and not the sum's making: elsewhere it might be rounded in another way.
    call.replicate_as(&[b"HSET", key, name, &text]);
    if let Some(expiry_ms) = expiry_ms {
        // To be set has made the field one that does not expire.
        let mut decimal = Decimal::new();
        let expiry = decimal.format(expiry_ms).as_bytes();
        call.replicate_as(&[b"HPEXPIREAT", key, expiry, b"FIELDS", b"1", name]);
    }
    call.reply.bulk(&text);
    Ok(())
}

fn present_float(hash: HashRef<'_>, name: &[u8]) -> Result<LongDouble, ReplyError> {
    match hash.value(name) {
        None => Ok(LongDouble::from_integer(0)),
        Some(value) => LongDouble::parse(value.bytes(&mut Decimal::new())).ok_or(NOT_FLOAT),
    }
}

/// Bytes that the text of most sums needs.
const SUM_TEXT: usize = 40;

const NOT_INTEGER: ReplyError = ReplyError::message("hash value is not an integer");
const NOT_FLOAT: ReplyError = ReplyError::message("hash value is not a float");
const OVERFLOWS: ReplyError = ReplyError::message("increment or decrement would overflow");
const INCREMENT_NOT_FINITE: ReplyError = ReplyError::message("value is NaN or Infinity");
const SUM_NOT_FINITE: ReplyError = ReplyError::message("increment would produce NaN or Infinity");
