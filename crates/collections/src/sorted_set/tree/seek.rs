//! Ways to find a place in the tree.

use std::cmp::Ordering;

use super::inner::Inner;
use super::leaf::Leaf;

/// What finds its way from the root to a slot of a leaf. Asked for a child of one node after the other, then for the slot.
pub(in crate::sorted_set) trait Seek<M> {
    /// The child to go on with.
    #[expect(private_interfaces, reason = "the tree alone implements this and calls it")]
    fn child(&mut self, inner: &Inner<M>) -> usize;

    /// The slot; it may be the one behind the last element.
    #[expect(private_interfaces, reason = "the tree alone implements this and calls it")]
    fn slot(&mut self, leaf: &Leaf<M>) -> usize;
}

/// Where an element with this score is or would be. `order` tells how another member compares to its own.
#[derive(Clone, Copy)]
pub(in crate::sorted_set) struct Place<F> {
    pub(in crate::sorted_set) score: f64,
    pub(in crate::sorted_set) order: F,
}

impl<M: Copy + PartialEq, F: Fn(M) -> Ordering> Seek<M> for Place<F> {
    #[inline]
    #[expect(private_interfaces, reason = "see the trait")]
    fn child(&mut self, inner: &Inner<M>) -> usize {
        inner.child_of(self.score, |member| (self.order)(member) != Ordering::Greater)
    }

    #[inline]
    #[expect(private_interfaces, reason = "see the trait")]
    fn slot(&mut self, leaf: &Leaf<M>) -> usize {
        let (start, end) = (leaf.below(self.score), leaf.through(self.score));
        let equal = &leaf.members()[start..end];
        start + equal.partition_point(|member| (self.order)(*member) == Ordering::Less)
    }
}

/// Where an element is that is there, and whose very member is known.
#[derive(Clone, Copy)]
pub(in crate::sorted_set) struct Present<M, F> {
    pub(in crate::sorted_set) place: Place<F>,
    pub(in crate::sorted_set) member: M,
}

impl<M: Copy + PartialEq, F: Fn(M) -> Ordering> Seek<M> for Present<M, F> {
    #[inline]
    #[expect(private_interfaces, reason = "see the trait")]
    fn child(&mut self, inner: &Inner<M>) -> usize {
        self.place.child(inner)
    }

    #[inline]
    #[expect(private_interfaces, reason = "see the trait")]
    fn slot(&mut self, leaf: &Leaf<M>) -> usize {
        // No other member is looked into.
        let start = leaf.below(self.place.score);
        let equal = &leaf.members()[start..];
        match equal.iter().position(|member| *member == self.member) {
            Some(distance) => start + distance,
            None => unreachable!("the element is there"),
        }
    }
}

/// The element with this rank; or behind the last one.
#[derive(Clone, Copy)]
pub(in crate::sorted_set) struct Rank(pub(in crate::sorted_set) usize);

impl<M: Copy + PartialEq> Seek<M> for Rank {
    #[inline]
    #[expect(private_interfaces, reason = "see the trait")]
    fn child(&mut self, inner: &Inner<M>) -> usize {
        let last = inner.len() - 1;
        for (index, count) in inner.counts()[..last].iter().enumerate() {
            if self.0 < *count {
                return index;
            }
            self.0 -= count;
        }
        last
    }

    #[inline]
    #[expect(private_interfaces, reason = "see the trait")]
    fn slot(&mut self, _leaf: &Leaf<M>) -> usize {
        self.0
    }
}

/// The first element that the condition does not hold for, if it holds for all before some element and for none after.
#[derive(Clone, Copy)]
pub(in crate::sorted_set) struct Start<F>(pub(in crate::sorted_set) F);

impl<M: Copy + PartialEq, F: Fn(f64, M) -> bool> Seek<M> for Start<F> {
    #[inline]
    #[expect(private_interfaces, reason = "see the trait")]
    fn child(&mut self, inner: &Inner<M>) -> usize {
        inner.child_at(&self.0)
    }

    #[inline]
    #[expect(private_interfaces, reason = "see the trait")]
    fn slot(&mut self, leaf: &Leaf<M>) -> usize {
        let (mut low, mut high) = (0, leaf.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let (score, member) = leaf.element(middle);
            if (self.0)(score, member) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}
