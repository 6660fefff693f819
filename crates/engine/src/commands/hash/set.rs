//! Setting fields: HSET, its old form HMSET, and HSETNX.

use collections::Hash;
use collections::hash::SetExpiry;
use command::argument::{Argument, block, key, string};
use command::{Command as Declaration, Flags, Group, KeySpec, Sought};
use resp::ReplyError;

use super::{forget_expired, limits};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

const FLAGS: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST);
const FIELD_VALUES: &[Argument] =
    &[key("key"), block("data", &[string("field"), string("value")]).multiple()];

pub(super) static HSET: Command = Declaration {
    summary: "Sets fields of a hash, which is created if it is not there.",
    complexity: "O(N) where N is the number of fields to set.",
    flags: FLAGS,
    keys: &[KeySpec::read_write(1).updates()],
    sought: Sought::Element(2),
    arguments: FIELD_VALUES,
    history: &[("4.0.0", "Takes several fields.")],
    ..Declaration::new("HSET", Group::Hash, "2.0.0", Handler::Keys(hset))
};

fn hset(call: &mut Call<'_>) -> Outcome {
    let created = set_all(call)?;
    call.reply.unsigned(created);
    Ok(())
}

pub(super) static HMSET: Command = Declaration {
    summary: "Sets fields of a hash.",
    complexity: "O(N) where N is the number of fields to set.",
    flags: FLAGS,
    keys: &[KeySpec::read_write(1).updates()],
    sought: Sought::Element(2),
    arguments: FIELD_VALUES,
    deprecated_since: Some("4.0.0"),
    replaced_by: Some("`HSET` with multiple field-value pairs"),
    ..Declaration::new("HMSET", Group::Hash, "2.0.0", Handler::Keys(hmset))
};

fn hmset(call: &mut Call<'_>) -> Outcome {
    set_all(call)?;
    call.reply.ok();
    Ok(())
}

/// Sets fields to values, and gives how many of them are new.
fn set_all(call: &mut Call<'_>) -> Result<u64, ReplyError> {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    if !arguments.len().is_multiple_of(2) {
        return Err(ReplyError::WrongArity(call.callable.name()));
    }
    let words = arguments.rest();
    let fields = words.len() / 2;

    let limits = limits(call.config);
    let created = call.keys.edit::<Hash, _>(key, |hash| {
        hash.prepare(fields, words.iter(), limits);
        let mut created = 0;
        let mut words = words.iter();
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            created += u64::from(hash.set(name, value, SetExpiry::Clear, limits));
        }
        created
    })?;
    call.modified(key, events::HASH_SET);
    call.changed(fields.saturating_sub(1) as u64);
    Ok(created)
}

pub(super) static HSETNX: Command = Declaration {
    summary: "Sets a field of a hash if the field is not there yet.",
    complexity: "O(1)",
    flags: FLAGS,
    keys: &[KeySpec::read_write(1).inserts()],
    sought: Sought::Element(2),
    arguments: &[key("key"), string("field"), string("value")],
    ..Declaration::new("HSETNX", Group::Hash, "2.0.0", Handler::Keys(hsetnx))
};

fn hsetnx(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let name = arguments.string()?;
    let value = arguments.string()?;

    let limits = limits(call.config);
    forget_expired(&mut call.keys, key, std::iter::once(name));
    let created = call.keys.edit::<Hash, _>(key, |hash| {
        let absent = hash.to_ref().field(name).is_none();
        if absent {
            hash.prepare(1, [name, value].into_iter(), limits);
            hash.set(name, value, SetExpiry::Clear, limits);
        }
        absent
    })?;
    if created {
        call.modified(key, events::HASH_SET);
    }
    call.reply.integer(created.into());
    Ok(())
}
