//! Asking for fields by name, and for their number: HGET, HMGET, HEXISTS, HSTRLEN and HLEN.

use collections::Hash;
use collections::hash::HashRef;
use collections::list_pack::Element;
use command::argument::{key, string};
use command::{Command as Declaration, Flags, Group, KeySpec, Sought};
use resp::Reply;

use super::{forget_expired, reply_element, reply_values};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static HGET: Command = Declaration {
    summary: "Returns the value of a field of a hash.",
    complexity: "O(1)",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1).accesses()],
    sought: Sought::Element(2),
    arguments: &[key("key"), string("field")],
    ..Declaration::new("HGET", Group::Hash, "2.0.0", Handler::Keys(hget))
};

fn hget(call: &mut Call<'_>) -> Outcome {
    ask(call, |value, reply| match value {
        Some(value) => reply_element(reply, value),
        None => reply.null(),
    })
}

pub(super) static HEXISTS: Command = Declaration {
    summary: "Tells whether a hash has a field.",
    complexity: "O(1)",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1)],
    sought: Sought::Element(2),
    arguments: &[key("key"), string("field")],
    ..Declaration::new("HEXISTS", Group::Hash, "2.0.0", Handler::Keys(hexists))
};

fn hexists(call: &mut Call<'_>) -> Outcome {
    ask(call, |value, reply| reply.integer(value.is_some().into()))
}

pub(super) static HSTRLEN: Command = Declaration {
    summary: "Returns the length of the value of a field of a hash.",
    complexity: "O(1)",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1)],
    sought: Sought::Element(2),
    arguments: &[key("key"), string("field")],
    ..Declaration::new("HSTRLEN", Group::Hash, "3.2.0", Handler::Keys(hstrlen))
};

fn hstrlen(call: &mut Call<'_>) -> Outcome {
    ask(call, |value, reply| reply.unsigned(value.map_or(0, Element::len) as u64))
}

/// Answers what is to be said of the value of one field.
#[inline]
fn ask(call: &mut Call<'_>, answer: impl FnOnce(Option<Element<'_>>, &mut Reply<'_>)) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let name = arguments.string()?;

    let Call { keys, reply, .. } = call;
    let hash = keys.read_as::<Hash>(key)?;
    let value = hash.and_then(|hash| hash.value(name));
    answer(value, reply);
    if value.is_none() && hash.is_some_and(HashRef::any_expired) {
        forget_expired(keys, key, std::iter::once(name));
    }
    Ok(())
}

pub(super) static HMGET: Command = Declaration {
    summary: "Returns the values of fields of a hash.",
    complexity: "O(N) where N is the number of fields asked for.",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1).accesses()],
    sought: Sought::Element(2),
    arguments: &[key("key"), string("field").multiple()],
    ..Declaration::new("HMGET", Group::Hash, "2.0.0", Handler::Keys(hmget))
};

fn hmget(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let names = arguments.rest();

    let Call { keys, reply, .. } = call;
    let hash = keys.read_as::<Hash>(key)?;
    reply_values(reply, hash, names);
    if hash.is_some_and(HashRef::any_expired) {
        forget_expired(keys, key, names.iter());
    }
    Ok(())
}

pub(super) static HLEN: Command = Declaration {
    summary: "Returns the number of fields of a hash.",
    complexity: "O(1)",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1)],
    arguments: &[key("key")],
    ..Declaration::new("HLEN", Group::Hash, "2.0.0", Handler::Keys(hlen))
};

fn hlen(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let length = call.keys.read_as::<Hash>(key)?.map_or(0, HashRef::len);
    call.reply.unsigned(length as u64);
    Ok(())
}
