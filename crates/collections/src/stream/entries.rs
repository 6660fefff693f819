//! Walking through the entries of a stream, in both directions.

use std::collections::vec_deque::Iter;

use super::id::StreamId;
use super::node::{Entry, NodeRef, Place, Slots, SlotsBackward};
use super::nodes::Nodes;
use crate::list_pack::ListPack;

/// Entries from one ID to another.
#[derive(Clone)]
pub struct Entries<'a> {
    nodes: Iter<'a, (StreamId, ListPack)>,
    slots: Option<Slots<'a>>,
    from: StreamId,
    to: StreamId,
}

impl<'a> Entries<'a> {
    #[inline]
    pub(super) fn new(nodes: &'a Nodes, from: StreamId, to: StreamId) -> Entries<'a> {
        Entries { nodes: touched(nodes, from, to), slots: None, from, to }
    }

    /// The entries from one ID on, found at once by the place of an entry before them. Its node may have gone.
    #[inline]
    pub(super) fn behind(nodes: &'a Nodes, place: Place, from: StreamId) -> Entries<'a> {
        let to = StreamId::MAX;
        let mut behind = nodes.range(place.master..);
        match behind.next() {
            Some(&(master, ref pack)) if master == place.master => {
                let slots = Some(NodeRef::new(master, pack).slots_from(place));
                Entries { nodes: behind, slots, from, to }
            }
            // Those behind it may lie in the node before.
            Some(_) | None => Entries::new(nodes, from, to),
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            for slot in self.slots.iter_mut().flatten() {
                let id = slot.entry.id();
                if id < self.from || slot.is_deleted() {
                    continue;
                }
                if self.to < id {
                    // No other range has this end, so the next call ends here again.
                    self.nodes = Iter::default();
                    self.slots = None;
                    return None;
                }
                return Some(slot.entry);
            }
            let &(master, ref pack) = self.nodes.next()?;
            self.slots = Some(NodeRef::new(master, pack).slots());
        }
    }
}

/// Entries from one ID back to another.
#[derive(Clone)]
pub struct EntriesBackward<'a> {
    nodes: Iter<'a, (StreamId, ListPack)>,
    slots: Option<SlotsBackward<'a>>,
    from: StreamId,
    to: StreamId,
}

impl<'a> EntriesBackward<'a> {
    pub(super) fn new(nodes: &'a Nodes, from: StreamId, to: StreamId) -> EntriesBackward<'a> {
        EntriesBackward { nodes: touched(nodes, from, to), slots: None, from, to }
    }
}

impl<'a> Iterator for EntriesBackward<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            for slot in self.slots.iter_mut().flatten() {
                let id = slot.entry.id();
                if self.to < id || slot.is_deleted() {
                    continue;
                }
                if id < self.from {
                    self.nodes = Iter::default();
                    self.slots = None;
                    return None;
                }
                return Some(slot.entry);
            }
            let &(master, ref pack) = self.nodes.next_back()?;
            self.slots = Some(NodeRef::new(master, pack).slots_backward());
        }
    }
}

/// The nodes that may have entries of a range.
#[inline]
fn touched(nodes: &Nodes, from: StreamId, to: StreamId) -> Iter<'_, (StreamId, ListPack)> {
    if to < from {
        return Iter::default();
    }
    let first = nodes.range(..=from).next_back().map_or(from, |(master, _)| *master);
    nodes.range(first..=to)
}
