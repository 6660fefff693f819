//! Streams: entries by ID, and groups of consumers that share them.
//!
//! What groups know changes with every read, and when it changes depends on the time; so commands that read or claim for a
//! consumer are replicated as what they did (`effect`).

mod acknowledge;
mod add;
mod auto_claim;
mod claim;
mod delete;
mod deliver;
mod effect;
mod entry;
mod group;
mod id;
mod information;
mod pending;
mod range;
mod read;
mod set_id;
mod trim;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;

use collections::stream::NodeLimits;
use resp::ReplyError;

use crate::command_table::Command;

pub(super) const COMMANDS: &[&Command] = &[
    &acknowledge::XACK,
    &acknowledge::XACKDEL,
    &add::XADD,
    &auto_claim::XAUTOCLAIM,
    &claim::XCLAIM,
    &delete::XDEL,
    &delete::XDELEX,
    &group::XGROUP,
    &information::XINFO,
    &pending::XPENDING,
    &range::XLEN,
    &range::XRANGE,
    &range::XREVRANGE,
    &read::XREAD,
    &read::XREADGROUP,
    &set_id::XSETID,
    &trim::XTRIM,
];

/// When a node of a stream is full.
#[inline]
fn node_limits(config: &config::Config) -> NodeLimits {
    let limits = &config.data_structures;
    NodeLimits { bytes: limits.stream_node_bytes, entries: limits.stream_node_entries }
}

/// How long ago a point in time is, in ms; times to come are now.
fn elapsed_ms(now_ms: i64, then_ms: i64) -> i64 {
    now_ms.saturating_sub(then_ms).max(0)
}

/// The error for a group that is not there, or whose key is not.
fn no_group(key: &[u8], group: &[u8]) -> ReplyError {
    no_group_in(key, group, b"")
}

/// The same, with what is said at its end.
fn no_group_in(key: &[u8], group: &[u8], end: &[u8]) -> ReplyError {
    let (key, group) = (quoted(key), quoted(group));
    ReplyError::quoting(
        [b"NOGROUP No such key '", key, b"' or consumer group '", group, b"'", end].concat(),
    )
}

/// The error for a group that is not there, though its key is.
fn no_group_at(key: &[u8], group: &[u8]) -> ReplyError {
    ReplyError::quoting(
        [
            b"NOGROUP No such consumer group '",
            quoted(group),
            b"' for key name '",
            quoted(key),
            b"'",
        ]
        .concat(),
    )
}

/// A word as Redis's errors quote it: up to the NUL that ends it in C.
fn quoted(word: &[u8]) -> &[u8] {
    word.split(|&byte| byte == 0).next().unwrap_or_default()
}
