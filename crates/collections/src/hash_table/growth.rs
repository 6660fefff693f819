//! Linear hashing: the table grows and shrinks by one bucket at a time.
//!
//! With `2^L <= count < 2^(L+1)` buckets, an element's index is the lowest `L+1` bits of its hash, or the lowest `L` if that
//! is `count` or more. The next bucket to be added is `count`, and exactly the elements of bucket `count - 2^L` (its
//! buddy) that have bit `L` set belong there:
//!
//! ```text
//!  count = 6, L = 2          0    1 |  2    3 |  4    5        0 and 1 are split, with 4 and 5; 2 and 3 are not
//!  adding 6 splits 2         0    1    2 |  3 |  4    5    6   elements xxx010 stay, xxx110 move
//! ```
//!
//! So growth costs each insertion a fraction of one split, there is never a pause nor a second copy of the table, and the load
//! stays the same at all sizes. The price is that buckets not yet split hold twice as many elements as the others, which is what
//! chains are for. Going back needs no hashes: the last bucket's elements are appended to its buddy.
//!
//! The bounds of the load leave a gap between them, so that insertions and removals in turn never split and merge in turn.

use super::bucket::{self, Appender, Bucket, Overflow};
use super::prefetch::prefetch;
use super::{HashTable, Rehash};

/// Elements for each 64 buckets at which a bucket is added: 5.8 a bucket.
///
/// Memory and chains pull in opposite directions. Measured from 100,000 to 8,000,000 elements (`examples/hash_table.rs`), bytes an
/// element at the worst and on average, and buckets read to find an element (computed; a bucket that waits for its
/// split has up to twice the average):
///
/// | a bucket | worst | average | buckets read |
/// |----------|-------|---------|--------------|
/// | 5.6      | 14.7  | 14.3    | 1.16         |
/// | 5.8      | 14.5  | 14.1    | 1.17         |
/// | 6.4      | 14.0  | 13.6    | 1.22         |
///
/// Splitting whenever a fixed number of bytes an element allows it, instead of by the load, saves a hundredth of a read.
const GROW_PER_64: usize = 371;

/// Elements for each 64 buckets at which a bucket is removed: 5.2 a bucket.
const SHRINK_PER_64: usize = 333;

/// Splits for an insertion and merges for a removal. One in five or so keeps up; a second one catches up after a change of size by
/// other means.
const STEPS: usize = 2;

impl<T> HashTable<T> {
    /// Adds buckets if one more element would make the table too full.
    #[inline]
    pub(super) fn grow(&mut self, hasher: &impl Rehash<T>) {
        if self.is_too_full() {
            self.grow_now(hasher);
        }
    }

    #[inline]
    fn is_too_full(&self) -> bool {
        let count = self.directory.count();
        // A single bucket is used up to its last slot.
        count * GROW_PER_64 / 64 + 2 * usize::from(count == 1) <= self.len
    }

    #[inline(never)]
    fn grow_now(&mut self, hasher: &impl Rehash<T>) {
        for _ in 0..STEPS {
            if self.directory.count() == 0 {
                self.directory.push();
                self.mask = 1;
            } else if self.is_too_full() {
                self.split(hasher);
            }
        }
        self.prefetch_next_split(hasher);
    }

    /// Removes a bucket or two if the table has too many.
    #[inline]
    pub(super) fn shrink(&mut self) {
        if self.is_too_empty() {
            self.shrink_now();
        }
    }

    #[inline(never)]
    fn shrink_now(&mut self) {
        for _ in 0..STEPS {
            if self.is_too_empty() {
                self.merge();
            }
        }
    }

    /// Removes all buckets that are too many.
    pub(super) fn shrink_fully(&mut self) {
        while self.is_too_empty() {
            self.merge();
        }
    }

    #[inline]
    fn is_too_empty(&self) -> bool {
        match self.directory.count() {
            0 => false,
            1 => self.len == 0,
            count => self.len <= (count - 1) * SHRINK_PER_64 / 64,
        }
    }

