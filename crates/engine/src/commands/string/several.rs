//! Several strings in one call: MGET, MSET, MSETNX and MSETEX.

use command::argument::{block, integer, key, one_of, string, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use keyspace::SetExpiry;
use resp::ReplyError;

use super::condition::{ABSENT, Condition, PRESENT};
use super::expiration::{MILLISECONDS, SECONDS, UNIX_TIME_MILLISECONDS, UNIX_TIME_SECONDS};
use super::get::reply_string;
use super::set::{Options, replicate_expiring};
use super::string_of;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static MGET: Command = Declaration {
    summary: "Returns the strings at several keys; null for a key that is not there or holds another type.",
    complexity: "O(N), where N is the number of keys.",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1).to_last().accesses()],
    arguments: &[key("key").multiple()],
    tips: &["request_policy:multi_shard"],
    ..Declaration::new("MGET", Group::String, "1.0.0", Handler::Keys(mget))
};

#[expect(clippy::unnecessary_wraps, reason = "every handler has this type")]
fn mget(call: &mut Call<'_>) -> Outcome {
    let keys = call.arguments.rest();
    call.reply.array(keys.len());
    let reply = &mut call.reply;
    call.keys.each(keys.iter().map(|key| (key, ())), |view, key, ()| {
        reply_string(reply, view.read(key).and_then(|entry| string_of(entry).ok()));
    });
    Ok(())
}

const PAIRS: command::argument::Argument = block("data", &[key("key"), string("value")]).multiple();
const COMPLEXITY: &str = "O(N), where N is the number of keys.";

pub(super) static MSET: Command = Declaration {
    summary: "Stores strings at several keys, whatever was there before.",
    complexity: COMPLEXITY,
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::overwrite(1).to_last().step(2).updates()],
    arguments: &[PAIRS],
    tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    ..Declaration::new("MSET", Group::String, "1.0.1", Handler::Keys(mset))
};

fn mset(call: &mut Call<'_>) -> Outcome {
    let pairs = Pairs::of(call.arguments, "mset")?;
    pairs.store(call, SetExpiry::Clear);
    call.reply.ok();
    Ok(())
}

pub(super) static MSETNX: Command = Declaration {
    summary: "Stores strings at several keys if none of the keys is there yet.",
    complexity: COMPLEXITY,
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::overwrite(1).to_last().step(2).inserts()],
    arguments: &[PAIRS],
    ..Declaration::new("MSETNX", Group::String, "1.0.1", Handler::Keys(msetnx))
};

fn msetnx(call: &mut Call<'_>) -> Outcome {
    let pairs = Pairs::of(call.arguments, "msetnx")?;
    let admitted = pairs.meet(call, Condition::Absent)?;
    if admitted {
        pairs.store(call, SetExpiry::Clear);
    }
    call.reply.integer(i64::from(admitted));
    Ok(())
}

pub(super) static MSETEX: Command = Declaration {
    summary: "Stores strings at several keys that expire at one time, if all or none of the keys are there.",
    complexity: COMPLEXITY,
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::overwrite(1).numbered().step(2).updates()],
    arguments: &[
        integer("numkeys"),
        PAIRS,
        one_of("condition", &[ABSENT, PRESENT]).optional(),
        one_of(
            "expiration",
            &[
                SECONDS,
                MILLISECONDS,
                UNIX_TIME_SECONDS,
                UNIX_TIME_MILLISECONDS,
                token("keepttl", "KEEPTTL"),
            ],
        )
        .optional(),
    ],
    tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    ..Declaration::new("MSETEX", Group::String, "8.4.0", Handler::Keys(msetex))
};

fn msetex(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let count = arguments.at_least(1, INVALID_COUNT)?;
    let words = usize::try_from(count).ok().and_then(|count| count.checked_mul(2));
    let words = words.filter(|&words| words <= arguments.len()).ok_or(MISSING_PAIRS)?;
    let pairs = Pairs { words: arguments.split(words)? };
    let options = Options::read(&mut arguments)?;
    if options.gives_previous {
        return Err(ReplyError::Syntax);
    }
    let expiry = options.lifetime.expiry(call.now_ms(), INVALID_EXPIRE)?;

    let admitted = match options.condition {
        None => true,
        Some(Condition::Comparison(_)) => return Err(ReplyError::Syntax),
        Some(condition @ (Condition::Absent | Condition::Present)) => {
            pairs.meet(call, condition)?
        }
    };
    if admitted {
        pairs.store(call, expiry);
        pairs.replicate(call, expiry);
    }
    call.reply.integer(i64::from(admitted));
    Ok(())
}

/// Keys, each followed by its value.
#[derive(Clone, Copy)]
struct Pairs<'a> {
    words: Arguments<'a>,
}

impl<'a> Pairs<'a> {
    /// All arguments of a call of the command `name`.
    fn of(words: Arguments<'a>, name: &'static str) -> Result<Pairs<'a>, ReplyError> {
        if words.len().is_multiple_of(2) {
            Ok(Pairs { words })
        } else {
            Err(ReplyError::WrongArity(name))
        }
    }

    fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut words = self.words;
        std::iter::from_fn(move || Some((words.next_word()?, words.next_word()?)))
    }

    /// Whether all keys meet a condition.
    fn meet(self, call: &mut Call<'_>, condition: Condition<'_>) -> Result<bool, ReplyError> {
        for (key, _) in self.iter() {
            if !condition.admits(call.keys.look(key))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Stores all; of values for the same key the last one stays.
    fn store(self, call: &mut Call<'a>, expiry: SetExpiry) {
        let effects = &mut call.effects;
        effects.track_later();
        call.keys.each(self.iter(), |view, key, value| {
            view.set_string(key, value, expiry);
            effects.note(&mut view.noted);
            effects.modified(view.database(), key, events::SET);
            if let SetExpiry::At(_) = expiry {
                effects.also_modified(view.database(), key, events::EXPIRE);
            }
        });
    }

    /// Has each pair replicated on its own, in words that every version of Redis understands.
    fn replicate(self, call: &mut Call<'_>, expiry: SetExpiry) {
        for (key, value) in self.iter() {
            match expiry {
                SetExpiry::At(at_ms) => replicate_expiring(call, key, value, at_ms),
                SetExpiry::Keep => call.replicate_as(&[b"SET", key, value, b"KEEPTTL"]),
                SetExpiry::Clear => call.replicate_as(&[b"SET", key, value]),
            }
        }
    }
}

const INVALID_COUNT: ReplyError = ReplyError::message("invalid numkeys value");
const MISSING_PAIRS: ReplyError = ReplyError::message("wrong number of key-value pairs");
const INVALID_EXPIRE: ReplyError = ReplyError::message("invalid expire time in 'msetex' command");
