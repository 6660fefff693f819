//! The nodes of a stream by the ID of their first entry: a sorted ring.
//!
//! Streams grow at the end and lose nodes at the front, which a ring does at once, and it takes half the memory of a tree that
//! grows at one end. To remove a node in the middle moves the others of the nearer side, 48 bytes each; but a node has to lose all
//! of its entries for that. A node is found by halving.

use std::collections::vec_deque::Iter;
use std::collections::{BTreeMap, VecDeque};
use std::ops::{Bound, RangeBounds};

use super::id::StreamId;
use crate::list_pack::ListPack;
use crate::pieces::Piece;

/// Nodes with their IDs, which ascend.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    ring: VecDeque<(StreamId, ListPack)>,
    /// While they are written in pieces.
    journal: Option<Box<Journal>>,
}

/// What is remembered while nodes are written in pieces, in the order of their IDs: those that are changed or removed before it
/// is their turn are kept as they were.
#[derive(Debug)]
struct Journal {
    /// Those with lesser IDs were written.
    next: StreamId,
    /// Of the last node when the writing began; what comes behind is new.
    end: StreamId,
    kept: BTreeMap<StreamId, ListPack>,
    kept_bytes: usize,
}

impl Journal {
    fn keep(&mut self, id: StreamId, pack: impl FnOnce() -> ListPack) {
        if self.next <= id && id <= self.end {
            let bytes = &mut self.kept_bytes;
            self.kept.entry(id).or_insert_with(|| {
                let pack = pack();
                *bytes = bytes.saturating_add(kept_bytes(&pack));
                pack
            });
        }
    }
}

impl Clone for Nodes {
    fn clone(&self) -> Nodes {
        Nodes { ring: self.ring.clone(), journal: None }
    }
}

