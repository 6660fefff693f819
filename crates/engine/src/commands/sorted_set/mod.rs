//! Sorted sets.
//!
//! The commands of a kind are one operation each, which is parsed from the words of a call and then applied: [`add`] for ZADD and
//! ZINCRBY, [`range`] for everything that shows or stores a range, [`combine`] for unions, intersections and differences.

pub(in crate::commands) mod add;
mod blocking;
mod bounds;
mod combine;
pub(in crate::commands) mod pop;
mod random;
mod range;
mod remove;
mod scan;
mod score;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;

use collections::list_pack::Element;
use collections::sorted_set::Limits;
use resp::{Protocol, Reply};

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &add::ZADD,
    &add::ZINCRBY,
    &blocking::BZMPOP,
    &blocking::BZPOPMAX,
    &blocking::BZPOPMIN,
    &combine::ZDIFF,
    &combine::ZDIFFSTORE,
    &combine::ZINTER,
    &combine::ZINTERCARD,
    &combine::ZINTERSTORE,
    &combine::ZUNION,
    &combine::ZUNIONSTORE,
    &pop::ZMPOP,
    &pop::ZPOPMAX,
    &pop::ZPOPMIN,
    &random::ZRANDMEMBER,
    &range::ZRANGE,
    &range::ZRANGEBYLEX,
    &range::ZRANGEBYSCORE,
    &range::ZRANGESTORE,
    &range::ZREVRANGE,
    &range::ZREVRANGEBYLEX,
    &range::ZREVRANGEBYSCORE,
    &remove::ZREM,
    &remove::ZREMRANGEBYLEX,
    &remove::ZREMRANGEBYRANK,
    &remove::ZREMRANGEBYSCORE,
    &scan::ZSCAN,
    &score::ZCARD,
    &score::ZCOUNT,
    &score::ZLEXCOUNT,
    &score::ZMSCORE,
    &score::ZRANK,
    &score::ZREVRANK,
    &score::ZSCORE,
];

/// Up to where a sorted set stays small.
pub(in crate::commands) fn limits(config: &config::Config) -> Limits {
    let structures = &config.data_structures;
    Limits {
        entries: usize::try_from(structures.sorted_set_compact_entries).unwrap_or(usize::MAX),
        value_bytes: usize::try_from(structures.sorted_set_compact_value_bytes)
            .unwrap_or(usize::MAX),
    }
}

/// How elements are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Shape {
    /// Members alone.
    Members,
    /// Each member and its score: one after the other in RESP2, a pair in RESP3.
    Scores,
    /// Each member and its score, a pair whatever the protocol.
    Pairs,
    /// Each member and its score, one after the other whatever the protocol.
    Flat,
}

impl Shape {
    /// Begins a list of so many elements.
    pub(in crate::commands) fn begin(self, reply: &mut Reply<'_>, count: usize) {
        let is_flat = match self {
            Shape::Members | Shape::Pairs => false,
            Shape::Flat => true,
            Shape::Scores => reply.protocol() == Protocol::Resp2,
        };
        reply.array(if is_flat { count.saturating_mul(2) } else { count });
    }

    /// Shows an element of the list.
    #[inline]
    pub(in crate::commands) fn show(self, reply: &mut Reply<'_>, member: Element<'_>, score: f64) {
        let is_pair = match self {
            Shape::Members | Shape::Flat => false,
            Shape::Pairs => true,
            Shape::Scores => reply.protocol() == Protocol::Resp3,
        };
        if is_pair {
            reply.array(2);
        }
        show_member(reply, member);
        if self != Shape::Members {
            reply.double(score);
        }
    }
}

#[inline]
fn show_member(reply: &mut Reply<'_>, member: Element<'_>) {
    match member {
        Element::Bytes(bytes) => reply.bulk(bytes),
        Element::Integer(number) => reply.bulk_integer(number),
    }
}
