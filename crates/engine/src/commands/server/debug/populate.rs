//! DEBUG POPULATE: many keys at once.

use std::io::Write as _;

use keyspace::SetExpiry;
use resp::ReplyError;

use crate::Call;
use crate::command_table::Outcome;

/// Sets `prefix:0`, `prefix:1` and so on, unless they are there.
///
/// Nothing is told of the keys, as it is no write that a replica would see.
pub(super) fn populate(call: &mut Call<'_>) -> Outcome {
    let count = call.arguments.unsigned_or(NOT_POSITIVE).map_err(|_| NOT_POSITIVE)?;
    let prefix = call.arguments.next_word().unwrap_or(b"key");
    let size = if call.arguments.is_empty() {
        0
    } else {
        call.arguments.unsigned_or(NOT_POSITIVE).map_err(|_| NOT_POSITIVE)?
    };
    let size =
        usize::try_from(size).ok().filter(|size| *size as u64 <= call.config.limits.bulk_bytes);
    let size = size.ok_or(NOT_POSITIVE)?;
    let (mut key, mut value) = (Vec::new(), Vec::new());
    for number in 0..count {
        key.clear();
        key.extend_from_slice(prefix);
        // Writing to a vector cannot fail.
        let _written = write!(key, ":{number}");
        if call.keys.peek(&key).is_some() {
            continue;
        }
        value.clear();
        let _written = write!(value, "value:{number}");
        if 0 < size {
            value.resize(size, 0);
        }
        call.keys.set_string(&key, &value, SetExpiry::Clear);
    }
    call.reply.ok();
    Ok(())
}

const NOT_POSITIVE: ReplyError = ReplyError::message("value is out of range, must be positive");
