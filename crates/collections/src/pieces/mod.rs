//! Writing a big collection out in pieces, as it was at one moment, while it goes on changing.
//!
//! [`Object::begin_pieces`] fixes the moment, [`Object::next_piece`] gives as many elements as fit a budget, and in between the
//! collection may be changed, moved to another thread or emptied: what is given is what was there at that moment. Changing it costs
//! more meanwhile: of an element that was not given yet the old state is kept ([`journal`](crate::journal)).
//!
//! Only what has many elements is worth that; the others say so and are written at once.

use crate::Object;
use crate::list::NodeContent;
use crate::stream::{Parts, StreamId};

/// What a collection was like when it began to be written, as far as a file says so before the elements.
#[derive(Clone, Debug)]
pub enum Head {
    /// A list of so many nodes.
    List(usize),
    /// A set of so many members.
    Set(usize),
    /// A hash.
    Hash {
        /// So many fields.
        fields: usize,
        /// When the first of them expires, if any does: unix time in ms.
        first_expiry: Option<i64>,
    },
    /// A sorted set of so many members.
    SortedSet(usize),
    /// A stream.
    Stream {
        /// So many nodes.
        nodes: usize,
        /// The ID of the first entry.
        first_id: StreamId,
        /// All but the nodes.
        parts: Box<Parts>,
    },
}

impl Head {
    /// How many [pieces](Piece) follow.
    pub fn elements(&self) -> usize {
        match self {
            Head::List(count)
            | Head::Set(count)
            | Head::Hash { fields: count, .. }
            | Head::SortedSet(count)
            | Head::Stream { nodes: count, .. } => *count,
        }
    }
}

/// An element that is to be written.
#[derive(Clone, Debug)]
pub enum Piece<'a> {
    /// The next node of a list.
    Node(NodeContent<'a>),
    /// A member of a set.
    Member(&'a [u8]),
    /// A field of a hash.
    Field {
        /// Its name.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
        /// When it expires: unix time in ms.
        expiry: Option<i64>,
    },
    /// A member of a sorted set.
    Scored(&'a [u8], f64),
    /// The next node of a stream: a list pack.
    Entries(StreamId, &'a [u8]),
}

impl Piece<'_> {
    /// What it costs to write it, in bytes; that it has to be found in memory counts as some.
    pub fn cost(&self) -> usize {
        /// What waiting for an element from memory takes, in bytes that could be copied meanwhile.
        const FOUND: usize = 128;
        let bytes = match self {
            Piece::Node(NodeContent::Packed(bytes) | NodeContent::Plain(bytes)) => bytes.len(),
            Piece::Member(member) | Piece::Scored(member, _) => member.len(),
            Piece::Field { name, value, .. } => name.len().saturating_add(value.len()),
            Piece::Entries(_, pack) => pack.len(),
        };
        bytes.saturating_add(FOUND)
    }
}

/// From this many allocations on a collection is written in pieces: below, to copy and compress all of it takes less than a millisecond,
/// even if each is a node of 8 KiB.
const MANY: usize = if cfg!(test) { 4 } else { 64 };

impl Object {
    /// Begins to write it in pieces, as it is now, if it is big enough to be worth it.
    pub fn begin_pieces(&mut self) -> Option<Head> {
        if self.to_ref().effort() < MANY {
            return None;
        }
        match self {
            Object::List(list) => list.begin_pieces().map(Head::List),
            Object::Set(set) => set.begin_pieces().map(Head::Set),
            Object::Hash(hash) => hash
                .begin_pieces()
                .map(|(fields, first_expiry)| Head::Hash { fields, first_expiry }),
            Object::SortedSet(set) => set.begin_pieces().map(Head::SortedSet),
            Object::Stream(stream) => {
                let (nodes, first_id, parts) = stream.begin_pieces();
                Some(Head::Stream { nodes, first_id, parts: Box::new(parts) })
            }
        }
    }

    /// Whether it is being written in pieces.
    pub fn is_in_pieces(&self) -> bool {
        match self {
            Object::List(list) => list.is_in_pieces(),
            Object::Set(set) => set.is_in_pieces(),
            Object::Hash(hash) => hash.is_in_pieces(),
            Object::SortedSet(set) => set.is_in_pieces(),
            Object::Stream(stream) => stream.is_in_pieces(),
        }
    }

    /// Gives the next elements to `visit`, until their [costs](Piece::cost) reach the budget. Says whether there are more; if not,
    /// it is not being written any longer.
    pub fn next_piece(&mut self, budget: usize, visit: &mut dyn FnMut(&Piece<'_>)) -> bool {
        let mut visit = |piece: &Piece<'_>| {
            visit(piece);
            piece.cost()
        };
        match self {
            Object::List(list) => list.next_piece(budget, &mut visit),
            Object::Set(set) => set.next_piece(budget, &mut visit),
            Object::Hash(hash) => hash.next_piece(budget, &mut visit),
            Object::SortedSet(set) => set.next_piece(budget, &mut visit),
            Object::Stream(stream) => stream.next_piece(budget, &mut visit),
        }
    }

    /// What it keeps in memory of elements as they were, since it is being written in pieces.
    pub fn kept_bytes(&self) -> usize {
        match self {
            Object::List(list) => list.kept_bytes(),
            Object::Set(set) => set.kept_bytes(),
            Object::Hash(hash) => hash.kept_bytes(),
            Object::SortedSet(set) => set.kept_bytes(),
            Object::Stream(stream) => stream.kept_bytes(),
        }
    }

    /// Gives up writing it.
    pub fn abandon_pieces(&mut self) {
        match self {
            Object::List(list) => list.abandon_pieces(),
            Object::Set(set) => set.abandon_pieces(),
            Object::Hash(hash) => hash.abandon_pieces(),
            Object::SortedSet(set) => set.abandon_pieces(),
            Object::Stream(stream) => stream.abandon_pieces(),
        }
    }
}

#[cfg(test)]
mod tests;
