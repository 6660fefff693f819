//! Setting fields together with the time at which they expire: HSETEX.

use collections::hash::{Limits, SetExpiry};
use collections::{Collection, Hash};
use command::argument::{block, integer, key, one_of, string, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use keyspace::Decimal;
use resp::{ReplyError, Words};

use super::delete::removed_fields;
use super::expiration::{self, Expiration};
use super::expire::{replicate_expiry, replicate_removal};
use super::{forget_expired, limits};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static HSETEX: Command = Declaration {
    summary: "Sets fields of a hash and tells them when to expire.",
    complexity: "O(N) where N is the number of fields to set.",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: &[KeySpec::read_write(1).updates()],
    arguments: &[
        key("key"),
        one_of("condition", &[token("fnx", "FNX"), token("fxx", "FXX")]).optional(),
        one_of(
            "expiration",
            &[
                expiration::SECONDS,
                expiration::MILLISECONDS,
                expiration::UNIX_TIME_SECONDS,
                expiration::UNIX_TIME_MILLISECONDS,
                token("keepttl", "KEEPTTL"),
            ],
        )
        .optional(),
        block(
            "fields",
            &[integer("numfields"), block("data", &[string("field"), string("value")]).multiple()],
        )
        .after("FIELDS"),
    ],
    ..Declaration::new("HSETEX", Group::Hash, "8.0.0", Handler::Keys(hsetex))
};

/// What must hold for anything to be set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// None of the fields is there.
    Absent,
    /// All are.
    Present,
}

/// When the fields expire.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lifetime {
    Unlimited,
    /// When they did before.
    Keep,
    /// Unix time in ms.
    Until(i64),
}

struct Options<'a> {
    condition: Option<Condition>,
    lifetime: Lifetime,
    /// Names and values.
    words: Words<'a>,
}

impl<'a> Options<'a> {
    /// Reads all; they may come in any order.
    fn read(call: &Call<'_>, mut arguments: Arguments<'a>) -> Result<Options<'a>, ReplyError> {
        let (mut condition, mut lifetime, mut words) = (None, Lifetime::Unlimited, None);
        while let Some(word) = arguments.peek() {
            let keyword = arguments.peek_keyword();
            if arguments.accept(b"FIELDS") {
                if words.is_some() {
                    return Err(SEVERAL_FIELDS);
                }
                words = Some(pairs(call, &mut arguments)?);
            } else if arguments.accept(b"FNX") || arguments.accept(b"FXX") {
                if condition.is_some() {
                    return Err(SEVERAL_CONDITIONS);
                }
                let is_present = keyword.is_some_and(|keyword| &*keyword == b"FXX");
                condition = Some(if is_present { Condition::Present } else { Condition::Absent });
            } else if let Some(expiration) = Expiration::read(&mut arguments) {
                if lifetime != Lifetime::Unlimited {
                    return Err(SEVERAL_LIFETIMES);
                }
                let number = arguments.next_word().ok_or(NO_TIME)?;
                lifetime = Lifetime::Until(expiration.at_ms(call, number)?);
            } else if arguments.accept(b"KEEPTTL") {
                if lifetime != Lifetime::Unlimited {
                    return Err(SEVERAL_LIFETIMES);
                }
                lifetime = Lifetime::Keep;
            } else {
                let mut line = b"ERR unknown argument: ".to_vec();
                line.extend(word.iter().take_while(|byte| **byte != 0));
                return Err(ReplyError::quoting(line));
            }
        }
        Ok(Options { condition, lifetime, words: words.ok_or(NO_FIELDS)? })
    }
}

/// `numfields field value [field value ...]`
fn pairs<'a>(call: &Call<'_>, arguments: &mut Arguments<'a>) -> Result<Words<'a>, ReplyError> {
    let wrong_arity = || ReplyError::WrongArity(call.callable.name());
    if arguments.len() < 3 {
        return Err(wrong_arity());
    }
    let fields = arguments.at_least(1, NUMBER_INVALID)?;
    let fields = usize::try_from(fields).ok().filter(|_| i32::try_from(fields).is_ok());
    let words = fields.ok_or(NUMBER_INVALID)?.saturating_mul(2);
    arguments.split(words).map(|words| words.rest()).map_err(|_| wrong_arity())
}

