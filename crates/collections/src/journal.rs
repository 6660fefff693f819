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

use crate::HashTable;
use crate::hash_table::prefetch;
use crate::names::Names;

/// See the module's page. `T` is what the table holds.
#[derive(Debug)]
pub(crate) struct Journal<T> {
    /// What lies left of it was written.
    cursor: u64,
    /// Elements that the walk must pass over: their old state was kept, or they had none.
    touched: Names,
    /// Old states that were not written yet, and what each takes in memory.
    kept: Vec<(T, usize)>,
    kept_bytes: usize,
}

impl<T> Journal<T> {
    pub(crate) fn new() -> Journal<T> {
        Journal { cursor: 0, touched: Names::default(), kept: Vec::new(), kept_bytes: 0 }
    }

    /// To be called before (or right after) an element comes, changes or goes. Says whether its old state, if it had one, is to be
    /// [kept](Journal::keep).
    pub(crate) fn touches(&mut self, hash: u64, name: &[u8]) -> bool {
        !is_left(hash, self.cursor) && self.touched.insert(hash, name)
    }

    /// Keeps the old state of an element, which takes so many bytes.
    pub(crate) fn keep(&mut self, old: T, bytes: usize) {
        let bytes = bytes.saturating_add(size_of::<(T, usize)>());
        self.kept_bytes = self.kept_bytes.saturating_add(bytes);
        self.kept.push((old, bytes));
    }

    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.touched.bytes().saturating_add(self.kept_bytes)
    }

    /// Gives the next elements to `visit`, until their costs, which it tells, reach `budget`. Says whether these were the last.
    /// `address` is the memory of an element that is read first.
    pub(crate) fn advance(
        &mut self,
        table: &HashTable<T>,
        budget: usize,
        address: impl Fn(&T) -> *const u8,
        hash: impl Fn(&T) -> u64,
        name: impl Fn(&T) -> &[u8],
        mut visit: impl FnMut(&T) -> usize,
    ) -> bool {
        let mut spent = 0_usize;
        let mut buckets_ahead = 0_usize;
        while let Some((old, bytes)) = self.kept.pop() {
            self.kept_bytes = self.kept_bytes.saturating_sub(bytes);
            spent = spent.saturating_add(visit(&old));
            if budget <= spent {
                return false;
            }
        }
        loop {
            if buckets_ahead == 0 {
                buckets_ahead = BUCKETS;
                fetch_ahead(table, self.cursor, &address);
            }
            buckets_ahead = buckets_ahead.saturating_sub(1);
            let from = self.cursor;
            let touched = &self.touched;
            self.cursor = table.scan(from, |element| {
                let hash = hash(element);
                if !is_left(hash, from) && !touched.contains(hash, name(element)) {
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

/// Buckets whose elements are fetched from memory together.
const BUCKETS: usize = 8;

/// Starts to load the elements of the next few buckets, so that waits for memory overlap.
fn fetch_ahead<T>(table: &HashTable<T>, cursor: u64, address: impl Fn(&T) -> *const u8) {
    let mut cursor = cursor;
    for _ in 0..BUCKETS {
        cursor = table.scan(cursor, |element| prefetch(address(element)));
        if cursor == 0 {
            return;
        }
    }
}

/// Whether a hash lies left of a cursor.
fn is_left(hash: u64, cursor: u64) -> bool {
    hash.reverse_bits() < cursor.reverse_bits()
}
