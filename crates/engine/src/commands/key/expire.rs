//! Saying when keys expire: EXPIRE in four units, and PERSIST.
//!
//! All four are one operation, [`Expire`]: a point in time, and the conditions under which it replaces the present one.
//! Replicas and the append-only file are told points in time only, since they may be late.

use std::cmp::Ordering;

use command::argument::{Argument, integer, key, one_of, token, unix_time};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

const KEYS: &[KeySpec] = &[KeySpec::read_write(1).updates()];

const CONDITION: Argument = one_of(
    "condition",
    &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
)
.optional()
.since("7.0.0");

const HISTORY: &[(&str, &str)] = &[("7.0.0", "Has the options `NX`, `XX`, `GT` and `LT`.")];

pub(super) static EXPIRE: Command = Declaration {
    summary: "Has a key expire in that many seconds.",
    arguments: &[key("key"), integer("seconds"), CONDITION],
    history: HISTORY,
    ..declaration("EXPIRE", "1.0.0", |call| expire(call, Unit::Seconds, Origin::Now))
};

pub(super) static PEXPIRE: Command = Declaration {
    summary: "Has a key expire in that many milliseconds.",
    arguments: &[key("key"), integer("milliseconds"), CONDITION],
    history: HISTORY,
    ..declaration("PEXPIRE", "2.6.0", |call| expire(call, Unit::Milliseconds, Origin::Now))
};

pub(super) static EXPIREAT: Command = Declaration {
    summary: "Has a key expire at a time, in seconds since 1970.",
    arguments: &[key("key"), unix_time("unix-time-seconds"), CONDITION],
    history: HISTORY,
    ..declaration("EXPIREAT", "1.2.0", |call| expire(call, Unit::Seconds, Origin::Epoch))
};

pub(super) static PEXPIREAT: Command = Declaration {
    summary: "Has a key expire at a time, in milliseconds since 1970.",
    arguments: &[key("key"), unix_time("unix-time-milliseconds"), CONDITION],
    history: HISTORY,
    ..declaration("PEXPIREAT", "2.6.0", |call| expire(call, Unit::Milliseconds, Origin::Epoch))
};

pub(super) static PERSIST: Command = Declaration {
    summary: "Has a key that would expire stay.",
    arguments: &[key("key")],
    ..declaration("PERSIST", "2.2.0", persist)
};

const fn declaration(
    name: &'static str,
    since: &'static str,
    run: fn(&mut Call<'_>) -> Outcome,
) -> Command {
    Declaration {
        flags: Flags::WRITE.and(Flags::FAST),
        keys: KEYS,
        ..Declaration::new(name, Group::Generic, since, Handler::Keys(run))
    }
}

/// What the number in the call counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Unit {
    Seconds,
    Milliseconds,
}

/// When the number in the call counts from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Origin {
    Now,
    Epoch,
}

/// The conditions of a call.
#[derive(Clone, Copy, Default)]
struct Conditions {
    /// NX.
    only_without: bool,
    /// XX.
    only_with: bool,
    /// GT or LT: how the new time must compare to the present one.
    direction: Option<Ordering>,
}

impl Conditions {
    fn parse(options: Arguments<'_>) -> Result<Conditions, ReplyError> {
        let (mut nx, mut xx, mut gt, mut lt) = (false, false, false, false);
        for word in options.rest().iter() {
            let option = match word.to_ascii_uppercase().as_slice() {
                b"NX" => &mut nx,
                b"XX" => &mut xx,
                b"GT" => &mut gt,
                b"LT" => &mut lt,
                _ => return Err(unsupported(word)),
            };
            *option = true;
        }
        if nx && (xx || gt || lt) {
            return Err(NX_AND_OTHERS);
        }
        let direction = match (gt, lt) {
            (true, true) => return Err(GT_AND_LT),
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (false, false) => None,
        };
        Ok(Conditions { only_without: nx, only_with: xx, direction })
    }

    fn admit(self, present_ms: Option<i64>, new_ms: i64) -> bool {
        if self.only_without && present_ms.is_some() || self.only_with && present_ms.is_none() {
            return false;
        }
        let Some(direction) = self.direction else { return true };
        // A key that does not expire does so later than any other.
        let comparison = present_ms.map_or(Ordering::Less, |present_ms| new_ms.cmp(&present_ms));
        comparison == direction
    }
}

fn expire(call: &mut Call<'_>, unit: Unit, origin: Origin) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let mut number = arguments;
    arguments.skip();
    // The options are looked at before the number.
    let conditions = Conditions::parse(arguments)?;
    let time_ms = unix_ms(call, number.integer()?, unit, origin)?;

    let done = match call.keys.look(key).map(|entry| entry.expiry()) {
        Some(present_ms) if conditions.admit(present_ms, time_ms) => {
            apply(call, key, time_ms, arguments);
            true
        }
        Some(_) | None => false,
    };
    call.reply.integer(done.into());
    Ok(())
}

fn apply(call: &mut Call<'_>, key: &[u8], time_ms: i64, options: Arguments<'_>) {
    if call.has_passed(time_ms) {
        call.keys.remove(key);
        call.modified(key, events::DELETE);
        let lazy = call.config.memory.lazy_expire;
        call.replicate_as(&[if lazy { b"UNLINK" } else { b"DEL" }, key]);
        return;
    }
    call.keys.set_expiry(key, Some(time_ms));
    call.modified(key, events::EXPIRE);
    let mut decimal = itoa::Buffer::new();
    let mut words: Vec<&[u8]> = vec![b"PEXPIREAT", key, decimal.format(time_ms).as_bytes()];
    words.extend(options.rest().iter());
    call.replicate_as(&words);
}

/// Unix time in ms.
fn unix_ms(call: &Call<'_>, number: i64, unit: Unit, origin: Origin) -> Result<i64, ReplyError> {
    let number_ms = match unit {
        Unit::Seconds => number.checked_mul(1000),
        Unit::Milliseconds => Some(number),
    };
    let origin_ms = match origin {
        Origin::Now => call.now_ms(),
        Origin::Epoch => 0,
    };
    number_ms
        .and_then(|number_ms| number_ms.checked_add(origin_ms))
        .ok_or_else(|| invalid_expiry(call.callable.name()))
}

fn persist(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let expires = call.keys.look(key).is_some_and(|entry| entry.expiry().is_some());
    if expires {
        call.keys.set_expiry(key, None);
        call.modified(key, events::PERSIST);
    }
    call.reply.integer(expires.into());
    Ok(())
}

/// The error for a time to live that leads beyond the end of time, in the command of this name in lower case.
pub(in crate::commands) fn invalid_expiry(command: &str) -> ReplyError {
    ReplyError::quoting(format!("ERR invalid expire time in '{command}' command").into_bytes())
}

fn unsupported(option: &[u8]) -> ReplyError {
    let mut line = b"ERR Unsupported option ".to_vec();
    // Redis's strings end at a NUL here, and its errors don't end with line endings.
    line.extend(option.iter().take_while(|byte| **byte != 0));
    while line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        line.pop();
    }
    ReplyError::quoting(line)
}

const NX_AND_OTHERS: ReplyError =
    ReplyError::message("NX and XX, GT or LT options at the same time are not compatible");
const GT_AND_LT: ReplyError =
    ReplyError::message("GT and LT options at the same time are not compatible");
