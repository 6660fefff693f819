//! What a table has to remember while it is written out in pieces.
//!
//! A snapshot shows a collection as it was at one moment, but a big one takes too long to be written in one go. So it is walked
//! a few buckets at a time ([`HashTable::scan`]), and changes in between go through a journal: of an element that the walk has
//! not come to, the first change keeps the old state, and the walk passes over the element later.
//!
//! A cursor of a scan is a point between 0 and 1, and so is every hash, with its bits read from the lowest on. What lies left of
//! the cursor has been written, and nothing else: that holds whatever splits and merges buckets in between. So nothing has
//! to be remembered of elements that were written, or that are not changed.
//!
//! Invariant: each element that was there at the beginning is given to the visitor once; those that came later never are.

use std::collections::HashSet;

use crate::HashTable;

/// See the module's page. `T` is what the table holds.
#[derive(Debug)]
pub(crate) struct Journal<T> {
    /// What lies left of it was written.
    cursor: u64,
    /// Elements that the walk must pass over: their old state was kept, or they had none.
    touched: HashSet<Box<[u8]>>,
    /// Old states that were not written yet.
    kept: Vec<T>,
}

impl<T> Journal<T> {
    pub(crate) fn new() -> Journal<T> {
        Journal { cursor: 0, touched: HashSet::new(), kept: Vec::new() }
    }

    /// To be called before (or right after) an element comes, changes or goes. Says whether its old state, if it had one, is to be
    /// [kept](Journal::keep).
    pub(crate) fn touches(&mut self, hash: u64, name: &[u8]) -> bool {
        !is_left(hash, self.cursor) && self.touched.insert(name.into())
    }

    /// Keeps the old state of an element.
    pub(crate) fn keep(&mut self, old: T) {
        self.kept.push(old);
    }

    /// Gives the next elements to `visit`, until their costs, which it tells, reach `budget`. Says whether these were the last.
    pub(crate) fn advance(
        &mut self,
        table: &HashTable<T>,
        budget: usize,
        hash: impl Fn(&T) -> u64,
        name: impl Fn(&T) -> &[u8],
        mut visit: impl FnMut(&T) -> usize,
    ) -> bool {
        let mut spent = 0_usize;
        while let Some(old) = self.kept.pop() {
            spent = spent.saturating_add(visit(&old));
            if budget <= spent {
                return false;
            }
        }
        loop {
            let from = self.cursor;
            let touched = &self.touched;
            self.cursor = table.scan(from, |element| {
                if !is_left(hash(element), from) && !touched.contains(name(element)) {
                    spent = spent.saturating_add(visit(element));
                }
            });
            if self.cursor == 0 {
                return true;
            }
            if budget <= spent {
                return false;
            }
        }
    }
}

/// Whether a hash lies left of a cursor.
fn is_left(hash: u64, cursor: u64) -> bool {
    hash.reverse_bits() < cursor.reverse_bits()
}
