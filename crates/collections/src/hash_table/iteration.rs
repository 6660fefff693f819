//! Walking all elements: borrowed, owned, and keeping only some.

use std::iter::FusedIterator;

use super::HashTable;
use super::bucket::{self, Bucket, Place};
use super::directory::Directory;

impl<T> HashTable<T> {
    /// All elements, in no order that means anything.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { directory: &self.directory, index: 0, bucket: None, slot: 0, left: self.len }
    }

    /// Takes all elements out and leaves an empty table without memory.
    pub fn drain(&mut self) -> IntoIter<T> {
        IntoIter::new(std::mem::take(self))
    }

    /// Drops all elements but those for which the closure says true. It must not change their hash.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        for index in 0..self.directory.count() {
            self.retain_in_chain(index, &mut keep);
        }
        self.shrink_fully();
    }

    fn retain_in_chain(&mut self, index: usize, keep: &mut impl FnMut(&mut T) -> bool) {
        // SAFETY: the caller's index is below the count.
        let head = unsafe { self.directory.pointer(index) };
        let mut position = 0;
        while let Some(place) = place_at(head, position) {
            // SAFETY: the place was just found, and the table is borrowed exclusively.
            if keep(unsafe { place.value_mut() }) {
                position += 1;
                continue;
            }
            // The chain's last element comes to this position and is looked at next.
            // SAFETY: as above.
            let removed = unsafe { bucket::remove(head, place, &mut self.overflow) };
            self.len -= 1;
            drop(removed);
        }
    }
}

/// The place of the chain's element with this number. Removals change the chain's shape behind them, so it is looked up from the head
/// each time; nearly all chains are one or two buckets.
fn place_at<T>(head: std::ptr::NonNull<Bucket<T>>, position: usize) -> Option<Place<T>> {
    let mut pointer = head;
    let mut slot = position;
    loop {
        // SAFETY: the caller's head is live, and so is what it links to.
        let bucket = unsafe { pointer.as_ref() };
        let occupied = bucket.occupied();
        if slot < occupied {
            return Some(Place { bucket: pointer, slot });
        }
        slot -= occupied;
        pointer = bucket.link()?;
    }
}

/// See [`HashTable::iter`].
pub struct Iter<'a, T> {
    directory: &'a Directory<T>,
    /// The next chain.
    index: usize,
    /// The bucket that is being walked.
    bucket: Option<&'a Bucket<T>>,
    slot: usize,
    left: usize,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        loop {
            if let Some(bucket) = self.bucket {
                if self.slot < bucket.occupied() {
                    // SAFETY: the slots below `occupied` are those that are.
                    let value = unsafe { bucket.value(self.slot) };
                    self.slot += 1;
                    self.left -= 1;
                    return Some(value);
                }
                self.slot = 0;
                self.bucket = bucket.next();
            } else {
                self.bucket = Some(self.directory.get(self.index)?);
                self.index += 1;
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

impl<T> FusedIterator for Iter<'_, T> {}

impl<'a, T> IntoIterator for &'a HashTable<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// All elements of a table, owned; chained buckets are freed on the way, the rest at the end.
pub struct IntoIter<T> {
    /// Chains below `index` are empty.
    table: HashTable<T>,
    index: usize,
}

impl<T> IntoIter<T> {
    pub(super) fn new(table: HashTable<T>) -> IntoIter<T> {
        IntoIter { table, index: 0 }
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            if self.table.directory.count() <= self.index {
                return None;
            }
            // SAFETY: the index is below the count.
            let head = unsafe { self.table.directory.pointer(self.index) };
            if let Some(place) = place_at(head, 0) {
                self.table.len -= 1;
                // SAFETY: the place was just found, and the table is the iterator's own.
                return Some(unsafe { bucket::remove(head, place, &mut self.table.overflow) });
            }
            self.index += 1;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.table.len, Some(self.table.len))
    }
}
