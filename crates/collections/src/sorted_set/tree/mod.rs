//! Elements in order of (score, member), each found by its rank as well: an order-statistic B+tree.
//!
//! ```text
//!   inner:  first scores | first members | counts | children          counts[i]: the elements below children[i]
//!              |
//!   leaf:   scores | members                                          63 of each: 1 KiB
//! ```
//!
//! A million elements are four levels, of which all but the leaves stay in the processor's caches. In a leaf, scores lie apart from
//! members: a search compares scores, a few lines of memory that load beside each other, and looks at members, which are
//! elsewhere, only where scores are equal. For ranks, the counts before the path to an element are added up.
//!
//! What members are and how they compare is the caller's affair ([`Seek`]): the tree copies them and never looks into them.
//!
//! - A full leaf is split in half, but where elements come in order (or in reverse), it is left full and the new one starts empty.
//! - Neighbours that fit into three quarters of a node become one.
//! - Nothing points sideways or up: iteration goes on to the next leaf by rank, a short way down for every sixty elements.
//!
//! Invariants:
//! - All leaves are at the same depth. No node is empty.
//! - For each child, a node knows its first element and the number of elements below it, exactly.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "slots, indexes and counts are the tree's own, not from outside, and are bounded by memory"
)]

mod inner;
mod iteration;
mod leaf;
mod seek;

use inner::{Change, Edges, Inner};
use leaf::Leaf;

pub(super) use iteration::Iter;
pub(super) use seek::{Place, Present, Rank, Seek, Start};

/// Elements of a leaf, and children of an inner node: a leaf takes 1 KiB with its header.
const CAPACITY: usize = 63;

/// Elements in order; see the module's page.
#[derive(Debug)]
pub(super) struct Tree<M> {
    root: Option<Node<M>>,
    len: usize,
}

/// A part of a tree.
#[derive(Debug)]
enum Node<M> {
    Leaf(Box<Leaf<M>>),
    Inner(Box<Inner<M>>),
}

impl<M> Default for Tree<M> {
    fn default() -> Tree<M> {
        Tree { root: None, len: 0 }
    }
}

impl<M: Copy + PartialEq> Tree<M> {
    /// The number of elements.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an element at the place that is sought for it.
    #[inline]
    pub(super) fn insert(&mut self, mut seek: impl Seek<M>, score: f64, member: M) {
        let edges = Edges { first: true, last: true };
        self.len += 1;
        let Some(root) = &mut self.root else {
            self.root = Some(Node::Leaf(Leaf::new(score, member)));
            return;
        };
        if let Change::Split(right) = root.insert(&mut seek, score, member, edges)
            && let Some(left) = self.root.take()
        {
            let mut root = Inner::new(left);
            root.push(right);
            self.root = Some(Node::Inner(root));
        }
    }

    /// Adds an element behind all others, where it belongs.
    pub(super) fn push(&mut self, score: f64, member: M) {
        self.insert(Rank(self.len), score, member);
    }

    /// Takes out the element sought, which is there.
    #[inline]
    pub(super) fn remove(&mut self, seek: impl Seek<M>) {
        self.change(seek, |leaf, slot| {
            leaf.remove(slot..slot + 1);
            ((), 1)
        });
    }

    /// Takes out up to `limit` elements from the one with this rank on, at least one, and gives them to `visit` in order; gives how many.
    pub(super) fn remove_some(
        &mut self,
        rank: usize,
        limit: usize,
        visit: &mut impl FnMut(f64, M),
    ) -> usize {
        if self.len <= rank || limit == 0 {
            return 0;
        }
        self.change(Rank(rank), |leaf, slot| {
            let end = leaf.len().min(slot.saturating_add(limit));
            for slot in slot..end {
                let (score, member) = leaf.element(slot);
                visit(score, member);
            }
            leaf.remove(slot..end);
            (end - slot, end - slot)
        })
        .unwrap_or(0)
    }

    /// Gives the element sought, which is there, another score if it stays where it is; otherwise takes it out. Says whether
    /// it stays. `is_before` tells whether a member comes before that of the element where scores are equal.
    #[inline]
    pub(super) fn move_within(
        &mut self,
        seek: impl Seek<M>,
        score: f64,
        is_before: impl Fn(M) -> bool,
    ) -> bool {
        let moved = self.change(seek, |leaf, slot| {
            let (scores, members) = (leaf.scores(), leaf.members());
            let after = |slot: usize| {
                scores[slot] < score || scores[slot] <= score && is_before(members[slot])
            };
            // Beyond the ends of the leaf there are other leaves, which nobody looks at.
            let stays = 0 < slot && slot + 1 < scores.len() && after(slot - 1) && !after(slot + 1);
            if stays {
                leaf.put_score(slot, score);
                (true, 0)
            } else {
                leaf.remove(slot..slot + 1);
                (false, 1)
            }
        });
        moved.unwrap_or(false)
    }

