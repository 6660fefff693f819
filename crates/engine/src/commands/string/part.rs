//! Parts of strings: APPEND, SETRANGE, GETRANGE and its old name SUBSTR.

use command::argument::{Argument, integer, key, string};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::{Decimal, SetExpiry};
use resp::ReplyError;

use super::string_of;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static APPEND: Command = Declaration {
    summary: "Appends bytes to the string at a key, which is created if it is not there.",
    complexity: "O(1), amortized: a string that grows is given room to grow further, so that few calls move it.",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: &[KeySpec::read_write(1).inserts()],
    arguments: &[key("key"), string("value")],
    ..Declaration::new("APPEND", Group::String, "2.0.0", Handler::Keys(append))
};

fn append(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let value = arguments.string()?;

    let length = match call.keys.peek(key).map(string_of).transpose()? {
        None => {
            call.keys.set_string(key, value, SetExpiry::Clear);
            value.len()
        }
        Some(present) => {
            let length = length_within(present.len() as u64, value, call.config)?;
            call.keys.edit_string(key, |bytes| bytes.extend_from_slice(value));
            length
        }
    };
    call.modified(key, events::APPEND);
    call.reply.unsigned(length as u64);
    Ok(())
}

pub(super) static SETRANGE: Command = Declaration {
    summary: "Overwrites bytes of the string at a key from an offset on; zeros fill what lies before it.",
    complexity: "O(M), where M is the length of the value; more if the string has to grow.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).updates()],
    arguments: &[key("key"), integer("offset"), string("value")],
    ..Declaration::new("SETRANGE", Group::String, "2.2.0", Handler::Keys(setrange))
};

fn setrange(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let offset = arguments.unsigned_or(OFFSET_OUT_OF_RANGE)?;
    let value = arguments.string()?;

    let present = call.keys.peek(key).map(string_of).transpose()?.map_or(0, |string| string.len());
    if value.is_empty() {
        call.reply.unsigned(present as u64);
        return Ok(());
    }
    let end = length_within(offset, value, call.config)?;
    let start = end - value.len();
    let length = call.keys.edit_string(key, |bytes| {
        if bytes.is_empty() {
            // Memory that is asked for zeroed need not be touched.
            *bytes = vec![0; end];
        } else if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[start..end].copy_from_slice(value);
        bytes.len()
    });
    call.modified(key, events::SET_RANGE);
    call.reply.unsigned(length as u64);
    Ok(())
}

/// Where `value` ends that is put at `offset`, if a string may be that long.
fn length_within(offset: u64, value: &[u8], config: &config::Config) -> Result<usize, ReplyError> {
    offset
        .checked_add(value.len() as u64)
        .filter(|&length| length <= config.limits.bulk_bytes)
        .and_then(|length| usize::try_from(length).ok())
        .ok_or(TOO_LONG)
}

const RANGE: &[Argument] = &[key("key"), integer("start"), integer("end")];
const RANGE_COMPLEXITY: &str = "O(N), where N is the length of what is returned.";

pub(super) static GETRANGE: Command = Declaration {
    summary: "Returns the bytes of the string at a key between two positions, the last one included.",
    complexity: RANGE_COMPLEXITY,
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: RANGE,
    ..Declaration::new("GETRANGE", Group::String, "2.4.0", Handler::Keys(getrange))
};

pub(super) static SUBSTR: Command = Declaration {
    summary: "Returns the bytes of the string at a key between two positions, the last one included.",
    complexity: RANGE_COMPLEXITY,
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: RANGE,
    deprecated_since: Some("2.0.0"),
    replaced_by: Some("`GETRANGE`"),
    ..Declaration::new("SUBSTR", Group::String, "1.0.0", Handler::Keys(getrange))
};

fn getrange(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let start = arguments.integer()?;
    let end = arguments.integer()?;

    let value = call.keys.read(key).map(string_of).transpose()?;
    let mut decimal = Decimal::new();
    let bytes = value.as_ref().map_or(&[][..], |value| value.bytes(&mut decimal));
    call.reply.bulk(range(bytes, start, end));
    Ok(())
}

/// The bytes from `start` through `end`; negative positions count from the end of all. An end before the first byte means
/// the first byte, unless both are negative and in the wrong order: so it is in Redis.
fn range(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && end < start {
        return &[];
    }
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let from_beginning = |position: i64| {
        let position = if position < 0 { length.saturating_add(position) } else { position };
        usize::try_from(position).unwrap_or(0)
    };
    let (start, end) = (from_beginning(start), from_beginning(end));
    bytes.get(start..=end.min(bytes.len().saturating_sub(1))).unwrap_or_default()
}

const OFFSET_OUT_OF_RANGE: ReplyError = ReplyError::message("offset is out of range");
const TOO_LONG: ReplyError =
    ReplyError::message("string exceeds maximum allowed size (proto-max-bulk-len)");
