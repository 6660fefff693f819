//! Nodes above the leaves: children in order, each with its first element and its number of elements.

use super::leaf::{self, Leaf};
use super::{CAPACITY, Node, Seek};

/// Up to [`CAPACITY`] children in order. For each, what a search has to know, so that it reads no child but the one
/// it goes to.
///
/// First scores that are not there are NaN, as in leaves.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Inner<M> {
    /// Of each child's first element.
    scores: [f64; CAPACITY],
    members: [M; CAPACITY],
    /// How many elements there are below each child.
    counts: [usize; CAPACITY],
    children: [Option<Node<M>>; CAPACITY],
    len: usize,
}

/// What a change below a child was.
pub(super) enum Change<M> {
    /// The child has split: these come after it.
    Split(Node<M>),
    /// It has not.
    Within,
}

/// Where a node is in its tree, seen from the ends.
#[derive(Clone, Copy)]
pub(super) struct Edges {
    /// Nothing comes before it.
    pub(super) first: bool,
    /// Nothing comes after it.
    pub(super) last: bool,
}

impl<M: Copy + PartialEq> Inner<M> {
    /// A node of one child.
    pub(super) fn new(child: Node<M>) -> Box<Inner<M>> {
        let (_, member) = child.first();
        let mut inner = Box::new(Inner {
            scores: [f64::NAN; CAPACITY],
            members: [member; CAPACITY],
            counts: [0; CAPACITY],
            children: [const { None }; CAPACITY],
            len: 0,
        });
        inner.put_child(0, child);
        inner
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The number of elements.
    pub(super) fn count(&self) -> usize {
        self.counts[..self.len].iter().sum()
    }

    /// The number of elements below the children before this one.
    #[inline]
    pub(super) fn count_before(&self, index: usize) -> usize {
        self.counts[..index].iter().sum()
    }

    pub(super) fn counts(&self) -> &[usize] {
        &self.counts[..self.len]
    }

    #[inline]
    pub(super) fn child(&self, index: usize) -> &Node<M> {
        match &self.children[index] {
            Some(child) => child,
            None => unreachable!("the index is below the number of children"),
        }
    }

    #[inline]
    fn child_mut(&mut self, index: usize) -> &mut Node<M> {
        match &mut self.children[index] {
            Some(child) => child,
            None => unreachable!("the index is below the number of children"),
        }
    }

    /// The first element.
    #[inline]
    pub(super) fn first(&self) -> (f64, M) {
        (self.scores[0], self.members[0])
    }

    /// The child that an element that is not before it, and before the next one, belongs to. What comes before all
    /// belongs to the first.
    #[inline]
    pub(super) fn child_at(&self, is_before: impl Fn(f64, M) -> bool) -> usize {
        let (mut low, mut high) = (1, self.len);
        while low < high {
            let middle = usize::midpoint(low, high);
            if is_before(self.scores[middle], self.members[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low - 1
    }

    /// The same for an element with this score, of which `is_before` is asked what comes before it if scores are equal.
    #[inline]
    pub(super) fn child_of(&self, score: f64, is_not_after: impl Fn(M) -> bool) -> usize {
        let (mut low, mut high) =
            (leaf::count(&self.scores, |first| first < score), self.through(score));
        while low < high {
            let middle = usize::midpoint(low, high);
            if is_not_after(self.members[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.saturating_sub(1)
    }

    #[inline]
    fn through(&self, score: f64) -> usize {
        leaf::count(&self.scores, |first| first <= score)
    }

    /// Has an element inserted below one of the children.
    pub(super) fn insert(
        &mut self,
        seek: &mut impl Seek<M>,
        score: f64,
        member: M,
        edges: Edges,
    ) -> Change<M> {
        let index = seek.child(self);
        let below =
            Edges { first: edges.first && index == 0, last: edges.last && index + 1 == self.len };
        match self.child_mut(index).insert(seek, score, member, below) {
            Change::Within => {
                self.counts[index] += 1;
                self.refresh_first(index);
                Change::Within
            }
            Change::Split(right) => {
                self.counts[index] = self.child(index).len();
                self.refresh_first(index);
                self.insert_child(index + 1, right, edges)
            }
        }
    }

    fn insert_child(&mut self, index: usize, child: Node<M>, edges: Edges) -> Change<M> {
        if self.len < CAPACITY {
            self.put_child(index, child);
            return Change::Within;
        }
        if edges.last && index == self.len {
            return Change::Split(Node::Inner(Inner::new(child)));
        }
        let half = self.len / 2;
        let mut right = self.split_off(half);
        if index <= half {
            self.put_child(index, child);
        } else {
            right.put_child(index - half, child);
        }
        Change::Split(Node::Inner(right))
    }

    /// Appends a child; there is room for it.
    pub(super) fn push(&mut self, child: Node<M>) {
        self.put_child(self.len, child);
    }

    /// How many leaves and inner nodes there are, with this one.
    pub(super) fn nodes(&self) -> (usize, usize) {
        let below = self.children.iter().flatten().map(Node::nodes);
        below.fold((0, 1), |sum, nodes| (sum.0 + nodes.0, sum.1 + nodes.1))
    }

    /// Puts a child in; there is room for it.
    fn put_child(&mut self, index: usize, child: Node<M>) {
        let len = self.len;
        self.scores.copy_within(index..len, index + 1);
        self.members.copy_within(index..len, index + 1);
        self.counts.copy_within(index..len, index + 1);
        self.children[index..=len].rotate_right(1);
        (self.scores[index], self.members[index]) = child.first();
        self.counts[index] = child.len();
        self.children[index] = Some(child);
        self.len += 1;
    }

    /// Takes a child out.
    fn take_child(&mut self, index: usize) -> Option<Node<M>> {
        let len = self.len;
        self.scores.copy_within(index + 1..len, index);
        self.scores[len - 1] = f64::NAN;
        self.members.copy_within(index + 1..len, index);
        self.counts.copy_within(index + 1..len, index);
        self.children[index..len].rotate_left(1);
        self.len -= 1;
        self.children[self.len].take()
    }

    /// The only child, if there is but one.
    pub(super) fn take_only_child(&mut self) -> Option<Node<M>> {
        if self.len == 1 { self.take_child(0) } else { None }
    }

    /// Moves the children from an index on, of which there are some, into a new node.
    fn split_off(&mut self, index: usize) -> Box<Inner<M>> {
        let mut right = Box::new(Inner {
            scores: [f64::NAN; CAPACITY],
            members: self.members,
            counts: [0; CAPACITY],
            children: [const { None }; CAPACITY],
            len: 0,
        });
        right.take_from(self, index);
        right
    }

    /// Moves the children of another node from an index on behind these; there is room for them.
    fn take_from(&mut self, other: &mut Inner<M>, index: usize) {
        let moved = other.len - index;
        let (from, to) = (index..other.len, self.len..self.len + moved);
        self.scores[to.clone()].copy_from_slice(&other.scores[from.clone()]);
        other.scores[from.clone()].fill(f64::NAN);
        self.members[to.clone()].copy_from_slice(&other.members[from.clone()]);
        self.counts[to.clone()].copy_from_slice(&other.counts[from.clone()]);
        self.children[to].swap_with_slice(&mut other.children[from]);
        self.len += moved;
        other.len = index;
    }

    /// Has up to `limit` elements in a row removed below one of the children, or its score changed; see
    /// [`Node::remove`].
    pub(super) fn remove<R>(
        &mut self,
        seek: &mut impl Seek<M>,
        act: &mut impl FnMut(&mut Leaf<M>, usize) -> (R, usize),
    ) -> (R, usize) {
        let index = seek.child(self);
        let (result, removed) = self.child_mut(index).remove(seek, act);
        self.counts[index] -= removed;
        if self.counts[index] == 0 {
            self.take_child(index);
            return (result, removed);
        }
        self.refresh_first(index);
        if 0 < removed && self.may_merge(index) && !self.merge(index) && 0 < index {
            self.merge(index - 1);
        }
        (result, removed)
    }

    /// Makes one child of this one and the next, if it is not too full then; says whether.
    fn merge(&mut self, index: usize) -> bool {
        if self.len <= index + 1 || !self.fit_together(index) {
            return false;
        }
        let Some(mut right) = self.take_child(index + 1) else { return false };
        match (self.child_mut(index), &mut right) {
            (Node::Leaf(left), Node::Leaf(right)) => left.append(right),
            (Node::Inner(left), Node::Inner(right)) => left.take_from(right, 0),
            (Node::Leaf(_), Node::Inner(_)) | (Node::Inner(_), Node::Leaf(_)) => {
                unreachable!("all leaves are at one level")
            }
        }
        self.counts[index] = self.child(index).len();
        true
    }

    /// Whether it is worth looking at the neighbours of a child that has become smaller. How full leaves are is known here; other
    /// nodes are looked at only when this one is nearly empty.
    fn may_merge(&self, index: usize) -> bool {
        match self.child(index) {
            Node::Leaf(_) => true,
            Node::Inner(inner) => inner.len < CAPACITY / 4,
        }
    }

    /// Whether a child and the next one have enough room together in one, and some to spare, lest it be split again soon.
    fn fit_together(&self, index: usize) -> bool {
        const MERGED: usize = CAPACITY / 4 * 3;
        match (self.child(index), self.child(index + 1)) {
            (Node::Leaf(_), Node::Leaf(_)) => self.counts[index] + self.counts[index + 1] <= MERGED,
            (Node::Inner(left), Node::Inner(right)) => left.len + right.len <= MERGED,
            (Node::Leaf(_), Node::Inner(_)) | (Node::Inner(_), Node::Leaf(_)) => false,
        }
    }

    /// Notes the first element of a child after a change of the child.
    #[inline]
    fn refresh_first(&mut self, index: usize) {
        (self.scores[index], self.members[index]) = self.child(index).first();
    }

    /// Panics unless the node is as it should be; gives its height and number of elements.
    #[cfg(test)]
    pub(super) fn check(&self) -> (usize, usize) {
        assert!(0 < self.len);
        let mut height = None;
        for index in 0..CAPACITY {
            if self.len <= index {
                assert!(self.scores[index].is_nan() && self.children[index].is_none());
                continue;
            }
            let child = self.child(index);
            let (score, member) = child.first();
            assert!(self.scores[index].to_bits() == score.to_bits());
            assert!(self.members[index] == member);
            let (below, count) = child.check();
            assert_eq!(self.counts[index], count);
            assert_eq!(*height.get_or_insert(below), below);
        }
        (height.map_or(0, |height| height + 1), self.count())
    }
}
