//! Strings as bitmaps.
//!
//! A bit is named by its offset: bit 0 is the most significant bit of the first byte. Reading never changes how a string is
//! kept, and what lies behind its end is zeros. Writing makes it as long as it has to be, and leaves bytes, as OBJECT ENCODING
//! tells.

mod bit;
mod combine;
mod count;
mod field;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;

use collections::bits::FieldType;
use resp::ReplyError;
use resp::number::parse_integer;

use crate::Call;
use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &bit::GETBIT,
    &bit::SETBIT,
    &combine::BITOP,
    &count::BITCOUNT,
    &count::BITPOS,
    &field::BITFIELD,
    &field::BITFIELD_RO,
];

/// Bits of a byte.
const BYTE: u64 = 8;

/// Where a bit is that a word names: within the longest string that there may be. A `#` before the number counts in fields of
/// a type.
fn offset(word: &[u8], field: Option<FieldType>, longest_bytes: u64) -> Result<u64, ReplyError> {
    let (digits, unit) = match (word.strip_prefix(b"#"), field) {
        (Some(digits), Some(field)) => (digits, u64::from(field.bits())),
        (Some(_), None) | (None, _) => (word, 1),
    };
    parse_integer(digits)
        .and_then(|number| u64::try_from(number).ok())
        .and_then(|number| number.checked_mul(unit))
        .filter(|offset| i64::try_from(*offset).is_ok() && offset / BYTE < longest_bytes)
        .ok_or(BAD_OFFSET)
}

/// Changes bytes of the string at a key, which has `present` bytes and is made at least `length` long.
fn edit<R>(
    call: &mut Call<'_>,
    key: &[u8],
    present: usize,
    length: usize,
    mut edit: impl FnMut(&mut [u8]) -> R,
) -> R {
    let edited = if length <= present { call.keys.overwrite_string(key, &mut edit) } else { None };
    edited.unwrap_or_else(|| {
        call.keys.edit_string(key, |bytes| {
            if bytes.is_empty() {
                // Memory that is asked for zeroed need not be touched.
                *bytes = vec![0; length];
            } else if bytes.len() < length {
                bytes.resize(length, 0);
            }
            edit(bytes)
        })
    })
}

const BAD_OFFSET: ReplyError = ReplyError::message("bit offset is not an integer or out of range");
