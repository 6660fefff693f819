//! Lists.
//!
//! A list takes the form that its size asks for by itself (`collections::list`). What takes elements out, or moves them, is in two parts: one that
//! acts on the keyspace and replies, and one that tells what was changed; clients that wait for elements are served by the same.

mod blocking;
mod change;
pub(crate) mod pop;
mod push;
mod read;
mod search;
pub(crate) mod transfer;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;

use collections::list::{End, Limits};
use collections::list_pack::Element;
use command::Arguments;
use command::argument::{Argument, token};
use resp::{Reply, ReplyError};

use crate::command_table::Command;
use pop::{pop_one, pop_several, several_from, tell_removed};
use transfer::{Transfer, move_element, tell_moved};

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &blocking::BLMOVE,
    &blocking::BLMPOP,
    &blocking::BLPOP,
    &blocking::BRPOP,
    &blocking::BRPOPLPUSH,
    &change::LINSERT,
    &change::LREM,
    &change::LSET,
    &change::LTRIM,
    &pop::LMPOP,
    &pop::LPOP,
    &pop::RPOP,
    &push::LPUSH,
    &push::LPUSHX,
    &push::RPUSH,
    &push::RPUSHX,
    &read::LINDEX,
    &read::LLEN,
    &read::LRANGE,
    &search::LPOS,
    &transfer::LMOVE,
    &transfer::RPOPLPUSH,
];

/// How large nodes may become and which are compressed, as configured.
pub(crate) fn limits(config: &config::Config) -> Limits {
    Limits {
        node_size: config.data_structures.list_node_size,
        compress_depth: config.data_structures.list_compress_depth,
    }
}

/// Replies an element.
#[inline]
pub(crate) fn reply_element(reply: &mut Reply<'_>, element: Element<'_>) {
    match element {
        Element::Bytes(bytes) => reply.bulk(bytes),
        Element::Integer(integer) => reply.bulk_integer(integer),
    }
}

/// Reads LEFT or RIGHT.
pub(crate) fn end_of(arguments: &mut Arguments<'_>) -> Result<End, ReplyError> {
    match &*arguments.keyword()? {
        b"LEFT" => Ok(End::Head),
        b"RIGHT" => Ok(End::Tail),
        _ => Err(ReplyError::Syntax),
    }
}

/// What [`end_of`] reads.
pub(crate) const ENDS: &[Argument] = &[token("left", "LEFT"), token("right", "RIGHT")];
