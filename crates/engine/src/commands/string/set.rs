//! Storing a whole string: SET, and the commands that its options have replaced.
//!
//! All are one operation, [`Set`]: a value, when it expires, the condition under which it is stored, and what is answered.

use command::argument::{key, one_of, string, token};
use command::keys::set_flags;
use command::{Arguments, Command as Declaration, Flags, Group, KeyFinder, KeySpec};
use keyspace::SetExpiry;
use resp::ReplyError;

use super::condition::{
    ABSENT, Condition, DIFFERENT, DIGEST_DIFFERENT, DIGEST_EQUAL, EQUAL, PRESENT,
};
use super::expiration::{
    Expiration, Form, MILLISECONDS, SECONDS, UNIX_TIME_MILLISECONDS, UNIX_TIME_SECONDS,
    with_decimal,
};
use super::get::reply_string;
use super::string_of;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static SET: Command = Declaration {
    summary: "Stores a string at a key, whatever was there before.",
    complexity: "O(1)",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).accesses().updates().variable_flags()],
    key_finder: Some(KeyFinder::Flags(set_flags)),
    arguments: &[
        key("key"),
        string("value"),
        one_of(
            "condition",
            &[
                ABSENT,
                PRESENT,
                EQUAL.since("8.4.0"),
                DIFFERENT.since("8.4.0"),
                DIGEST_EQUAL.since("8.4.0"),
                DIGEST_DIFFERENT.since("8.4.0"),
            ],
        )
        .optional()
        .since("2.6.12"),
        token("get", "GET").optional().since("6.2.0"),
        one_of(
            "expiration",
            &[
                SECONDS.since("2.6.12"),
                MILLISECONDS.since("2.6.12"),
                UNIX_TIME_SECONDS.since("6.2.0"),
                UNIX_TIME_MILLISECONDS.since("6.2.0"),
                token("keepttl", "KEEPTTL").since("6.0.0"),
            ],
        )
        .optional(),
    ],
    history: &[
        ("2.6.12", "Has the options `EX`, `PX`, `NX` and `XX`."),
        ("6.0.0", "Has the option `KEEPTTL`."),
        ("6.2.0", "Has the options `GET`, `EXAT` and `PXAT`."),
        ("7.0.0", "Takes `NX` together with `GET`."),
        ("8.4.0", "Has the options `IFEQ`, `IFNE`, `IFDEQ` and `IFDNE`."),
    ],
    ..Declaration::new("SET", Group::String, "1.0.0", Handler::Keys(set))
};

fn set(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let value = arguments.string()?;
    if arguments.is_empty() {
        call.keys.set_string(key, value, SetExpiry::Clear);
        call.modified(key, events::SET);
        call.reply.ok();
        return Ok(());
    }
    let options = Options::read(&mut arguments)?;
    let set = Set {
        key,
        value,
        expiry: options.lifetime.expiry(call.now_ms(), INVALID_EXPIRE_SET)?,
        condition: options.condition,
        answer: if options.gives_previous { Answer::Previous } else { Answer::Done },
    };
    set.run(call)
}

const KEY_VALUE: &[command::argument::Argument] = &[key("key"), string("value")];

pub(super) static SETNX: Command = Declaration {
    summary: "Stores a string at a key if the key is not there yet.",
    complexity: "O(1)",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: &[KeySpec::overwrite(1).inserts()],
    arguments: KEY_VALUE,
    deprecated_since: Some("2.6.12"),
    replaced_by: Some("`SET` with the `NX` argument"),
    ..Declaration::new("SETNX", Group::String, "1.0.0", Handler::Keys(setnx))
};

fn setnx(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let value = arguments.string()?;
    let condition = Some(Condition::Absent);
    Set { key, value, expiry: SetExpiry::Clear, condition, answer: Answer::Count }.run(call)
}

pub(super) static SETEX: Command = Declaration {
    summary: "Stores a string at a key that will expire after some seconds.",
    complexity: "O(1)",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::overwrite(1).updates()],
    arguments: &[key("key"), command::argument::integer("seconds"), string("value")],
    deprecated_since: Some("2.6.12"),
    replaced_by: Some("`SET` with the `EX` argument"),
    ..Declaration::new("SETEX", Group::String, "2.0.0", Handler::Keys(setex))
};

