//! Lookup and insertion, replacement or removal with a single probe.

use std::mem;

use super::bucket::Place;
use super::{HashTable, Rehash};

/// What a lookup found, see [`HashTable::entry`].
pub enum Entry<'a, T> {
    /// The element is in the table.
    Occupied(OccupiedEntry<'a, T>),
    /// It is not.
    Vacant(VacantEntry<'a, T>),
}

/// An element in the table.
pub struct OccupiedEntry<'a, T> {
    table: &'a mut HashTable<T>,
    hash: u64,
    /// An occupied place in the chain of `hash`.
    place: Place<T>,
}

/// The place of an element that is not in the table.
pub struct VacantEntry<'a, T> {
    table: &'a mut HashTable<T>,
    hash: u64,
}

impl<'a, T> OccupiedEntry<'a, T> {
    #[inline]
    pub(super) fn new(table: &'a mut HashTable<T>, hash: u64, place: Place<T>) -> Self {
        OccupiedEntry { table, hash, place }
    }

    /// The element.
    #[inline]
    pub fn element(&self) -> &T {
        // SAFETY: the place is an occupied one of the table, which the entry borrows.
        let bucket = unsafe { self.place.bucket.as_ref() };
        // SAFETY: as above.
        unsafe { bucket.value(self.place.slot) }
    }

    /// The element. Its hash must stay the same.
    #[inline]
    pub fn element_mut(&mut self) -> &mut T {
        // SAFETY: the place is an occupied one of the table, which the entry borrows.
        unsafe { self.place.value_mut() }
    }

    /// The element for as long as the table is borrowed. Its hash must stay the same.
    #[inline]
    pub fn into_mut(self) -> &'a mut T {
        // SAFETY: the place is an occupied one of the table, which is borrowed for that long.
        unsafe { self.place.value_mut() }
    }

    /// Puts another element with the same hash in the place and returns the one that was there.
    #[inline]
    pub fn replace(&mut self, value: T) -> T {
        mem::replace(self.element_mut(), value)
    }

    /// Takes the element out.
    #[inline]
    pub fn remove(self) -> T {
        self.table.remove_at(self.hash, self.place)
    }
}

impl<'a, T> VacantEntry<'a, T> {
    #[inline]
    pub(super) fn new(table: &'a mut HashTable<T>, hash: u64) -> Self {
        VacantEntry { table, hash }
    }

    /// Adds an element with the hash that was looked up.
    #[inline]
    pub fn insert(self, value: T, hasher: &impl Rehash<T>) -> &'a mut T {
        // The end of the chain is looked for again, because growth may move it. It was just read, so that costs
        // next to nothing.
        self.table.insert_unique(self.hash, value, hasher)
    }
}