fn hsetex(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let options = Options::read(call, arguments)?;
    // The type is looked at before anything that has expired is removed.
    call.keys.look_as::<Hash>(key)?;

    forget_expired(&mut call.keys, key, names(options.words));
    let limits = limits(call.config);
    let set = call.keys.edit::<Hash, _>(key, |hash| {
        let is_there = |name: &[u8]| hash.to_ref().field(name).is_some();
        let admitted = match options.condition {
            None => true,
            Some(Condition::Absent) => !names(options.words).any(is_there),
            Some(Condition::Present) => names(options.words).all(is_there),
        };
        if admitted {
            set_all(hash, &options, limits);
        }
        admitted
    })?;
    if set {
        call.modified(key, events::HASH_SET);
        call.changed((options.words.len() as u64 / 2).saturating_sub(1));
        limit_lives(call, key, &options)?;
    }
    call.reply.integer(set.into());
    Ok(())
}

fn names(words: Words<'_>) -> impl Iterator<Item = &[u8]> {
    words.iter().step_by(2)
}

fn set_all(hash: &mut Hash, options: &Options<'_>, limits: Limits) {
    let words = options.words;
    hash.prepare(words.len() / 2, words.iter(), limits);
    if let Lifetime::Until(_) = options.lifetime {
        hash.prepare_expiry();
    }
    let expiry = match options.lifetime {
        Lifetime::Unlimited => SetExpiry::Clear,
        // The new time comes right after.
        Lifetime::Keep | Lifetime::Until(_) => SetExpiry::Keep,
    };
    for (name, value) in names(words).zip(words.skip(1).iter().step_by(2)) {
        hash.set(name, value, expiry, limits);
        if let Lifetime::Until(expiry_ms) = options.lifetime {
            hash.set_expiry(name, Some(expiry_ms));
        }
    }
}

/// Ends a call that has set fields: removes them again if their time has passed, and has it all replicated in words that older
/// versions know as well.
fn limit_lives(call: &mut Call<'_>, key: &[u8], options: &Options<'_>) -> Outcome {
    let names: Vec<&[u8]> = names(options.words).collect();
    if let Lifetime::Until(expiry_ms) = options.lifetime
        && call.has_passed(expiry_ms)
    {
        let emptied = call.keys.edit_present::<Hash, _>(key, |hash| {
            for name in &names {
                hash.remove(name);
            }
            hash.is_empty()
        })?;
        removed_fields(call, key, names.len(), emptied.unwrap_or(false));
        replicate_removal(call, key, names.into_iter());
        return Ok(());
    }
    let words: Vec<&[u8]> = [&b"HSET"[..], key].into_iter().chain(options.words.iter()).collect();
    call.replicate_as(&words);
    match options.lifetime {
        Lifetime::Unlimited => {}
        Lifetime::Until(expiry_ms) => {
            call.also_modified(key, events::FIELDS_EXPIRE);
            replicate_expiry(call, key, expiry_ms, None, &names);
        }
        Lifetime::Keep => replicate_kept(call, key, &names)?,
    }
    Ok(())
}

/// Has the times replicated that fields have kept: to be set has made them fields that do not expire.
fn replicate_kept(call: &mut Call<'_>, key: &[u8], names: &[&[u8]]) -> Outcome {
    let hash = call.keys.peek_as::<Hash>(key)?;
    let expiry_of = |name: &&[u8]| hash?.field(name)?.expiry;
    let expiries: Vec<Option<i64>> = names.iter().map(expiry_of).collect();
    for (name, expiry_ms) in names.iter().zip(expiries) {
        if let Some(expiry_ms) = expiry_ms {
            let mut decimal = Decimal::new();
            let expiry = decimal.format(expiry_ms).as_bytes();
            call.replicate_as(&[b"HPEXPIREAT", key, expiry, b"FIELDS", b"1", name]);
        }
    }
    Ok(())
}

const SEVERAL_FIELDS: ReplyError = ReplyError::message("multiple FIELDS argument");
const SEVERAL_CONDITIONS: ReplyError =
    ReplyError::message("Only one of FXX or FNX arguments can be specified");
const SEVERAL_LIFETIMES: ReplyError =
    ReplyError::message("Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
const NO_TIME: ReplyError = ReplyError::message("missing expire time");
const NO_FIELDS: ReplyError = ReplyError::message("missing FIELDS argument");
const NUMBER_INVALID: ReplyError = ReplyError::message("invalid number of fields");
