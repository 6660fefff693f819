//! Asking when fields expire: HTTL, HPTTL, HEXPIRETIME and HPEXPIRETIME.

use collections::Hash;
use command::argument::{Argument, key};
use command::{Command as Declaration, Flags, Group, KeySpec};

use super::{FIELDS, FIELDS_NOT_POSITIVE, fields};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome, Run};

pub(super) static HTTL: Command = Declaration {
    summary: "Returns in how many seconds fields of a hash expire.",
    ..declaration("HTTL", |call| answer(call, |expiry_ms, now_ms| seconds(expiry_ms - now_ms)))
};

pub(super) static HPTTL: Command = Declaration {
    summary: "Returns in how many milliseconds fields of a hash expire.",
    ..declaration("HPTTL", |call| answer(call, |expiry_ms, now_ms| expiry_ms - now_ms))
};

pub(super) static HEXPIRETIME: Command = Declaration {
    summary: "Returns when fields of a hash expire, in seconds since 1970.",
    ..declaration("HEXPIRETIME", |call| answer(call, |expiry_ms, _| seconds(expiry_ms)))
};

pub(super) static HPEXPIRETIME: Command = Declaration {
    summary: "Returns when fields of a hash expire, in milliseconds since 1970.",
    ..declaration("HPEXPIRETIME", |call| answer(call, |expiry_ms, _| expiry_ms))
};

const KEYS: &[KeySpec] = &[KeySpec::read_only(1).accesses()];
const ARGUMENTS: &[Argument] = &[key("key"), FIELDS];

const fn declaration(name: &'static str, run: Run) -> Command {
    Declaration {
        complexity: "O(N) where N is the number of fields given.",
        flags: Flags::READ_ONLY.and(Flags::FAST),
        keys: KEYS,
        arguments: ARGUMENTS,
        ..Declaration::new(name, Group::Hash, "7.4.0", Handler::Keys(run))
    }
}

/// Answers for each field: -2 if it is not there, -1 if it does not expire, else what `show` makes of the times (in ms) at
/// which it expires and that it is now.
fn answer(call: &mut Call<'_>, show: impl Fn(i64, i64) -> i64) -> Outcome {
    const NO_FIELD: i64 = -2;
    const NO_EXPIRY: i64 = -1;
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let now_ms = call.now_ms();
    let Call { keys, reply, .. } = call;
    // The type is looked at before the other arguments are, as in Redis.
    let hash = keys.read_as::<Hash>(key)?;
    let names = fields(&mut arguments, FIELDS_NOT_POSITIVE)?;

    reply.array(names.len());
    for name in names.iter() {
        reply.integer(match hash.and_then(|hash| hash.field(name)) {
            None => NO_FIELD,
            Some(field) => field.expiry.map_or(NO_EXPIRY, |expiry_ms| show(expiry_ms, now_ms)),
        });
    }
    Ok(())
}

/// Rounded up: a field that is there has at least a second left, unless it expires this very millisecond.
fn seconds(milliseconds: i64) -> i64 {
    milliseconds.saturating_add(999).div_euclid(1000)
}
