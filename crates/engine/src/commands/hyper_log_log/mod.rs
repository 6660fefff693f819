//! `HyperLogLog`s, which are strings that `collections::hyper_log_log` gives a meaning.

mod add;
mod count;
mod debug;
mod merge;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;

use collections::hyper_log_log::HyperLogLogRef;
use keyspace::{EntryRef, StringRef};
use resp::ReplyError;

use super::string::string_of;
use crate::Call;
use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] =
    &[&add::PFADD, &count::PFCOUNT, &debug::PFDEBUG, &debug::PFSELFTEST, &merge::PFMERGE];

/// The `HyperLogLog` that an entry holds, if it holds one.
fn value_of(entry: EntryRef<'_>) -> Result<HyperLogLogRef<'_>, ReplyError> {
    let bytes: &[u8] = match string_of(entry)? {
        StringRef::Bytes(bytes) => bytes,
        StringRef::Shared(shared) => shared.as_slice(),
        StringRef::Integer(_) => return Err(FOREIGN),
    };
    HyperLogLogRef::new(bytes).map_err(|_| FOREIGN)
}

/// Bytes that a sparse value may have.
fn sparse_limit(call: &Call<'_>) -> usize {
    usize::try_from(call.config.data_structures.hyper_log_log_sparse_bytes).unwrap_or(usize::MAX)
}

const FOREIGN: ReplyError =
    ReplyError::coded("WRONGTYPE Key is not a valid HyperLogLog string value.");
const CORRUPT: ReplyError = ReplyError::coded("INVALIDOBJ Corrupted HLL object detected");
