//! Sets.

mod add;
mod algebra;
mod look;
mod random;
mod scan;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;

use collections::list_pack::Element;
use collections::set::Limits;
use resp::Reply;

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &add::SADD,
    &add::SMOVE,
    &add::SREM,
    &algebra::SDIFF,
    &algebra::SDIFFSTORE,
    &algebra::SINTER,
    &algebra::SINTERCARD,
    &algebra::SINTERSTORE,
    &algebra::SUNION,
    &algebra::SUNIONSTORE,
    &look::SCARD,
    &look::SISMEMBER,
    &look::SMEMBERS,
    &look::SMISMEMBER,
    &random::SPOP,
    &random::SRANDMEMBER,
    &scan::SSCAN,
];

/// Up to which size sets keep a small form.
pub(super) fn limits(config: &config::Config) -> Limits {
    let most = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let structures = &config.data_structures;
    Limits {
        integers: most(structures.set_integer_entries),
        members: most(structures.set_compact_entries),
        member_bytes: most(structures.set_compact_value_bytes),
    }
}

#[inline]
fn reply_member(reply: &mut Reply<'_>, member: Element<'_>) {
    match member {
        Element::Bytes(bytes) => reply.bulk(bytes),
        Element::Integer(integer) => reply.bulk_integer(integer),
    }
}