    /// Adds empty buckets for this many elements to a table that holds none.
    pub(super) fn presize(&mut self, elements: usize) {
        debug_assert!(self.is_empty());
        while self.directory.count() * GROW_PER_64 / 64 < elements {
            self.directory.push();
            self.mask = (self.directory.count() + 1).next_power_of_two() - 1;
        }
    }

    /// The bit that tells the elements of a bucket that is not yet split from those that leave it; also the number of buckets
    /// that there were before any of this level was split.
    #[inline]
    pub(super) fn split_bit(&self) -> usize {
        self.mask / 2 + 1
    }

    /// Moves the elements that belong to a new bucket there.
    fn split(&mut self, hasher: &impl Rehash<T>) {
        let bit = self.split_bit();
        let new = self.directory.count();
        let old = new - bit;
        // A panic of the hasher leaves nothing but marks behind, which are set anew the next time.
        self.mark(old, bit as u64, hasher);

        self.directory.push();
        if self.directory.count() == self.mask + 1 {
            self.mask = self.mask * 2 + 1;
        }
        // SAFETY: both indexes are below the count.
        let source = unsafe { self.directory.pointer(old) };
        // SAFETY: as above.
        let target = unsafe { self.directory.pointer(new) };
        let mut stay = None;
        // SAFETY: the bucket is live, and the table is borrowed by this function alone.
        let mut leave = unsafe { Appender::new(target) };
        let sort = |tag, value, is_marked, overflow: &mut Overflow| {
            let appender = if is_marked {
                &mut leave
            } else {
                // SAFETY: the bucket is live and was emptied before the first visit.
                stay.get_or_insert_with(|| unsafe { Appender::new(source) })
            };
            appender.push(tag, value, overflow);
        };
        // SAFETY: the chain is live and only appended to, an element after it was taken out.
        unsafe { bucket::drain(source, &mut self.overflow, sort) };
    }

    /// Marks the elements of a chain whose hash has this bit.
    fn mark(&mut self, index: usize, bit: u64, hasher: &impl Rehash<T>) {
        // SAFETY: the caller's index is below the count.
        let head = unsafe { self.directory.pointer(index) };
        let mut next = Some(head);
        while let Some(mut current) = next {
            // SAFETY: the head is live, and links are always good.
            let bucket = unsafe { current.as_ref() };
            let mut marks = 0;
            for (slot, value) in bucket.values().enumerate() {
                marks |= u8::from(hasher.hash(value) & bit != 0) << slot;
            }
            next = bucket.link();
            // SAFETY: as above; no reference to the bucket is in use.
            unsafe { current.as_mut() }.set_marks(marks);
        }
    }

    /// Asks for what the next split will read, some insertions ahead: the elements to hash, and the bucket of the split thereafter.
    fn prefetch_next_split(&self, hasher: &impl Rehash<T>) {
        let next = self.directory.count() - self.split_bit();
        if let Some(bucket) = self.directory.get(next + 1) {
            prefetch(std::ptr::from_ref(bucket));
        }
        if let Some(bucket) = self.directory.get(next) {
            bucket.values().for_each(|value| prefetch(hasher.address(value)));
        }
    }

    /// Moves the last bucket's elements back to its buddy.
    fn merge(&mut self) {
        let last = self.directory.count() - 1;
        if last == 0 {
            self.directory.pop();
            return;
        }
        if last < self.split_bit() {
            self.mask /= 2;
        }
        let buddy = last - self.split_bit();
        // SAFETY: both indexes are below the count.
        let source = unsafe { self.directory.pointer(last) };
        // SAFETY: as above.
        let target = unsafe { self.directory.pointer(buddy) };
        self.append_all(source, target);
        self.directory.pop();
    }

    fn append_all(
        &mut self,
        source: std::ptr::NonNull<Bucket<T>>,
        target: std::ptr::NonNull<Bucket<T>>,
    ) {
        // SAFETY: the bucket is live, and the table is borrowed by the caller alone.
        let mut appender = unsafe { Appender::new(target) };
        let append = |tag, value, _, overflow: &mut Overflow| {
            appender.push(tag, value, overflow);
        };
        // SAFETY: the chain is live, and it is another one that is appended to.
        unsafe { bucket::drain(source, &mut self.overflow, append) };
    }
}
