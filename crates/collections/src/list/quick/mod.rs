//! A long list: a sequence of nodes, each a list pack of up to a bound, or one large element.
//!
//! ```text
//!  nodes:  | packed | packed | compressed | plain | compressed | packed |
//!            ^ depth 2 ------^                            ^-- depth 2 --^
//! ```
//!
//! An end is reached at once; an index by adding up the lengths of nodes, from the nearer end, which touches no node's elements. Where an element is inserted into a
//! full node, it is split, and the neighbours are merged if they fit together (`insertion`). Removing leaves small nodes behind.
//!
//! Invariants:
//! - No node is empty, and `len` is the sum of their lengths.
//! - If nodes are compressed at all, the `compress_depth` nodes at either end are not (`compression`). The others are, as far as that makes them smaller.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "indexes of nodes and elements that are there, not from outside"
)]

mod compression;
mod insertion;
mod journal;
mod removal;

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};

use super::limits::{Limits, Share};
use super::node::{Node, NodeContent};
use super::{End, elements_from, elements_to, visit_each};
use crate::list_pack::Element;
use crate::{ListPack, ListPackRef};

/// See the module's page.
#[derive(Debug)]
pub struct QuickList {
    nodes: VecDeque<Node>,
    len: usize,
    /// As they were when the list became long.
    limits: Limits,
    /// While it is written in pieces.
    journal: Option<Box<journal::Journal>>,
}

impl Clone for QuickList {
    fn clone(&self) -> QuickList {
        let QuickList { nodes, len, limits, journal: _ } = self;
        QuickList { nodes: nodes.clone(), len: *len, limits: *limits, journal: None }
    }
}

impl QuickList {
    pub(super) fn new(limits: Limits) -> QuickList {
        QuickList { nodes: VecDeque::new(), len: 0, limits, journal: None }
    }

    /// The number of elements.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The number of nodes.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Adds an element at an end.
    #[inline]
    pub(super) fn push(&mut self, end: End, element: &[u8]) {
        self.len += 1;
        self.before_change_at(end);
        let node = match end {
            End::Head => self.nodes.front_mut(),
            End::Tail => self.nodes.back_mut(),
        };
        if let Some(Node::Packed(pack)) = node
            && self.limits.admits(pack, element.len())
        {
            match end {
                End::Head => pack.push_front(element),
                End::Tail => pack.push_back(element),
            }
            return;
        }
        let node = self.node_of(element);
        self.make_room();
        match end {
            End::Head => {
                self.nodes.push_front(node);
                self.note_inserted(0);
            }
            End::Tail => {
                self.note_inserted(self.nodes.len());
                self.nodes.push_back(node);
            }
        }
        self.settle_pushed();
    }

    /// Takes the element at an end out, after a look at it.
    #[inline]
    pub(super) fn pop<R>(&mut self, end: End, read: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        self.before_change_at(end);
        let node = match end {
            End::Head => self.nodes.front_mut(),
            End::Tail => self.nodes.back_mut(),
        }?;
        node.decompress();
        let result = match node {
            Node::Packed(pack) => {
                let whole = pack.as_ref();
                let position = match end {
                    End::Head => whole.first(),
                    End::Tail => whole.last(),
                }?;
                let result = read(whole.element(position));
                pack.remove(position, 1);
                self.len -= 1;
                if !pack.is_empty() {
                    return Some(result);
                }
                result
            }
            Node::Plain(bytes) => {
                let result = read(Element::Bytes(bytes));
                self.len -= 1;
                result
            }
            Node::Compressed(_) => return None,
        };
        let removed = match end {
            End::Head => self.nodes.pop_front(),
            End::Tail => self.nodes.pop_back(),
        };
        let index = if end == End::Head { 0 } else { self.nodes.len() };
        self.note_removed(index, removed.into_iter());
        self.free_room();
        self.settle_ends();
        Some(result)
    }

    /// Puts an element in the place of that with the index.
    pub(super) fn set(&mut self, index: usize, element: &[u8]) {
        let Some((at, within)) = self.locate(index) else {
            return;
        };
        self.rearrange(around(at), |list| list.set_in(at, within, element));
    }

    /// Called before the node at an end is changed.
    #[inline]
    fn before_change_at(&mut self, end: End) {
        if self.is_in_pieces() {
            self.before_change(if end == End::Head {
                0
            } else {
                self.nodes.len().saturating_sub(1)
            });
        }
    }

    /// Reads the element with the index.
    pub(super) fn with<R>(&self, index: usize, read: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        let (at, within) = self.locate(index)?;
        self.nodes.get(at)?.content().with(within, read)
    }