fn setex(call: &mut Call<'_>) -> Outcome {
    set_expiring(call, Form::Seconds, INVALID_EXPIRE_SETEX)
}

pub(super) static PSETEX: Command = Declaration {
    summary: "Stores a string at a key that will expire after some milliseconds.",
    complexity: "O(1)",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::overwrite(1).updates()],
    arguments: &[key("key"), command::argument::integer("milliseconds"), string("value")],
    deprecated_since: Some("2.6.12"),
    replaced_by: Some("`SET` with the `PX` argument"),
    ..Declaration::new("PSETEX", Group::String, "2.6.0", Handler::Keys(psetex))
};

fn psetex(call: &mut Call<'_>) -> Outcome {
    set_expiring(call, Form::Milliseconds, INVALID_EXPIRE_PSETEX)
}

fn set_expiring(call: &mut Call<'_>, form: Form, invalid: ReplyError) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let number = arguments.string()?;
    let value = arguments.string()?;
    let at_ms = Expiration { form, number }.at_ms(call.now_ms(), invalid)?;
    let expiry = SetExpiry::At(at_ms);
    Set { key, value, expiry, condition: None, answer: Answer::Done }.run(call)
}

pub(super) static GETSET: Command = Declaration {
    summary: "Stores a string at a key and returns the one that was there.",
    complexity: "O(1)",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: &[KeySpec::read_write(1).accesses().updates()],
    arguments: KEY_VALUE,
    deprecated_since: Some("6.2.0"),
    replaced_by: Some("`SET` with the `!GET` argument"),
    ..Declaration::new("GETSET", Group::String, "1.0.0", Handler::Keys(getset))
};

fn getset(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let value = arguments.string()?;
    let expiry = SetExpiry::Clear;
    Set { key, value, expiry, condition: None, answer: Answer::Previous }.run(call)
}

/// The options of SET and of MSETEX.
#[derive(Default)]
pub(super) struct Options<'a> {
    pub(super) condition: Option<Condition<'a>>,
    pub(super) gives_previous: bool,
    pub(super) lifetime: Lifetime<'a>,
}

/// What a SET says about when the key expires.
#[derive(Clone, Copy, Default)]
pub(super) enum Lifetime<'a> {
    /// It says nothing: the key won't.
    #[default]
    Unlimited,
    /// KEEPTTL: when it would.
    Keep,
    Expire(Expiration<'a>),
}

impl<'a> Options<'a> {
    /// Reads all. An option may be repeated, and then the last counts, but different ones of one kind exclude each other.
    pub(super) fn read(arguments: &mut Arguments<'a>) -> Result<Options<'a>, ReplyError> {
        let mut options = Options::default();
        while !arguments.is_empty() {
            let keyword = arguments.keyword()?;
            if &*keyword == b"GET" {
                options.gives_previous = true;
            } else if &*keyword == b"KEEPTTL" {
                options.limit(Lifetime::Keep)?;
            } else if let Some(expiration) = Expiration::read(&keyword, arguments)? {
                options.limit(Lifetime::Expire(expiration))?;
            } else if let Some(condition) = Condition::read(&keyword, arguments)? {
                options.require(condition)?;
            } else {
                return Err(ReplyError::Syntax);
            }
        }
        Ok(options)
    }

    fn limit(&mut self, lifetime: Lifetime<'a>) -> Result<(), ReplyError> {
        let agrees = match (self.lifetime, lifetime) {
            (Lifetime::Unlimited, _) | (Lifetime::Keep, Lifetime::Keep) => true,
            (Lifetime::Expire(before), Lifetime::Expire(expiration)) => {
                before.form == expiration.form
            }
            _ => false,
        };
        self.lifetime = lifetime;
        if agrees { Ok(()) } else { Err(ReplyError::Syntax) }
    }

    fn require(&mut self, condition: Condition<'a>) -> Result<(), ReplyError> {
        let agrees = self.condition.is_none_or(|before| before == condition);
        self.condition = Some(condition);
        if agrees { Ok(()) } else { Err(ReplyError::Syntax) }
    }
}

impl Lifetime<'_> {
    /// The time that it means; `invalid` if it means none.
    pub(super) fn expiry(self, now_ms: i64, invalid: ReplyError) -> Result<SetExpiry, ReplyError> {
        match self {
            Lifetime::Unlimited => Ok(SetExpiry::Clear),
            Lifetime::Keep => Ok(SetExpiry::Keep),
            Lifetime::Expire(expiration) => expiration.at_ms(now_ms, invalid).map(SetExpiry::At),
        }
    }
}

