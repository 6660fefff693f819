//! Telling fields when to expire: HEXPIRE, HPEXPIRE, HEXPIREAT and HPEXPIREAT; and no longer to: HPERSIST.
//!
//! Each field is answered for: -2 if it is not there, 0 if the condition was not met, 1 if it was told, 2 if the time has passed
//! and it was removed.

use std::cmp::Ordering;

use collections::{Collection, Hash};
use command::argument::{Argument, integer, key, one_of, token, unix_time};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use keyspace::Decimal;
use resp::ReplyError;

use super::delete::removed_fields;
use super::{FIELDS, FIELDS_NOT_POSITIVE, fields, forget_expired};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome, Run};
use crate::commands::key::expire::{Origin, Unit, invalid_expiry};
use crate::events;

const COMPLEXITY: &str = "O(N) where N is the number of fields given.";

const CONDITION: Argument = one_of(
    "condition",
    &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
)
.optional();

pub(super) static HEXPIRE: Command = Declaration {
    summary: "Tells fields of a hash to expire after some seconds.",
    arguments: &[key("key"), integer("seconds"), CONDITION, FIELDS],
    ..declaration("HEXPIRE", |call| hexpire(call, Unit::Seconds, Origin::Now))
};

pub(super) static HPEXPIRE: Command = Declaration {
    summary: "Tells fields of a hash to expire after some milliseconds.",
    arguments: &[key("key"), integer("milliseconds"), CONDITION, FIELDS],
    ..declaration("HPEXPIRE", |call| hexpire(call, Unit::Milliseconds, Origin::Now))
};

pub(super) static HEXPIREAT: Command = Declaration {
    summary: "Tells fields of a hash to expire at a unix time in seconds.",
    arguments: &[key("key"), unix_time("unix-time-seconds"), CONDITION, FIELDS],
    ..declaration("HEXPIREAT", |call| hexpire(call, Unit::Seconds, Origin::Epoch))
};

pub(super) static HPEXPIREAT: Command = Declaration {
    summary: "Tells fields of a hash to expire at a unix time in milliseconds.",
    arguments: &[key("key"), unix_time("unix-time-milliseconds"), CONDITION, FIELDS],
    ..declaration("HPEXPIREAT", |call| hexpire(call, Unit::Milliseconds, Origin::Epoch))
};

const KEYS: &[KeySpec] = &[KeySpec::read_write(1).updates()];

const fn declaration(name: &'static str, run: Run) -> Command {
    Declaration {
        complexity: COMPLEXITY,
        flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
        keys: KEYS,
        ..Declaration::new(name, Group::Hash, "7.4.0", Handler::Keys(run))
    }
}

/// What must hold for a field to be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// It does not expire yet.
    Absent,
    /// It does.
    Present,
    /// It does, earlier.
    Later,
    /// It does not, or later.
    Earlier,
}

impl Condition {
    fn read(arguments: &mut Arguments<'_>) -> Option<Condition> {
        let condition = match &*arguments.peek_keyword()? {
            b"NX" => Condition::Absent,
            b"XX" => Condition::Present,
            b"GT" => Condition::Later,
            b"LT" => Condition::Earlier,
            _ => return None,
        };
        arguments.skip();
        Some(condition)
    }

    fn admits(self, present_ms: Option<i64>, new_ms: i64) -> bool {
        let order = present_ms.map(|present_ms| new_ms.cmp(&present_ms));
        match self {
            Condition::Absent => order.is_none(),
            Condition::Present => order.is_some(),
            Condition::Later => order == Some(Ordering::Greater),
            Condition::Earlier => order.is_none_or(|order| order == Ordering::Less),
        }
    }

    fn word(self) -> &'static [u8] {
        match self {
            Condition::Absent => b"NX",
            Condition::Present => b"XX",
            Condition::Later => b"GT",
            Condition::Earlier => b"LT",
        }
    }
}

const NO_FIELD: i64 = -2;
const NO_EXPIRY: i64 = -1;
const NOT_MET: i64 = 0;
const TOLD: i64 = 1;
const REMOVED: i64 = 2;

