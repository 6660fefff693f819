//! A big sorted set: a tree by score and member, and a table by member.
//!
//! Invariant: each member in the table, with the score in its header, is in the tree, and no other.

#![expect(unsafe_code, reason = "the tree points to members that the table owns")]

use std::cmp::Ordering;
use std::ops::Range;

use super::journal::Journal;
use super::member::{Member, MemberPointer};
use super::tree::{self, Place, Present, Start, Tree};
use super::{Direction, LexRange, ScoreRange, Upsert};
use crate::HashTable;
use crate::hash_table::{Entry, Rehash};
use crate::hashing::hash;
use crate::pieces::Piece;

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Ranked {
    table: HashTable<Member>,
    tree: Tree<MemberPointer>,
    /// While it is written in pieces.
    journal: Option<Box<Journal>>,
}

/// How the table hashes what it holds.
struct MemberHash;

impl Rehash<Member> for MemberHash {
    #[inline]
    fn hash(&self, member: &Member) -> u64 {
        hash(member.bytes())
    }

    #[inline]
    fn address(&self, member: &Member) -> *const u8 {
        member.address()
    }
}

/// How another member of the same set compares to this one.
#[inline]
fn order(member: &[u8]) -> impl Fn(MemberPointer) -> Ordering + Copy {
    move |other| {
        // SAFETY: the tree compares members that it holds, and these are in the table, or are only then about to be dropped.
        unsafe { other.bytes() }.cmp(member)
    }
}

#[inline]
fn place(member: &[u8], score: f64) -> Place<impl Fn(MemberPointer) -> Ordering + Copy> {
    Place { score, order: order(member) }
}

#[inline]
fn present(
    member: &Member,
    score: f64,
) -> Present<MemberPointer, impl Fn(MemberPointer) -> Ordering + Copy> {
    Present { place: place(member.bytes(), score), member: MemberPointer::new(member) }
}

impl Ranked {
    pub(super) fn with_capacity(members: usize) -> Ranked {
        Ranked { table: HashTable::with_capacity(members), tree: Tree::default(), journal: None }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Starts to load what a lookup of the member and an insertion with the score will read.
    #[inline]
    pub(super) fn prefetch(&self, member: &[u8], score: f64) {
        self.table.prefetch_bucket(hash(member));
        self.tree.prefetch(Start(|other: f64, _| other < score));
    }

    /// Starts to load what lookups of these members, given with their hashes, will read in the table; and in the tree, if their places
    /// are wanted.
    pub(super) fn look_ahead<'m>(
        &self,
        members: impl Iterator<Item = (u64, &'m [u8])> + Clone,
        with_places: bool,
    ) {
        self.table.prefetch_all(members.clone().map(|(hash, _)| hash), Member::address);
        if !with_places {
            return;
        }
        for (hash, member) in members {
            if let Some(held) = self.table.find(hash, |held| held.bytes() == member) {
                let score = held.header();
                self.tree.prefetch(Start(|other: f64, _| other < score));
            }
        }
    }

    #[inline]
    fn find(&self, member: &[u8]) -> Option<&Member> {
        self.table.find(hash(member), |held| held.bytes() == member)
    }

    #[inline]
    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(Member::header)
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let held = self.find(member)?;
        let score = held.header();
        Some((self.tree.rank(present(held, score)), score))
    }