    /// Reads elements from that with the index on, away from an end.
    #[inline]
    pub(super) fn visit<B>(
        &self,
        start: usize,
        from: End,
        mut visit: impl FnMut(Element<'_>) -> ControlFlow<B>,
    ) -> Option<B> {
        let (at, within) = self.locate(start)?;
        match from {
            End::Head => {
                let mut skip = within;
                for node in self.nodes.range(at..) {
                    let content = node.content();
                    let result = match &content {
                        NodeContent::Packed(bytes) => {
                            let pack = ListPackRef::from_trusted(bytes);
                            let elements =
                                if skip == 0 { pack.iter() } else { elements_from(pack, skip) };
                            visit_each(elements, &mut visit)
                        }
                        NodeContent::Plain(bytes) => visit(Element::Bytes(bytes)).break_value(),
                    };
                    if result.is_some() {
                        return result;
                    }
                    skip = 0;
                }
            }
            End::Tail => {
                let mut last = Some(within);
                for node in self.nodes.range(..=at).rev() {
                    let content = node.content();
                    let result = match &content {
                        NodeContent::Packed(bytes) => {
                            let pack = ListPackRef::from_trusted(bytes);
                            let elements =
                                last.map_or_else(|| pack.iter(), |last| elements_to(pack, last));
                            visit_each(elements.rev(), &mut visit)
                        }
                        NodeContent::Plain(bytes) => visit(Element::Bytes(bytes)).break_value(),
                    };
                    if result.is_some() {
                        return result;
                    }
                    last = None;
                }
            }
        }
        None
    }

    /// What the nodes hold.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeContent<'_>> {
        self.nodes.iter().map(Node::content)
    }

    /// Adds a node at the end, unless it is empty. What is to be compressed then is left to the caller.
    pub(super) fn push_node(&mut self, node: Node) {
        if 0 < node.len() {
            self.len += node.len();
            self.make_room();
            self.nodes.push_back(node);
        }
    }

    /// Makes room for another node at an end.
    fn make_room(&mut self) {
        /// Doubling would leave a quarter of the memory unused.
        const GROWTH: usize = 8;
        if self.nodes.len() == self.nodes.capacity() {
            self.nodes.reserve_exact((self.nodes.len() / GROWTH).max(1));
        }
    }

    /// If one node is left and it is small, takes it.
    #[inline]
    pub(super) fn take_small(&mut self, share: Share, limits: Limits) -> Option<ListPack> {
        // What is being written in pieces keeps its form.
        if 1 < self.nodes.len() || self.is_in_pieces() {
            return None;
        }
        match self.nodes.front_mut() {
            None => Some(ListPack::new()),
            Some(Node::Packed(pack)) if limits.is_small(pack, share) => Some(std::mem::take(pack)),
            Some(_) => None,
        }
    }

    /// The allocations that it consists of.
    pub(super) fn memory_bytes(&self, samples: usize, size: &dyn Fn(usize) -> usize) -> usize {
        let count = self.nodes.len();
        let taken = if samples == 0 { count } else { samples.min(count) };
        let bytes: usize = self.nodes.iter().take(taken).map(|node| node.memory_bytes(size)).sum();
        let scaled = bytes.saturating_mul(count).checked_div(taken).unwrap_or(0);
        size(size_of::<QuickList>()) + size(self.nodes.capacity() * size_of::<Node>()) + scaled
    }

    /// Where the element with the index is: the node, and the index within it.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if self.len <= index {
            return None;
        }
        if index < self.len / 2 {
            let mut before = 0;
            for (at, node) in self.nodes.iter().enumerate() {
                let end = before + node.len();
                if index < end {
                    return Some((at, index - before));
                }
                before = end;
            }
        } else {
            let mut end = self.len;
            for (at, node) in self.nodes.iter().enumerate().rev() {
                let start = end - node.len();
                if start <= index {
                    return Some((at, index - start));
                }
                end = start;
            }
        }
        None
    }

    /// A node with one element.
    fn node_of(&self, element: &[u8]) -> Node {
        if self.limits.is_large(element.len()) {
            Node::Plain(element.into())
        } else {
            let mut pack = ListPack::new();
            pack.push_back(element);
            Node::Packed(pack)
        }
    }

    /// Gives memory back when few nodes are left.
    fn free_room(&mut self) {
        /// So much may stay for good.
        const FEW: usize = 8;
        if FEW < self.nodes.capacity() && self.nodes.len() < self.nodes.capacity() / 4 {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        assert_eq!(self.len, self.nodes.iter().map(Node::len).sum::<usize>());
        assert!(self.nodes.iter().all(|node| 0 < node.len()));
        let depth = self.limits.compress_depth as usize;
        for (index, node) in self.nodes.iter().enumerate() {
            let is_middle = 0 < depth && depth <= index && index + depth < self.nodes.len();
            if is_middle {
                let mut again = node.clone();
                again.compress();
                assert_eq!(again.is_compressed(), node.is_compressed(), "{index}");
            } else {
                assert!(!node.is_compressed(), "{index}");
            }
        }
    }
}

/// The nodes that may change when an element of this one is replaced, or one is put in beside it.
fn around(at: usize) -> Range<usize> {
    /// Two are merged before and behind, and what is split needs one more.
    const REACH: usize = 4;
    at.saturating_sub(REACH)..at + REACH
}