fn hexpire(call: &mut Call<'_>, unit: Unit, origin: Origin) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    // The type is looked at before the other arguments are, as in Redis.
    call.keys.look_as::<Hash>(key)?;
    let expiry_ms = expiry_ms(call, arguments.integer()?, unit, origin)?;
    let condition = Condition::read(&mut arguments);
    let names = fields(&mut arguments, NUMBER_NOT_POSITIVE)?;

    forget_expired(&mut call.keys, key, names.iter());
    let has_passed = call.has_passed(expiry_ms);
    let done = call.keys.edit_present::<Hash, _>(key, |hash| {
        hash.prepare_expiry();
        let tell = |name| {
            let Some(field) = hash.to_ref().field(name) else { return NO_FIELD };
            if condition.is_some_and(|condition| !condition.admits(field.expiry, expiry_ms)) {
                NOT_MET
            } else if has_passed {
                hash.remove(name);
                REMOVED
            } else {
                hash.set_expiry(name, Some(expiry_ms));
                TOLD
            }
        };
        let answers: Vec<i64> = names.iter().map(tell).collect();
        (answers, hash.is_empty())
    })?;

    let (answers, emptied) = done.unwrap_or_else(|| (vec![NO_FIELD; names.len()], false));
    reply_answers(call, &answers);
    let of =
        |wanted| answers.iter().zip(names.iter()).filter(move |(answer, _)| **answer == wanted);
    let removed: Vec<&[u8]> = of(REMOVED).map(|(_, name)| name).collect();
    if !removed.is_empty() {
        removed_fields(call, key, removed.len(), emptied);
        replicate_removal(call, key, removed.iter().copied());
    }
    let told: Vec<&[u8]> = of(TOLD).map(|(_, name)| name).collect();
    if !told.is_empty() {
        call.modified(key, events::FIELDS_EXPIRE);
        call.changed((told.len() as u64).saturating_sub(1));
        replicate_expiry(call, key, expiry_ms, condition.map(Condition::word), &told);
    }
    Ok(())
}

/// Unix time in ms.
pub(super) fn expiry_ms(
    call: &Call<'_>,
    number: i64,
    unit: Unit,
    origin: Origin,
) -> Result<i64, ReplyError> {
    /// What fits into the 46 bits that Redis has for it.
    const LAST_MS: i64 = (1 << 46) - 1;
    if number < 0 {
        return Err(NEGATIVE);
    }
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
        .filter(|expiry_ms| *expiry_ms <= LAST_MS)
        .ok_or_else(|| invalid_expiry(call.callable.name()))
}

/// Has it replicated that fields were told when to expire.
pub(super) fn replicate_expiry(
    call: &mut Call<'_>,
    key: &[u8],
    expiry_ms: i64,
    condition: Option<&[u8]>,
    names: &[&[u8]],
) {
    let (mut expiry, mut count) = (Decimal::new(), Decimal::new());
    let mut words: Vec<&[u8]> = vec![b"HPEXPIREAT", key, expiry.format(expiry_ms).as_bytes()];
    words.extend(condition);
    words.extend([&b"FIELDS"[..], count.format(names.len()).as_bytes()]);
    words.extend(names);
    call.replicate_as(&words);
}

/// Has it replicated that fields were removed.
pub(super) fn replicate_removal<'n>(
    call: &mut Call<'_>,
    key: &'n [u8],
    names: impl Iterator<Item = &'n [u8]>,
) {
    let words: Vec<&[u8]> = [&b"HDEL"[..], key].into_iter().chain(names).collect();
    call.replicate_as(&words);
}

pub(super) static HPERSIST: Command = Declaration {
    summary: "Tells fields of a hash not to expire.",
    complexity: COMPLEXITY,
    flags: Flags::WRITE.and(Flags::FAST),
    keys: KEYS,
    arguments: &[key("key"), FIELDS],
    ..Declaration::new("HPERSIST", Group::Hash, "7.4.0", Handler::Keys(hpersist))
};

fn hpersist(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    call.keys.look_as::<Hash>(key)?;
    let names = fields(&mut arguments, FIELDS_NOT_POSITIVE)?;

    let now_ms = call.keys.elements_at();
    let answers = call
        .keys
        .edit_present::<Hash, _>(key, |hash| {
            let tell = |name| match hash.to_ref().at(now_ms).field(name) {
                None => NO_FIELD,
                Some(field) if field.expiry.is_none() => NO_EXPIRY,
                Some(_) => {
                    hash.set_expiry(name, None);
                    TOLD
                }
            };
            names.iter().map(tell).collect::<Vec<i64>>()
        })?
        .unwrap_or_else(|| vec![NO_FIELD; names.len()]);
    let told = answers.iter().filter(|answer| **answer == TOLD).count();
    if 0 < told {
        call.modified(key, events::FIELDS_PERSIST);
        call.changed((told as u64).saturating_sub(1));
    }
    reply_answers(call, &answers);
    Ok(())
}

fn reply_answers(call: &mut Call<'_>, answers: &[i64]) {
    call.reply.array(answers.len());
    for &answer in answers {
        call.reply.integer(answer);
    }
}

const NEGATIVE: ReplyError = ReplyError::message("invalid expire time, must be >= 0");
const NUMBER_NOT_POSITIVE: ReplyError =
    ReplyError::message("Parameter `numFields` should be greater than 0");
