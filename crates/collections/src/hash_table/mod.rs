//! The one hash table: of the keyspace, and of big sets, hashes and sorted sets.
//!
//! Elements are 8 bytes, typically a pointer; hashes and equality come from closures, so the table stores no key and
//! the element decides where its key lies. What it is good at:
//! - A lookup in a table that is larger than the caches costs two misses: the bucket and the element (`bucket`).
//! - It grows and shrinks one bucket at a time: no pause, no second copy, about 14 bytes an element at any size (`growth`,
//!   `directory`). An empty table has no memory.
//! - [`scan`](HashTable::scan) visits everything with no state but a number, whatever happens between the calls (`cursor`).
//! - [`sample`](HashTable::sample) is fair (`sample`).
//!
//! A hash must be well mixed in its lowest and its highest bits. A bad one costs time, nothing else. A closure that panics leaves
//! a table with all its elements.
//!
//! Invariants:
//! - `mask + 1` is the power of two above `directory.count()`.
//! - An element lies in the chain of bucket `index_of` its hash, with the hash's tag.
//! - All memory is from the global allocator.

#![expect(
    unsafe_code,
    reason = "the table's memory is its own; the other modules of this crate do without"
)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "indexes and sizes are the table's own, not from outside, and are bounded by memory"
)]

mod bucket;
mod cursor;
mod directory;
mod entry;
mod growth;
mod iteration;
mod prefetch;
mod sample;
mod statistics;

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ptr::NonNull;

pub use entry::{Entry, OccupiedEntry, VacantEntry};
pub use iteration::{IntoIter, Iter};
pub use prefetch::prefetch;
pub use statistics::Statistics;

use bucket::{Appender, Bucket, Overflow, Place, Tag};
use directory::Directory;

/// How a table that grows learns the hash of an element it holds. Any `Fn(&T) -> u64` will do.
pub trait Rehash<T> {
    /// The hash that the element was inserted with.
    fn hash(&self, element: &T) -> u64;

    /// The memory that [`hash`](Rehash::hash) will read, or null. The table loads it ahead of time.
    #[inline]
    fn address(&self, _element: &T) -> *const u8 {
        std::ptr::null()
    }
}

impl<T, F: Fn(&T) -> u64> Rehash<T> for F {
    #[inline]
    fn hash(&self, element: &T) -> u64 {
        self(element)
    }
}

/// A hash table of elements of 8 bytes; see the module's page.
pub struct HashTable<T> {
    directory: Directory<T>,
    mask: usize,
    len: usize,
    overflow: Overflow,
    owns: PhantomData<T>,
}

// SAFETY: the table owns its elements and their memory; nothing of it is shared.
unsafe impl<T: Send> Send for HashTable<T> {}
// SAFETY: a shared table gives out nothing but shared elements.
unsafe impl<T: Sync> Sync for HashTable<T> {}

impl<T> HashTable<T> {
    /// An empty table, without memory.
    pub const fn new() -> HashTable<T> {
        const {
            assert!(size_of::<T>() == 8, "elements are 8 bytes");
            assert!(align_of::<T>() <= 8, "slots are aligned to 8 bytes");
        }
        HashTable {
            directory: Directory::new(),
            mask: 1,
            len: 0,
            overflow: Overflow { buckets: 0, longest: 0 },
            owns: PhantomData,
        }
    }

    /// An empty table with memory for this many elements, so that filling it up needs no rehashing. Removals free what
    /// is too much.
    pub fn with_capacity(elements: usize) -> HashTable<T> {
        let mut table = HashTable::new();
        table.presize(elements);
        table
    }

    /// The number of elements.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The element with this hash that is the one looked for.
    #[inline]
    pub fn find(&self, hash: u64, mut is_equal: impl FnMut(&T) -> bool) -> Option<&T> {
        let tag = Tag::of(hash);
        let mut bucket = self.head(hash)?;
        loop {
            for slot in bucket.matches(tag) {
                // SAFETY: only occupied slots match.
                let value = unsafe { bucket.value(slot) };
                if is_equal(value) {
                    return Some(value);
                }
            }
            bucket = bucket.next()?;
        }
    }

    /// The element with this hash that is the one looked for. Its hash must stay the same.
    #[inline]
    pub fn find_mut(&mut self, hash: u64, is_equal: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let place = self.place(hash, is_equal)?;
        // SAFETY: the place was just found, and the table is borrowed as what is returned is.
        Some(unsafe { place.value_mut() })
    }