    fn change<R>(
        &mut self,
        mut seek: impl Seek<M>,
        mut act: impl FnMut(&mut Leaf<M>, usize) -> (R, usize),
    ) -> Option<R> {
        let root = self.root.as_mut()?;
        let (result, removed) = root.remove(&mut seek, &mut act);
        self.len -= removed;
        if self.len == 0 {
            self.root = None;
        }
        while let Some(Node::Inner(inner)) = &mut self.root
            && let Some(child) = inner.take_only_child()
        {
            self.root = Some(child);
        }
        Some(result)
    }

    /// How many elements come before what is sought.
    #[inline]
    pub(super) fn rank(&self, mut seek: impl Seek<M>) -> usize {
        let Some(mut node) = self.root.as_ref() else { return 0 };
        let mut before = 0;
        loop {
            match node {
                Node::Leaf(leaf) => return before + seek.slot(leaf),
                Node::Inner(inner) => {
                    let index = seek.child(inner);
                    before += inner.count_before(index);
                    node = inner.child(index);
                }
            }
        }
    }

    /// Starts to load the leaf where an element would be.
    #[inline]
    pub(super) fn prefetch(&self, mut seek: impl Seek<M>) {
        let Some(mut node) = self.root.as_ref() else { return };
        loop {
            match node {
                Node::Leaf(leaf) => return leaf.prefetch(),
                Node::Inner(inner) => node = inner.child(seek.child(inner)),
            }
        }
    }

    /// The leaf that holds the element with this rank, and its slot there.
    #[inline]
    fn leaf_at(&self, rank: usize) -> Option<(&Leaf<M>, usize)> {
        if self.len <= rank {
            return None;
        }
        let mut node = self.root.as_ref()?;
        let mut seek = Rank(rank);
        loop {
            match node {
                Node::Leaf(leaf) => return Some((leaf, seek.slot(leaf))),
                Node::Inner(inner) => node = inner.child(seek.child(inner)),
            }
        }
    }

    /// The elements with these ranks, which are not beyond the last one's.
    pub(super) fn range(&self, ranks: std::ops::Range<usize>) -> Iter<'_, M> {
        Iter::new(self, ranks)
    }

    /// Reports the sizes of all nodes.
    pub(super) fn memory_bytes(&self, size: &dyn Fn(usize) -> usize) -> usize {
        let (leaves, inners) = self.root.as_ref().map_or((0, 0), Node::nodes);
        leaves * size(size_of::<Leaf<M>>()) + inners * size(size_of::<Inner<M>>())
    }

    /// How many nodes there are, about.
    pub(super) fn effort(&self) -> usize {
        self.len / (CAPACITY / 2)
    }

    /// Panics unless all is as it should be.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let (_, count) = self.root.as_ref().map_or((0, 0), Node::check);
        assert_eq!(count, self.len);
    }
}

impl<M: Copy + PartialEq> Node<M> {
    /// The number of elements.
    fn len(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.len(),
            Node::Inner(inner) => inner.count(),
        }
    }

    /// Leaves and inner nodes.
    fn nodes(&self) -> (usize, usize) {
        match self {
            Node::Leaf(_) => (1, 0),
            Node::Inner(inner) => inner.nodes(),
        }
    }

    /// The first element.
    #[inline]
    fn first(&self) -> (f64, M) {
        match self {
            Node::Leaf(leaf) => leaf.element(0),
            Node::Inner(inner) => inner.first(),
        }
    }

    fn insert(
        &mut self,
        seek: &mut impl Seek<M>,
        score: f64,
        member: M,
        edges: Edges,
    ) -> Change<M> {
        let leaf = match self {
            Node::Inner(inner) => return inner.insert(seek, score, member, edges),
            Node::Leaf(leaf) => leaf,
        };
        let slot = seek.slot(leaf);
        if !leaf.is_full() {
            leaf.insert(slot, score, member);
            return Change::Within;
        }
        if edges.last && slot == leaf.len() {
            return Change::Split(Node::Leaf(Leaf::new(score, member)));
        }
        if edges.first && slot == 0 {
            let right = std::mem::replace(leaf, Leaf::new(score, member));
            return Change::Split(Node::Leaf(right));
        }
        let half = leaf.len() / 2;
        let mut right = leaf.split_off(half);
        if slot <= half {
            leaf.insert(slot, score, member);
        } else {
            right.insert(slot - half, score, member);
        }
        Change::Split(Node::Leaf(right))
    }

    /// Has `act` change the leaf of the element sought, which is given its slot, and gives its result and how many elements
    /// it took out, from the slot on.
    fn remove<R>(
        &mut self,
        seek: &mut impl Seek<M>,
        act: &mut impl FnMut(&mut Leaf<M>, usize) -> (R, usize),
    ) -> (R, usize) {
        match self {
            Node::Leaf(leaf) => {
                let slot = seek.slot(leaf);
                act(leaf, slot)
            }
            Node::Inner(inner) => inner.remove(seek, act),
        }
    }

    #[cfg(test)]
    fn check(&self) -> (usize, usize) {
        match self {
            Node::Leaf(leaf) => {
                assert!(0 < leaf.len());
                (0, leaf.len())
            }
            Node::Inner(inner) => inner.check(),
        }
    }
}

#[cfg(test)]
mod tests;
