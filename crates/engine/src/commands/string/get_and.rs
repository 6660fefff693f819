//! Reading a whole string and at the same time removing it or changing when it expires: GETDEL and GETEX.

use command::argument::{key, one_of, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use super::expiration::{
    Expiration, MILLISECONDS, SECONDS, UNIX_TIME_MILLISECONDS, UNIX_TIME_SECONDS, with_decimal,
};
use super::get::reply_string;
use super::string_of;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static GETDEL: Command = Declaration {
    summary: "Returns the string at a key and removes the key.",
    complexity: "O(1)",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).accesses().deletes()],
    arguments: &[key("key")],
    ..Declaration::new("GETDEL", Group::String, "6.2.0", Handler::Keys(getdel))
};

fn getdel(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let value = call.keys.read(key).map(string_of).transpose()?;
    reply_string(&mut call.reply, value);
    if value.is_some() {
        call.keys.remove(key);
        call.modified(key, events::DELETE);
        call.replicate_as(&[b"DEL", key]);
    }
    Ok(())
}

pub(super) static GETEX: Command = Declaration {
    summary: "Returns the string at a key and changes when the key expires.",
    complexity: "O(1)",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).accesses().updates()],
    arguments: &[
        key("key"),
        one_of(
            "expiration",
            &[
                SECONDS,
                MILLISECONDS,
                UNIX_TIME_SECONDS,
                UNIX_TIME_MILLISECONDS,
                token("persist", "PERSIST"),
            ],
        )
        .optional(),
    ],
    ..Declaration::new("GETEX", Group::String, "6.2.0", Handler::Keys(getex))
};

fn getex(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let change = Change::read(&mut arguments)?;

    let Some(entry) = call.keys.read(key) else {
        call.reply.null();
        return Ok(());
    };
    let value = string_of(entry)?;
    let expires = entry.expiry().is_some();
    reply_string(&mut call.reply, Some(value));

    match change {
        Some(Change::Persist) if expires => {
            call.keys.set_expiry(key, None);
            call.modified(key, events::PERSIST);
            call.replicate_as(&[b"PERSIST", key]);
        }
        None | Some(Change::Persist) => {}
        Some(Change::Expire(expiration)) => {
            // Redis looks at the number only now, when it knows that there is a string.
            let at_ms = expiration.at_ms(call.now_ms(), INVALID_EXPIRE)?;
            if expiration.form.is_absolute() && call.has_passed(at_ms) {
                remove_expired(call, key);
            } else {
                call.keys.set_expiry(key, Some(at_ms));
                call.modified(key, events::EXPIRE);
                with_decimal(at_ms, |at| call.replicate_as(&[b"PEXPIREAT", key, at]));
            }
        }
    }
    Ok(())
}

/// Removes a key whose time was said to have passed already.
fn remove_expired(call: &mut Call<'_>, key: &[u8]) {
    call.keys.remove(key);
    call.modified(key, events::DELETE);
    let removal: &[u8] = if call.config.memory.lazy_expire { b"UNLINK" } else { b"DEL" };
    call.replicate_as(&[removal, key]);
}

/// What GETEX does about the expiry.
enum Change<'a> {
    Persist,
    Expire(Expiration<'a>),
}

impl<'a> Change<'a> {
    /// Reads the options: an option may be repeated, and then the last counts, but different ones exclude each other.
    fn read(arguments: &mut Arguments<'a>) -> Result<Option<Change<'a>>, ReplyError> {
        let mut change = None;
        while !arguments.is_empty() {
            let keyword = arguments.keyword()?;
            let read = if &*keyword == b"PERSIST" {
                Change::Persist
            } else {
                Change::Expire(Expiration::read(&keyword, arguments)?.ok_or(ReplyError::Syntax)?)
            };
            change = match (change, read) {
                (None | Some(Change::Persist), Change::Persist) => Some(Change::Persist),
                (None, Change::Expire(read)) => Some(Change::Expire(read)),
                (Some(Change::Expire(before)), Change::Expire(read))
                    if before.form == read.form =>
                {
                    Some(Change::Expire(read))
                }
                (Some(_), _) => return Err(ReplyError::Syntax),
            };
        }
        Ok(change)
    }
}

const INVALID_EXPIRE: ReplyError = ReplyError::message("invalid expire time in 'getex' command");
