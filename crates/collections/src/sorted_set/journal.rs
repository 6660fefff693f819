//! What a big sorted set has to remember while it is written out in pieces, from its last element to its first.
//!
//! In that order files have it, since whoever reads it can then put each element in front of the others. The walk is at a place in the
//! order: what lies behind it was written. An element can come to the walk a second time, or one that is new for the first, when its score
//! changes; so those that are touched in front of the walk are remembered, and those that were not written yet are kept as they were. The
//! walk merges these with what is there, and passes over what was touched.
//!
//! Invariant: each element that was there at the beginning is visited once, with the score that it had then; no other is.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};

use crate::hash_table::prefetch;
use crate::hashing::hash;
use crate::names::Names;

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// The element that the walk came to last: it and all behind it were written, or passed over.
    reached: Option<Kept>,
    touched: Names,
    kept: BTreeSet<Kept>,
    kept_bytes: usize,
}

/// An element as it was.
#[derive(Clone, Debug)]
struct Kept {
    score: f64,
    member: Box<[u8]>,
}

/// An element of the set.
pub(super) type Element<'a> = (&'a [u8], f64);

impl Journal {
    /// Called when a member comes (with no score before), or before it changes or goes (with none after).
    pub(super) fn touch(
        &mut self,
        hash: u64,
        member: &[u8],
        before: Option<f64>,
        after: Option<f64>,
    ) {
        let to_come = |score: &f64| !self.has_reached((member, *score));
        let before = before.filter(to_come);
        if before.is_none() && !after.as_ref().is_some_and(to_come) {
            // It was written, or never will be, and the walk does not see it.
            return;
        }
        let is_first = self.touched.insert(hash, member);
        if let Some(score) = before.filter(|_| is_first) {
            let kept = Kept { score, member: member.into() };
            self.kept_bytes = self.kept_bytes.saturating_add(kept.bytes());
            self.kept.insert(kept);
        }
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.touched.bytes().saturating_add(self.kept_bytes)
    }

    /// Where the walk is: it goes on before this element.
    pub(super) fn reached(&self) -> Option<Element<'_>> {
        self.reached.as_ref().map(|kept| (&*kept.member, kept.score))
    }

    /// Gives the next elements to `visit`, until their costs, which it tells, reach `budget`. `present` are those of the set that
    /// the walk has not reached, from the last on. Says whether these were all.
    pub(super) fn advance<'p>(
        &mut self,
        present: impl Iterator<Item = Element<'p>>,
        budget: usize,
        mut visit: impl FnMut(Element<'_>) -> usize,
    ) -> bool {
        let mut present = Ahead::new(present).peekable();
        let mut spent = 0_usize;
        let mut last = None;
        while spent < budget {
            let kept = self.kept.last();
            let is_kept = match (present.peek(), kept) {
                (Some(element), Some(kept)) => order(*element, kept.element()).is_le(),
                (present, _) => present.is_none(),
            };
            if is_kept {
                let Some(kept) = self.kept.pop_last() else { return true };
                self.kept_bytes = self.kept_bytes.saturating_sub(kept.bytes());
                spent = spent.saturating_add(visit(kept.element()));
                self.reached = Some(kept);
                last = None;
            } else if let Some(element) = present.next() {
                let is_touched =
                    !self.touched.is_empty() && self.touched.contains(hash(element.0), element.0);
                if !is_touched {
                    spent = spent.saturating_add(visit(element));
                }
                last = Some(element);
            }
        }
        if let Some((member, score)) = last {
            self.reached = Some(Kept { score, member: member.into() });
        }
        false
    }

    fn has_reached(&self, element: Element<'_>) -> bool {
        self.reached().is_some_and(|reached| order(reached, element).is_le())
    }
}

impl Kept {
    /// What it takes in memory, with its part of a node.
    fn bytes(&self) -> usize {
        size_of::<Kept>().saturating_mul(2).saturating_add(self.member.len())
    }

    fn element(&self) -> Element<'_> {
        (&self.member, self.score)
    }
}

/// Elements some of which are fetched from memory before it is their turn, so that waits for it overlap.
struct Ahead<'p, I> {
    rest: I,
    fetched: VecDeque<Element<'p>>,
}

impl<'p, I: Iterator<Item = Element<'p>>> Ahead<'p, I> {
    const COUNT: usize = 16;

    fn new(elements: I) -> Ahead<'p, I> {
        Ahead { rest: elements, fetched: VecDeque::with_capacity(Self::COUNT) }
    }
}

impl<'p, I: Iterator<Item = Element<'p>>> Iterator for Ahead<'p, I> {
    type Item = Element<'p>;

    fn next(&mut self) -> Option<Element<'p>> {
        while self.fetched.len() < Self::COUNT {
            let Some(element) = self.rest.next() else { break };
            prefetch(element.0.as_ptr());
            self.fetched.push_back(element);
        }
        self.fetched.pop_front()
    }
}

/// By score, which is never NaN, and then by member.
fn order(one: Element<'_>, other: Element<'_>) -> Ordering {
    one.1.partial_cmp(&other.1).unwrap_or(Ordering::Equal).then_with(|| one.0.cmp(other.0))
}

impl Ord for Kept {
    fn cmp(&self, other: &Kept) -> Ordering {
        order(self.element(), other.element())
    }
}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Kept) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Kept) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Kept {}
