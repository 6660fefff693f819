//! What a big sorted set has to remember while it is written out in pieces, from its last element to its first.
//!
//! In that order files have it, since whoever reads it can then put each element in front of the others. The walk is at a place in the
//! order: what lies behind it was written. An element can come to the walk a second time, or one that is new for the first, when its score
//! changes; so all that are touched are remembered, and those that were not written yet are kept as they were. The walk merges these
//! with what is there, and passes over what was touched.
//!
//! Invariant: each element that was there at the beginning is visited once, with the score that it had then; no other is.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// The element that the walk came to last: it and all behind it were written, or passed over.
    reached: Option<Kept>,
    touched: HashSet<Box<[u8]>>,
    kept: BTreeSet<Kept>,
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
    /// Called when a member comes (with no score before), or before it changes or goes.
    pub(super) fn touch(&mut self, member: &[u8], score_before: Option<f64>) {
        let is_first = self.touched.insert(member.into());
        if let Some(score) = score_before.filter(|_| is_first)
            && !self.has_reached((member, score))
        {
            self.kept.insert(Kept { score, member: member.into() });
        }
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
        let mut present = present.peekable();
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
                spent = spent.saturating_add(visit(kept.element()));
                self.reached = Some(kept);
                last = None;
            } else if let Some(element) = present.next() {
                if !self.touched.contains(element.0) {
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
    fn element(&self) -> Element<'_> {
        (&self.member, self.score)
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
