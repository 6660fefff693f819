//! The nodes of a stream by the ID of their first entry: a sorted ring.
//!
//! Streams grow at the end and lose nodes at the front, which a ring does at once, and it takes half the memory of a tree that
//! grows at one end. To remove a node in the middle moves the others of the nearer side, 48 bytes each; but a node has to lose all
//! of its entries for that. A node is found by halving.

use std::collections::VecDeque;
use std::collections::vec_deque::Iter;
use std::ops::{Bound, RangeBounds};

use super::id::StreamId;
use crate::list_pack::ListPack;

/// Nodes with their IDs, which ascend.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    ring: VecDeque<(StreamId, ListPack)>,
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
        self.ring.front_mut().map(|(id, pack)| (*id, pack))
    }

    #[inline]
    pub(super) fn last(&self) -> Option<&(StreamId, ListPack)> {
        self.ring.back()
    }

    #[inline]
    pub(super) fn last_mut(&mut self) -> Option<(StreamId, &mut ListPack)> {
        self.ring.back_mut().map(|(id, pack)| (*id, pack))
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
        self.ring.get_mut(at).map(|(id, pack)| (*id, pack))
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
                    *present = pack;
                }
            }
            Err(at) => self.ring.insert(at, (id, pack)),
        }
    }

    /// Removes a node, if it is there.
    pub(super) fn remove(&mut self, id: StreamId) {
        if let Ok(at) = self.ring.binary_search_by_key(&id, |(id, _)| *id) {
            self.ring.remove(at);
        }
        if self.ring.len() < self.ring.capacity() / 4 {
            self.ring.shrink_to(self.ring.capacity() / 2);
        }
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
