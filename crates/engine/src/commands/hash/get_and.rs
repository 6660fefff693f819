//! Asking for fields and doing something to them: HGETEX tells them when to expire, HGETDEL removes them.

use collections::{Collection, Hash};
use command::argument::{key, one_of, token};
use command::{Command as Declaration, Flags, Group, KeySpec};

use super::delete::removed_fields;
use super::expiration::{self, Expiration};
use super::expire::{replicate_expiry, replicate_removal};
use super::{FIELDS, FIELDS_NOT_POSITIVE, fields, forget_expired, reply_values};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static HGETEX: Command = Declaration {
    summary: "Returns the values of fields of a hash, and tells the fields when to expire or not to.",
    complexity: "O(N) where N is the number of fields given.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).accesses().updates()],
    arguments: &[
        key("key"),
        one_of(
            "expiration",
            &[
                expiration::SECONDS,
                expiration::MILLISECONDS,
                expiration::UNIX_TIME_SECONDS,
                expiration::UNIX_TIME_MILLISECONDS,
                token("persist", "PERSIST"),
            ],
        )
        .optional(),
        FIELDS,
    ],
    ..Declaration::new("HGETEX", Group::Hash, "8.0.0", Handler::Keys(hgetex))
};

/// What is done to the fields.
#[derive(Clone, Copy)]
enum Change {
    /// They are told to expire at this unix time in ms.
    Expire(i64),
    /// They are told not to.
    Persist,
    Remove,
}

fn hgetex(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    // The type is looked at before the other arguments are.
    call.keys.look_as::<Hash>(key)?;
    let change = if let Some(expiration) = Expiration::read(&mut arguments) {
        Some(Change::Expire(expiration.at_ms(call, arguments.string()?)?))
    } else {
        arguments.accept(b"PERSIST").then_some(Change::Persist)
    };
    let names = fields(&mut arguments, FIELDS_NOT_POSITIVE)?;

    let Call { keys, reply, .. } = call;
    reply_values(reply, keys.peek_as::<Hash>(key)?, names);
    forget_expired(&mut call.keys, key, names.iter());
    match change {
        None => {}
        Some(Change::Expire(expiry_ms)) if call.has_passed(expiry_ms) => {
            apply(call, key, names.iter(), Change::Remove)?;
        }
        Some(change) => apply(call, key, names.iter(), change)?,
    }
    Ok(())
}

pub(super) static HGETDEL: Command = Declaration {
    summary: "Returns the values of fields of a hash and removes the fields, and the key with the last of them.",
    complexity: "O(N) where N is the number of fields given.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).accesses().deletes()],
    arguments: &[key("key"), FIELDS],
    ..Declaration::new("HGETDEL", Group::Hash, "8.0.0", Handler::Keys(hgetdel))
};

fn hgetdel(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    call.keys.look_as::<Hash>(key)?;
    let names = fields(&mut arguments, FIELDS_NOT_POSITIVE)?;

    // A name that is given twice is answered once: it is gone by then.
    let mut seen = std::collections::HashSet::with_capacity(names.len());
    let Call { keys, reply, .. } = call;
    let hash = keys.peek_as::<Hash>(key)?;
    reply.array(names.len());
    for name in names.iter() {
        match hash.and_then(|hash| hash.value(name)).filter(|_| seen.insert(name)) {
            Some(value) => super::reply_element(reply, value),
            None => reply.null(),
        }
    }
    forget_expired(&mut call.keys, key, names.iter());
    apply(call, key, names.iter(), Change::Remove)
}

/// Changes the fields that are there, and tells.
fn apply<'n>(
    call: &mut Call<'_>,
    key: &[u8],
    names: impl Iterator<Item = &'n [u8]>,
    change: Change,
) -> Outcome {
    let done = call.keys.edit_present::<Hash, _>(key, |hash| {
        if let Change::Expire(_) = change {
            hash.prepare_expiry();
        }
        let changed = |name: &&[u8]| match change {
            Change::Expire(expiry_ms) => hash.set_expiry(name, Some(expiry_ms)),
            Change::Persist => {
                let expires = hash.to_ref().field(name).is_some_and(|field| field.expiry.is_some());
                expires && hash.set_expiry(name, None)
            }
            Change::Remove => hash.remove(name),
        };
        let names: Vec<&[u8]> = names.filter(changed).collect();
        (names, hash.is_empty())
    })?;
    let Some((names, emptied)) = done.filter(|(names, _)| !names.is_empty()) else { return Ok(()) };
    match change {
        Change::Expire(expiry_ms) => {
            call.modified(key, events::FIELDS_EXPIRE);
            replicate_expiry(call, key, expiry_ms, None, &names);
        }
        Change::Persist => {
            call.modified(key, events::FIELDS_PERSIST);
            let count = names.len().to_string();
            let head = [&b"HPERSIST"[..], key, b"FIELDS", count.as_bytes()];
            let words: Vec<&[u8]> = head.into_iter().chain(names).collect();
            call.replicate_as(&words);
        }
        Change::Remove => {
            removed_fields(call, key, names.len(), emptied);
            replicate_removal(call, key, names.into_iter());
        }
    }
    Ok(())
}