    /// See [`SortedSet::upsert`](super::SortedSet::upsert).
    pub(super) fn upsert(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Upsert {
        let hash = hash(member);
        match self.table.entry(hash, |held| held.bytes() == member) {
            Entry::Occupied(mut entry) => {
                let held = entry.element_mut();
                let previous = held.header();
                match decide(Some(previous)) {
                    Some(score) if is_other(score, previous) => {
                        if let Some(journal) = &mut self.journal {
                            journal.touch(hash, member, Some(previous), Some(score));
                        }
                        move_in(&mut self.tree, held, previous, score);
                        held.set_header(score);
                        Upsert::Changed
                    }
                    Some(_) | None => Upsert::Left,
                }
            }
            Entry::Vacant(entry) => {
                let Some(score) = decide(None) else { return Upsert::Left };
                if let Some(journal) = &mut self.journal {
                    journal.touch(hash, member, None, Some(score));
                }
                let held = entry.insert(Member::new(score, member), &MemberHash);
                self.tree.insert(place(member, score), score, MemberPointer::new(held));
                Upsert::Added
            }
        }
    }

    /// Adds a member that is not there yet and belongs behind all others.
    pub(super) fn push(&mut self, member: &[u8], score: f64) {
        let hash = hash(member);
        if let Some(journal) = &mut self.journal {
            journal.touch(hash, member, None, Some(score));
        }
        let held = self.table.insert_unique(hash, Member::new(score, member), &MemberHash);
        self.tree.push(score, MemberPointer::new(held));
    }

    /// Takes a member out and gives its score.
    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = hash(member);
        let held = self.table.remove(hash, |held| held.bytes() == member)?;
        let score = held.header();
        self.tree.remove(present(&held, score));
        if let Some(journal) = &mut self.journal {
            journal.touch(hash, member, Some(score), None);
        }
        Some(score)
    }

    /// Takes the elements with these ranks out, which are there.
    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>) {
        let mut left = ranks.len();
        let (table, journal) = (&mut self.table, &mut self.journal);
        while 0 < left {
            let removed = self.tree.remove_some(ranks.start, left, &mut |score, pointer| {
                // SAFETY: it is in the table until the last statement.
                let member = unsafe { pointer.bytes() };
                let hash = hash(member);
                if let Some(journal) = journal {
                    journal.touch(hash, member, Some(score), None);
                }
                // Freed here, but not looked at any more.
                table.remove(hash, |held| MemberPointer::new(held) == pointer);
            });
            if removed == 0 {
                return;
            }
            left = left.saturating_sub(removed);
        }
    }

    /// See [`Object::begin_pieces`](crate::Object::begin_pieces).
    pub(super) fn begin_pieces(&mut self) -> usize {
        self.journal = Some(Box::default());
        self.len()
    }

    pub(super) fn is_in_pieces(&self) -> bool {
        self.journal.is_some()
    }

    /// See [`Object::next_piece`](crate::Object::next_piece).
    pub(super) fn next_piece(
        &mut self,
        budget: usize,
        visit: &mut dyn FnMut(&Piece<'_>) -> usize,
    ) -> bool {
        let Some(mut journal) = self.journal.take() else { return false };
        let before = match journal.reached() {
            Some((member, score)) => self.tree.rank(place(member, score)),
            None => self.len(),
        };
        let present = self.range(0..before, Direction::Descending);
        let done = journal
            .advance(present, budget, |(member, score)| visit(&Piece::Scored(member, score)));
        if !done {
            self.journal = Some(journal);
        }
        !done
    }

    /// See [`Object::kept_bytes`](crate::Object::kept_bytes).
    pub(super) fn kept_bytes(&self) -> usize {
        self.journal.as_ref().map_or(0, |journal| journal.bytes())
    }

    pub(super) fn abandon_pieces(&mut self) {
        self.journal = None;
    }

    pub(super) fn ranks_by_score(&self, wanted: &ScoreRange) -> Range<usize> {
        let start = self.tree.rank(Start(|score: f64, _| wanted.is_after(score)));
        let end = self.tree.rank(Start(|score: f64, _| !wanted.is_before(score)));
        start..end.max(start)
    }

    pub(super) fn ranks_by_lex(&self, wanted: &LexRange<'_>) -> Range<usize> {
        let start = self.tree.rank(Start(|_, member| wanted.is_after(self.bytes(member))));
        let end = self.tree.rank(Start(|_, member| !wanted.is_before(self.bytes(member))));
        start..end.max(start)
    }

    #[inline]
    pub(super) fn range(&self, ranks: Range<usize>, direction: Direction) -> Elements<'_> {
        Elements { set: self, pointers: self.tree.range(ranks), direction }
    }

    /// Visits some members; see [`HashTable::scan`].
    pub(super) fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        self.table.scan(cursor, |member| visit(member.bytes(), member.header()))
    }

    /// Bytes of all allocations, those of at most `samples` members scaled up to all.
    pub(super) fn memory_bytes(&self, samples: usize, size: &dyn Fn(usize) -> usize) -> usize {
        let samples = samples.clamp(1, self.len().max(1));
        let members: usize =
            self.table.iter().take(samples).map(|member| size(member.allocation_bytes())).sum();
        let members = members.saturating_mul(self.len()).checked_div(samples).unwrap_or(0);
        size(size_of::<Ranked>())
            .saturating_add(self.table.memory_bytes())
            .saturating_add(self.tree.memory_bytes(size))
            .saturating_add(members)
    }

    pub(super) fn effort(&self) -> usize {
        self.len().saturating_add(self.tree.effort())
    }

    #[inline]
    #[expect(clippy::unused_self, reason = "borrowed, as the proof that the member is there")]
    fn bytes(&self, pointer: MemberPointer) -> &[u8] {
        // SAFETY: what the tree holds is in the table, which is borrowed for as long.
        unsafe { pointer.bytes() }
    }

    /// Panics unless all is as it should be.
    #[cfg(test)]
    pub(super) fn check(&self) {
        self.tree.check();
        assert_eq!(self.tree.len(), self.table.len());
        let mut last: Option<(f64, &[u8])> = None;
        for (score, pointer) in self.tree.range(0..self.len()) {
            let member = self.bytes(pointer);
            assert_eq!(self.score(member).map(f64::to_bits), Some(score.to_bits()));
            assert!(last.is_none_or(|last| last < (score, member)));
            last = Some((score, member));
        }
    }
}

