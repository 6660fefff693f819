//! Hashes.
//!
//! Fields that have expired are not there for anybody, though they may not have been removed yet: only HLEN counts them, as in
//! Redis. Commands that ask for fields by name remove those that they find expired ([`forget_expired`]).

mod all;
mod delete;
mod expiration;
mod expire;
mod get;
mod get_and;
mod lifetime;
mod number;
mod random;
mod scan;
mod set;
mod set_and;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;

use collections::hash::{HashRef, Limits};
use collections::list_pack::Element;
use command::Arguments;
use command::argument::{Argument, block, integer, string};
use keyspace::View;
use resp::{Reply, ReplyError, Words};

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &all::HGETALL,
    &all::HKEYS,
    &all::HVALS,
    &delete::HDEL,
    &expire::HEXPIRE,
    &expire::HEXPIREAT,
    &expire::HPERSIST,
    &expire::HPEXPIRE,
    &expire::HPEXPIREAT,
    &get::HEXISTS,
    &get::HGET,
    &get::HLEN,
    &get::HMGET,
    &get::HSTRLEN,
    &get_and::HGETDEL,
    &get_and::HGETEX,
    &lifetime::HEXPIRETIME,
    &lifetime::HPEXPIRETIME,
    &lifetime::HPTTL,
    &lifetime::HTTL,
    &number::HINCRBY,
    &number::HINCRBYFLOAT,
    &random::HRANDFIELD,
    &scan::HSCAN,
    &set::HMSET,
    &set::HSET,
    &set::HSETNX,
    &set_and::HSETEX,
];

/// Up to which size hashes stay small.
pub(super) fn limits(config: &config::Config) -> Limits {
    let most = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let structures = &config.data_structures;
    Limits {
        fields: most(structures.hash_compact_entries),
        bytes: most(structures.hash_compact_value_bytes),
    }
}

/// `FIELDS numfields field [field ...]` in a grammar.
const FIELDS: Argument =
    block("fields", &[integer("numfields"), string("field").multiple()]).after("FIELDS");

/// Reads that, to the end.
fn fields<'a>(
    arguments: &mut Arguments<'a>,
    not_positive: ReplyError,
) -> Result<Words<'a>, ReplyError> {
    if !arguments.accept(b"FIELDS") {
        return Err(FIELDS_MISSING);
    }
    let count = arguments.at_least(1, not_positive)?;
    if usize::try_from(count) != Ok(arguments.len()) {
        return Err(FIELDS_MISCOUNTED);
    }
    Ok(arguments.rest())
}

/// Answers with a name or value.
#[inline]
fn reply_element(reply: &mut Reply<'_>, element: Element<'_>) {
    match element {
        Element::Bytes(bytes) => reply.bulk(bytes),
        Element::Integer(number) => reply.bulk_integer(number),
    }
}

/// Answers with the values of fields, null for those that are not there.
fn reply_values(reply: &mut Reply<'_>, hash: Option<HashRef<'_>>, names: Words<'_>) {
    reply.array(names.len());
    for name in names.iter() {
        match hash.and_then(|hash| hash.value(name)) {
            Some(value) => reply_element(reply, value),
            None => reply.null(),
        }
    }
}

/// Removes those of the fields that have expired, for a command that has asked for them.
fn forget_expired<'n>(keys: &mut View<'_>, key: &[u8], names: impl Iterator<Item = &'n [u8]>) {
    keys.expire_fields(key, names);
}

const FIELDS_MISSING: ReplyError =
    ReplyError::message("Mandatory argument FIELDS is missing or not at the right position");
const FIELDS_MISCOUNTED: ReplyError =
    ReplyError::message("The `numfields` parameter must match the number of arguments");
const FIELDS_NOT_POSITIVE: ReplyError =
    ReplyError::message("Number of fields must be a positive integer");
