//! Single bits: SETBIT and GETBIT.

use collections::bits;
use command::argument::{integer, key};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::{Decimal, Encoding, EntryRef};
use resp::ReplyError;

use super::super::string::string_of;
use super::{BYTE, edit, offset};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static SETBIT: Command = Declaration {
    summary: "Sets or clears a bit of the string at a key, which grows as far as needed, and returns what it was before.",
    complexity: "O(1); more if the string has to grow.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).accesses().updates()],
    arguments: &[key("key"), integer("offset"), integer("value")],
    ..Declaration::new("SETBIT", Group::Bitmap, "2.2.0", Handler::Keys(setbit))
};

fn setbit(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let offset = offset(arguments.string()?, None, call.config.limits.bulk_bytes)?;
    // Integers have but one form.
    let on = match arguments.string()? {
        b"0" => false,
        b"1" => true,
        _ => return Err(BAD_BIT),
    };

    // The limit on offsets is one on lengths in memory.
    let length = usize::try_from(offset / BYTE).ok().and_then(|byte| byte.checked_add(1));
    let length = length.ok_or(super::BAD_OFFSET)?;
    let present = call.keys.look(key).map(|entry| Present::of(entry, offset)).transpose()?;
    let was = present.is_some_and(|present| present.bit);
    match present {
        Some(present) if length <= present.length && present.bit == on => {
            if present.encoding != Encoding::Raw {
                // It is kept as bytes that were changed, though they were not.
                edit(call, key, present.length, length, |_| ());
            }
        }
        _ => {
            let present = present.map_or(0, |present| present.length);
            edit(call, key, present, length, |bytes| bits::set_bit(bytes, offset, on));
            call.modified(key, events::SET_BIT);
        }
    }
    call.reply.integer(i64::from(was));
    Ok(())
}

/// What matters of the string that is there.
#[derive(Clone, Copy)]
struct Present {
    bit: bool,
    length: usize,
    encoding: Encoding,
}

impl Present {
    #[inline]
    fn of(entry: EntryRef<'_>, offset: u64) -> Result<Present, ReplyError> {
        let string = string_of(entry)?;
        let mut decimal = Decimal::new();
        let bytes = string.bytes(&mut decimal);
        let bit = bits::bit(bytes, offset);
        Ok(Present { bit, length: bytes.len(), encoding: entry.encoding() })
    }
}

pub(super) static GETBIT: Command = Declaration {
    summary: "Returns a bit of the string at a key.",
    complexity: "O(1)",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key"), integer("offset")],
    ..Declaration::new("GETBIT", Group::Bitmap, "2.2.0", Handler::Keys(getbit))
};

fn getbit(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let offset = offset(arguments.string()?, None, call.config.limits.bulk_bytes)?;

    let value = call.keys.read(key).map(string_of).transpose()?;
    let mut decimal = Decimal::new();
    let bit = value.is_some_and(|value| bits::bit(value.bytes(&mut decimal), offset));
    call.reply.integer(i64::from(bit));
    Ok(())
}

const BAD_BIT: ReplyError = ReplyError::message("bit is not an integer or out of range");