    /// Looks an element up for whatever is to be done with it or with the place where it would be.
    #[inline]
    pub fn entry(&mut self, hash: u64, is_equal: impl FnMut(&T) -> bool) -> Entry<'_, T> {
        match self.place(hash, is_equal) {
            Some(place) => Entry::Occupied(OccupiedEntry::new(self, hash, place)),
            None => Entry::Vacant(VacantEntry::new(self, hash)),
        }
    }

    /// Adds an element that is not in the table, which is not checked.
    #[inline]
    pub fn insert_unique(&mut self, hash: u64, value: T, hasher: &impl Rehash<T>) -> &mut T {
        self.grow(hasher);
        // SAFETY: the bucket is the head of a chain of this table, which is borrowed exclusively.
        let mut appender = unsafe { Appender::new(self.pointer(hash)) };
        let place = appender.push(Tag::of(hash), value, &mut self.overflow);
        self.len += 1;
        // SAFETY: the place was just filled, and the table is borrowed as what is returned is.
        unsafe { place.value_mut() }
    }

    /// Puts an element in the place of its equal, which is returned, or does nothing but give it back if there is none.
    pub fn replace(
        &mut self,
        hash: u64,
        is_equal: impl FnMut(&T) -> bool,
        value: T,
    ) -> Result<T, T> {
        match self.find_mut(hash, is_equal) {
            Some(place) => Ok(mem::replace(place, value)),
            None => Err(value),
        }
    }

    /// Takes an element out.
    #[inline]
    pub fn remove(&mut self, hash: u64, is_equal: impl FnMut(&T) -> bool) -> Option<T> {
        let place = self.place(hash, is_equal)?;
        Some(self.remove_at(hash, place))
    }

    /// Starts to load the bucket of this hash. First of two stages of a lookup whose misses overlap with others'.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        if let Some(bucket) = self.head(hash) {
            prefetch(std::ptr::from_ref(bucket));
        }
    }

    /// Visits the elements that a lookup of this hash will probably look at, so that the caller can start to load what
    /// they point to. Second stage, when the bucket has arrived.
    #[inline]
    pub fn prefetch_candidates(&self, hash: u64, mut visit: impl FnMut(&T)) {
        let Some(bucket) = self.head(hash) else {
            return;
        };
        for slot in bucket.matches(Tag::of(hash)) {
            // SAFETY: only occupied slots match.
            visit(unsafe { bucket.value(slot) });
        }
        // What lies further down the chain is not waited for, but may be on its way when the lookup comes.
        if let Some(next) = bucket.next() {
            prefetch(std::ptr::from_ref(next));
        }
    }

    /// Starts to load what lookups of these hashes will read: first all buckets, then, as the first of them arrive, what the elements
    /// there point to, whose address is asked for.
    #[inline]
    pub fn prefetch_all(
        &self,
        hashes: impl Iterator<Item = u64> + Clone,
        address: impl Fn(&T) -> *const u8,
    ) {
        for hash in hashes.clone() {
            self.prefetch_bucket(hash);
        }
        for hash in hashes {
            self.prefetch_candidates(hash, |element| prefetch(address(element)));
        }
    }

    /// Drops all elements and frees all memory.
    pub fn clear(&mut self) {
        drop(mem::take(self));
    }

    /// The number of buckets, without chained ones.
    pub fn bucket_count(&self) -> usize {
        self.directory.count()
    }

    /// Bytes allocated for the table, without what the elements point to and without the struct itself.
    pub fn memory_bytes(&self) -> usize {
        self.directory.memory_bytes() + self.overflow.buckets * size_of::<Bucket<T>>()
    }

    /// The bucket in whose chain elements with this hash are.
    #[inline]
    fn index_of(&self, hash: u64) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "only the lowest bits are wanted")]
        let index = hash as usize & self.mask;
        if index < self.directory.count() { index } else { index & (self.mask >> 1) }
    }

    /// The first bucket of the chain for this hash. There is none if the table has no memory.
    #[inline]
    fn head(&self, hash: u64) -> Option<&Bucket<T>> {
        self.directory.get(self.index_of(hash))
    }

    /// The first bucket of the chain for this hash, for writing. Only for a table that has buckets.
    #[inline]
    fn pointer(&self, hash: u64) -> NonNull<Bucket<T>> {
        assert!(0 < self.directory.count());
        // SAFETY: if there are buckets, `index_of` gives the index of one of them.
        unsafe { self.directory.pointer(self.index_of(hash)) }
    }

    /// The place of an element, for writing.
    #[inline]
    fn place(&self, hash: u64, mut is_equal: impl FnMut(&T) -> bool) -> Option<Place<T>> {
        if self.is_empty() {
            return None;
        }
        let tag = Tag::of(hash);
        let mut pointer = self.pointer(hash);
        loop {
            // SAFETY: heads and what they link to are live.
            let bucket = unsafe { pointer.as_ref() };
            for slot in bucket.matches(tag) {
                // SAFETY: only occupied slots match.
                if is_equal(unsafe { bucket.value(slot) }) {
                    return Some(Place { bucket: pointer, slot });
                }
            }
            pointer = bucket.link()?;
        }
    }

    #[inline]
    fn remove_at(&mut self, hash: u64, place: Place<T>) -> T {
        let head = self.pointer(hash);
        // SAFETY: the place was found in the chain of this hash, and the table is borrowed exclusively.
        let value = unsafe { bucket::remove(head, place, &mut self.overflow) };
        self.len -= 1;
        self.shrink();
        value
    }
}

impl<T> Place<T> {
    /// # Safety
    /// The place is an occupied one of a table that is borrowed exclusively for `'a`.
    #[inline]
    unsafe fn value_mut<'a>(mut self) -> &'a mut T {
        // SAFETY: passed on to the caller.
        let bucket = unsafe { self.bucket.as_mut() };
        // SAFETY: passed on to the caller.
        unsafe { bucket.value_mut(self.slot) }
    }
}

impl<T> Default for HashTable<T> {
    fn default() -> HashTable<T> {
        HashTable::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for HashTable<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self).finish()
    }
}

impl<T> Drop for HashTable<T> {
    fn drop(&mut self) {
        if mem::needs_drop::<T>() || 0 < self.overflow.buckets {
            for index in 0..self.directory.count() {
                // SAFETY: the index is below the count.
                let head = unsafe { self.directory.pointer(index) };
                // SAFETY: the chain is live, and nothing is appended to it.
                unsafe { bucket::drain(head, &mut self.overflow, |_, value, _, _| drop(value)) };
            }
        }
        self.directory.clear();
    }
}

#[cfg(test)]
mod tests;
