//! Estimating: PFCOUNT.

use collections::hyper_log_log::{self, Histogram, REGISTERS};
use command::argument::key;
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::Encoding;

use super::{CORRUPT, value_of};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static PFCOUNT: Command = Declaration {
    summary: "Estimates how many different elements were added to the HyperLogLog at a key, or to those at several keys together.",
    complexity: "O(1) for one key, and less still until it changes. O(N) for N keys, each of which takes longer.",
    flags: Flags::READ_ONLY.and(Flags::MAY_REPLICATE),
    keys: &[KeySpec::read_write(1).to_last().accesses()],
    arguments: &[key("key").multiple()],
    ..Declaration::new("PFCOUNT", Group::HyperLogLog, "2.8.9", Handler::Keys(pfcount))
};

fn pfcount(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let estimate = if arguments.is_empty() { of_one(call, key)? } else { of_union(call)? };
    call.reply.unsigned(estimate);
    Ok(())
}

/// The estimate for one value, which is noted in it: replicas note it as well, so that values stay equal byte for byte.
fn of_one(call: &mut Call<'_>, key: &[u8]) -> Result<u64, resp::ReplyError> {
    let Some(entry) = call.keys.read(key) else { return Ok(0) };
    let value = value_of(entry)?;
    if let Some(cached) = value.cached() {
        if entry.encoding() != Encoding::Raw {
            // As in Redis: it is kept as bytes that may be changed in place, though they were not.
            call.keys.overwrite_string(key, |_| ());
        }
        return Ok(cached);
    }
    let estimate = value.estimate().map_err(|_| CORRUPT)?;
    call.keys.overwrite_string(key, |bytes| hyper_log_log::cache(bytes, estimate));
    call.modified(key, events::NOTED);
    Ok(estimate)
}

/// The estimate for the union of several.
fn of_union(call: &mut Call<'_>) -> Result<u64, resp::ReplyError> {
    let mut registers = [0; REGISTERS];
    for key in call.arguments.rest().iter() {
        if let Some(entry) = call.keys.read(key) {
            value_of(entry)?.merge_into(&mut registers).map_err(|_| CORRUPT)?;
        }
    }
    Ok(Histogram::of(&registers).estimate())
}
