//! The lowest nodes: elements in order, their scores apart from their members.

use super::CAPACITY;

/// Up to [`CAPACITY`] elements in order.
///
/// Scores that are not there are NaN, with which every comparison is false, so that counting needs no bound and the processor
/// compares all of them at once, in lines of memory that it loads beside each other. Members that are not there are any.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Leaf<M> {
    scores: [f64; CAPACITY],
    members: [M; CAPACITY],
    len: usize,
}

impl<M: Copy> Leaf<M> {
    /// A leaf of one element.
    pub(super) fn new(score: f64, member: M) -> Box<Leaf<M>> {
        let mut leaf =
            Box::new(Leaf { scores: [f64::NAN; CAPACITY], members: [member; CAPACITY], len: 1 });
        leaf.scores[0] = score;
        leaf
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_full(&self) -> bool {
        self.len == CAPACITY
    }

    /// The scores that are there.
    #[inline]
    pub(super) fn scores(&self) -> &[f64] {
        &self.scores[..self.len]
    }

    /// Their members.
    #[inline]
    pub(super) fn members(&self) -> &[M] {
        &self.members[..self.len]
    }

    #[inline]
    pub(super) fn element(&self, slot: usize) -> (f64, M) {
        (self.scores()[slot], self.members()[slot])
    }

    /// How many scores are below this one.
    #[inline]
    pub(super) fn below(&self, score: f64) -> usize {
        count(&self.scores, |present| present < score)
    }

    /// How many scores are not above this one.
    #[inline]
    pub(super) fn through(&self, score: f64) -> usize {
        count(&self.scores, |present| present <= score)
    }

    /// Puts another score in the place of one, between its neighbours.
    pub(super) fn put_score(&mut self, slot: usize, score: f64) {
        self.scores[slot] = score;
    }

    /// Puts an element in; there is room for it.
    #[inline]
    pub(super) fn insert(&mut self, slot: usize, score: f64, member: M) {
        self.scores.copy_within(slot..self.len, slot + 1);
        self.scores[slot] = score;
        self.members.copy_within(slot..self.len, slot + 1);
        self.members[slot] = member;
        self.len += 1;
    }

    /// Takes elements out.
    #[inline]
    pub(super) fn remove(&mut self, slots: std::ops::Range<usize>) {
        let left = self.len - slots.len();
        self.members.copy_within(slots.end..self.len, slots.start);
        self.scores.copy_within(slots.end..self.len, slots.start);
        self.scores[left..self.len].fill(f64::NAN);
        self.len = left;
    }

    /// Moves the elements from a slot on, of which there are some, into a new leaf.
    pub(super) fn split_off(&mut self, slot: usize) -> Box<Leaf<M>> {
        let mut right = Leaf::new(0.0, self.members[slot]);
        right.len = self.len - slot;
        right.scores[..right.len].copy_from_slice(&self.scores[slot..self.len]);
        right.members[..right.len].copy_from_slice(&self.members[slot..self.len]);
        self.scores[slot..self.len].fill(f64::NAN);
        self.len = slot;
        right
    }

    /// Appends all elements of a leaf whose elements come after; there is room for them.
    pub(super) fn append(&mut self, right: &Leaf<M>) {
        let len = self.len + right.len;
        self.scores[self.len..len].copy_from_slice(right.scores());
        self.members[self.len..len].copy_from_slice(right.members());
        self.len = len;
    }

    /// Starts to load what a search reads and an insertion moves.
    #[inline]
    pub(super) fn prefetch(&self) {
        const LINE: usize = 64;
        let start = std::ptr::from_ref(self).cast::<u8>();
        for line in 0..size_of::<Leaf<M>>() / LINE {
            crate::hash_table::prefetch(start.wrapping_add(line * LINE));
        }
    }
}

/// How many scores satisfy a condition. Without a branch, so that the compiler uses wide instructions.
#[inline]
#[expect(clippy::cast_sign_loss, reason = "a count")]
#[expect(clippy::cast_possible_truncation, reason = "at most as many as there are scores")]
pub(super) fn count(scores: &[f64; CAPACITY], condition: impl Fn(f64) -> bool) -> usize {
    scores.iter().map(|score| i64::from(condition(*score))).sum::<i64>() as usize
}
