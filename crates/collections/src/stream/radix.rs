//! How many nodes a radix tree of IDs has, as XINFO STREAM reports it.
//!
//! Redis keeps the nodes of a stream in a radix tree of their IDs' 16 bytes; users watch its size. Such a tree has a node for each
//! leaf, for each byte where IDs part, and for each stretch of bytes between these. What an ID adds to the count
//! follows from its neighbours, so the count is kept without the tree.

use std::ops::Bound;

use super::id::StreamId;
use super::nodes::Nodes;

/// The nodes of a tree without an ID.
pub(super) const EMPTY: u64 = 1;

/// The bytes of an ID.
const DEPTH: u32 = 16;

/// How many nodes the tree of the IDs in `tree` gains by an ID that is not there.
pub(super) fn gained(tree: &Nodes, id: StreamId) -> u64 {
    let before = tree.range(..id).next_back().map(|(neighbour, _)| *neighbour);
    let behind = tree.range(id..).next().map(|(neighbour, _)| *neighbour);
    let shared = |neighbour: &StreamId| shared_bytes(id, *neighbour);
    let Some(nearest) = before.into_iter().chain(behind).max_by_key(shared) else {
        // The root becomes a stretch of all bytes, with a leaf behind.
        return 1;
    };
    let parting = shared_bytes(id, nearest);
    let below = DEPTH.saturating_sub(parting).saturating_sub(1);
    // The stretch behind the parting, and the leaf.
    let branch = u64::from(0 < below).saturating_add(1);

    // Those that share all bytes before the parting: do some of them part there already?
    let rest = u128::MAX.checked_shr(parting.saturating_mul(8)).unwrap_or(0);
    let lowest = from_number(number(nearest) & !rest);
    let highest = from_number(number(nearest) | rest);
    let first = tree.range(lowest..).next().map_or(nearest, |(id, _)| *id);
    let last = tree.range(..=highest).next_back().map_or(nearest, |(id, _)| *id);
    let next_parting = shared_bytes(first, last);
    if next_parting == parting {
        return branch;
    }
    // No: a stretch is split in three, of which the outer ones may have no bytes.
    let outside = [
        tree.range(..lowest).next_back(),
        tree.range((Bound::Excluded(highest), Bound::Unbounded)).next(),
    ];
    let begin = outside.into_iter().flatten().map(|(id, _)| shared_bytes(nearest, *id));
    let begin = begin.max().map_or(0, |above| above.saturating_add(1));
    let split = u64::from(begin < parting);
    split.saturating_add(u64::from(parting.saturating_add(1) < next_parting)).saturating_add(branch)
}

/// How many bytes two IDs begin with alike.
fn shared_bytes(one: StreamId, other: StreamId) -> u32 {
    (number(one) ^ number(other)).leading_zeros() / 8
}

fn number(id: StreamId) -> u128 {
    u128::from_be_bytes(id.to_bytes())
}

fn from_number(number: u128) -> StreamId {
    StreamId::from_bytes(number.to_be_bytes())
}