impl Nodes {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    #[inline]
    pub(super) fn iter(&self) -> Iter<'_, (StreamId, ListPack)> {
        self.ring.iter()
    }

    #[inline]
    pub(super) fn first(&self) -> Option<&(StreamId, ListPack)> {
        self.ring.front()
    }

    #[inline]
    pub(super) fn first_mut(&mut self) -> Option<(StreamId, &mut ListPack)> {
        let (id, pack) = self.ring.front_mut()?;
        Some((*id, kept_before(&mut self.journal, *id, pack)))
    }

    #[inline]
    pub(super) fn last(&self) -> Option<&(StreamId, ListPack)> {
        self.ring.back()
    }

    #[inline]
    pub(super) fn last_mut(&mut self) -> Option<(StreamId, &mut ListPack)> {
        let (id, pack) = self.ring.back_mut()?;
        Some((*id, kept_before(&mut self.journal, *id, pack)))
    }

    /// The nodes whose IDs lie in a range.
    pub(super) fn range(
        &self,
        range: impl RangeBounds<StreamId>,
    ) -> Iter<'_, (StreamId, ListPack)> {
        let begin = match range.start_bound() {
            Bound::Included(id) => self.before(*id),
            Bound::Excluded(id) => self.until(*id),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(id) => self.until(*id),
            Bound::Excluded(id) => self.before(*id),
            Bound::Unbounded => self.ring.len(),
        };
        if end < begin { Iter::default() } else { self.ring.range(begin..end) }
    }

    /// The node in which an entry lies, if there is one.
    pub(super) fn holding_mut(&mut self, id: StreamId) -> Option<(StreamId, &mut ListPack)> {
        let at = self.until(id).checked_sub(1)?;
        let (id, pack) = self.ring.get_mut(at)?;
        Some((*id, kept_before(&mut self.journal, *id, pack)))
    }

    /// Adds a node, or puts it in the place of that with its ID.
    pub(super) fn insert(&mut self, id: StreamId, pack: ListPack) {
        /// Doubling would leave a quarter of the memory unused.
        const GROWTH: usize = 8;
        if self.ring.len() == self.ring.capacity() {
            self.ring.reserve_exact((self.ring.len() / GROWTH).max(1));
        }
        if self.last().is_none_or(|(last, _)| *last < id) {
            self.ring.push_back((id, pack));
            return;
        }
        match self.ring.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => {
                if let Some((_, present)) = self.ring.get_mut(at) {
                    *kept_before(&mut self.journal, id, present) = pack;
                }
            }
            Err(at) => self.ring.insert(at, (id, pack)),
        }
    }

    /// Removes a node, if it is there.
    pub(super) fn remove(&mut self, id: StreamId) {
        if let Ok(at) = self.ring.binary_search_by_key(&id, |(id, _)| *id)
            && let Some((id, pack)) = self.ring.remove(at)
            && let Some(journal) = &mut self.journal
        {
            journal.keep(id, || pack);
        }
        if self.ring.len() < self.ring.capacity() / 4 {
            self.ring.shrink_to(self.ring.capacity() / 2);
        }
    }

    /// Begins to write them in pieces, as they are now.
    pub(super) fn begin_pieces(&mut self) {
        // No node has the least ID: without nodes, nothing is to be written.
        let end = self.last().map_or(StreamId::MIN, |(end, _)| *end);
        let journal = Journal { next: StreamId::MIN, end, kept: BTreeMap::new(), kept_bytes: 0 };
        self.journal = Some(Box::new(journal));
    }

    pub(super) fn is_in_pieces(&self) -> bool {
        self.journal.is_some()
    }

    /// See [`Object::kept_bytes`](crate::Object::kept_bytes).
    pub(super) fn kept_bytes(&self) -> usize {
        self.journal.as_ref().map_or(0, |journal| journal.kept_bytes)
    }

    pub(super) fn abandon_pieces(&mut self) {
        self.journal = None;
    }

    /// See [`Object::next_piece`](crate::Object::next_piece).
    pub(super) fn next_piece(
        &mut self,
        budget: usize,
        visit: &mut dyn FnMut(&Piece<'_>) -> usize,
    ) -> bool {
        let mut spent = 0_usize;
        while spent < budget {
            let Some(journal) = &mut self.journal else { return false };
            let (next, end) = (journal.next, journal.end);
            let at = self.ring.partition_point(|(id, _)| *id < next);
            let present = self.ring.get(at).filter(|(id, _)| *id <= end);
            let kept = journal.kept.first_key_value();
            let written = match (present, kept) {
                (_, Some((id, pack))) if present.is_none_or(|(other, _)| *id <= *other) => {
                    spent = spent.saturating_add(visit(&Piece::Entries(*id, pack.as_bytes())));
                    *id
                }
                (Some((id, pack)), _) => {
                    spent = spent.saturating_add(visit(&Piece::Entries(*id, pack.as_bytes())));
                    *id
                }
                (None, _) => {
                    self.journal = None;
                    return false;
                }
            };
            if let Some(pack) = journal.kept.remove(&written) {
                journal.kept_bytes = journal.kept_bytes.saturating_sub(kept_bytes(&pack));
            }
            match written.next() {
                Some(next) => journal.next = next,
                None => self.journal = None,
            }
        }
        self.journal.is_some()
    }

    /// The size of what it has allocated beside the nodes.
    pub(super) fn memory_bytes(&self, size: &dyn Fn(usize) -> usize) -> usize {
        match self.ring.capacity() {
            0 => 0,
            room => size(room.saturating_mul(size_of::<(StreamId, ListPack)>())),
        }
    }

    /// How many nodes have lesser IDs.
    fn before(&self, id: StreamId) -> usize {
        self.count_while(|other| other < id)
    }

    /// How many nodes have lesser IDs, or this one.
    fn until(&self, id: StreamId) -> usize {
        self.count_while(|other| other <= id)
    }

    /// How many nodes there are, from the first on, whose IDs are as asked for. Where they end is searched for from the end in
    /// growing steps, and then by halving: what is read is mostly what was added last.
    fn count_while(&self, is_before: impl Fn(StreamId) -> bool) -> usize {
        let holds = |at: usize| self.ring.get(at).is_some_and(|(id, _)| is_before(*id));
        let (mut begin, mut end) = (0, self.ring.len());
        let mut step = 1_usize;
        while let Some(at) = self.ring.len().checked_sub(step) {
            if holds(at) {
                begin = at.saturating_add(1);
                break;
            }
            end = at;
            step = step.saturating_mul(2);
        }
        while begin < end {
            let middle = begin.midpoint(end);
            if holds(middle) {
                begin = middle.saturating_add(1);
            } else {
                end = middle;
            }
        }
        begin
    }
}

/// What a node takes that is kept.
fn kept_bytes(pack: &ListPack) -> usize {
    pack.as_bytes().len().saturating_add(size_of::<(StreamId, ListPack)>())
}

/// A node that is about to be changed, of which a copy is kept first if it was not written yet.
#[inline]
fn kept_before<'a>(
    journal: &mut Option<Box<Journal>>,
    id: StreamId,
    pack: &'a mut ListPack,
) -> &'a mut ListPack {
    if let Some(journal) = journal {
        journal.keep(id, || pack.clone());
    }
    pack
}