/// Moves an element of the tree to where it belongs with its new score.
fn move_in(tree: &mut Tree<MemberPointer>, held: &Member, previous: f64, score: f64) {
    let order = order(held.bytes());
    if !tree.move_within(present(held, previous), score, |other| order(other).is_lt()) {
        tree.insert(place(held.bytes(), score), score, MemberPointer::new(held));
    }
}

/// Whether a score is another one, which 0 and -0 are not.
#[inline]
#[expect(clippy::float_cmp, reason = "any difference counts")]
pub(super) fn is_other(score: f64, previous: f64) -> bool {
    score != previous
}

impl Clone for Ranked {
    fn clone(&self) -> Ranked {
        let mut copy = Ranked::with_capacity(self.len());
        for (score, pointer) in self.tree.range(0..self.len()) {
            copy.push(self.bytes(pointer), score);
        }
        copy
    }
}

/// Members and scores.
#[derive(Clone, Debug)]
pub(super) struct Elements<'a> {
    set: &'a Ranked,
    pointers: tree::Iter<'a, MemberPointer>,
    direction: Direction,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], f64)> {
        let (score, pointer) = match self.direction {
            Direction::Ascending => self.pointers.next()?,
            Direction::Descending => self.pointers.next_back()?,
        };
        Some((self.set.bytes(pointer), score))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.pointers.size_hint()
    }

    #[inline]
    fn fold<B, F: FnMut(B, (&'a [u8], f64)) -> B>(self, init: B, mut fold: F) -> B {
        let set = self.set;
        match self.direction {
            Direction::Ascending => self
                .pointers
                .fold(init, |folded, (score, pointer)| fold(folded, (set.bytes(pointer), score))),
            Direction::Descending => self
                .pointers
                .rfold(init, |folded, (score, pointer)| fold(folded, (set.bytes(pointer), score))),
        }
    }
}