/// What a call asks for.
struct Set<'a> {
    key: &'a [u8],
    value: &'a [u8],
    expiry: SetExpiry,
    condition: Option<Condition<'a>>,
    answer: Answer,
}

/// What is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// OK; null if the condition was not met.
    Done,
    /// 1; 0 if the condition was not met.
    Count,
    /// The string that was there, null if there was none.
    Previous,
}

impl Set<'_> {
    fn run(&self, call: &mut Call<'_>) -> Outcome {
        let stored =
            if self.answer == Answer::Previous { self.exchange(call)? } else { self.store(call)? };
        if stored {
            call.modified(self.key, events::SET);
            if let SetExpiry::At(_) = self.expiry {
                call.also_modified(self.key, events::EXPIRE);
            }
            self.replicate(call);
        }
        match (self.answer, stored) {
            (Answer::Done, true) => call.reply.ok(),
            (Answer::Done, false) => call.reply.null(),
            (Answer::Count, _) => call.reply.integer(i64::from(stored)),
            (Answer::Previous, _) => {}
        }
        Ok(())
    }

    /// Stores the value if the condition is met.
    fn store(&self, call: &mut Call<'_>) -> Result<bool, ReplyError> {
        let Some(condition) = self.condition else {
            call.keys.set_string(self.key, self.value, self.expiry);
            return Ok(true);
        };
        let mut admitted = Ok(false);
        call.keys.set_string_if(self.key, self.value, self.expiry, |present| {
            admitted = condition.admits(present);
            admitted == Ok(true)
        });
        admitted
    }

    /// Answers what is there, as a command that reads, and then does the same.
    fn exchange(&self, call: &mut Call<'_>) -> Result<bool, ReplyError> {
        let present = call.keys.read(self.key);
        reply_string(&mut call.reply, present.map(string_of).transpose()?);
        let admitted = self.condition.map_or(Ok(true), |condition| condition.admits(present))?;
        if admitted {
            call.keys.set_string(self.key, self.value, self.expiry);
        }
        Ok(admitted)
    }

    /// Has the call replicated as one that every version of Redis understands, that means the same at any time, and that
    /// asks for no answer.
    fn replicate(&self, call: &mut Call<'_>) {
        let condition: &[&[u8]] = match (self.condition, self.answer) {
            // SETNX can stay what it is.
            (Some(Condition::Absent), Answer::Count) => return,
            (Some(Condition::Absent), _) => &[b"NX"],
            (Some(Condition::Present), _) => &[b"XX"],
            (Some(Condition::Comparison(_)) | None, _) => &[],
        };
        let (key, value) = (self.key, self.value);
        match (self.expiry, condition) {
            (SetExpiry::At(at_ms), _) => replicate_expiring(call, key, value, at_ms),
            (SetExpiry::Clear, []) => call.replicate_as(&[b"SET", key, value]),
            (SetExpiry::Clear, [word, ..]) => call.replicate_as(&[b"SET", key, value, word]),
            (SetExpiry::Keep, []) => call.replicate_as(&[b"SET", key, value, b"KEEPTTL"]),
            (SetExpiry::Keep, [word, ..]) => {
                call.replicate_as(&[b"SET", key, value, word, b"KEEPTTL"]);
            }
        }
    }
}

/// Has a value replicated with the time at which it expires.
pub(super) fn replicate_expiring(call: &mut Call<'_>, key: &[u8], value: &[u8], at_ms: i64) {
    with_decimal(at_ms, |at| call.replicate_as(&[b"SET", key, value, b"PXAT", at]));
}

const INVALID_EXPIRE_SET: ReplyError = ReplyError::message("invalid expire time in 'set' command");
const INVALID_EXPIRE_SETEX: ReplyError =
    ReplyError::message("invalid expire time in 'setex' command");
const INVALID_EXPIRE_PSETEX: ReplyError =
    ReplyError::message("invalid expire time in 'psetex' command");
