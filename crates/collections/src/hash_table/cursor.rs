//! Iteration in calls of their own, with no state but a number, while the table changes in between.
//!
//! A bucket holds the elements whose hash ends in certain bits. Read those from the lowest to the highest as the digits of a
//! binary fraction, and every bucket is an interval between 0 and 1; splitting a bucket halves its interval, merging joins two.
//! A cursor is a point between 0 and 1, stored with its bits in that order reversed, so that it looks like the index of a bucket: all
//! elements to the left of it have been visited. A call visits the bucket whose interval contains the cursor, and returns the
//! interval's right end. Whatever the table's size in the next call, elements to the left of the cursor were visited, and if the
//! cursor now lies amid an interval, the elements to the left are visited again. So:
//! - every element that is there from the first call to the last is visited at least once;
//! - one that is there for a part of the time may be visited or not;
//! - an element is visited twice only if its bucket was merged in between.

use super::HashTable;
use super::bucket::Bucket;

impl<T> HashTable<T> {
    /// Visits the elements of one bucket and returns the cursor for the next call. The first call takes 0, and after
    /// one that returns 0 all have been visited. Any number is a valid cursor of any table.
    pub fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(&'a T)) -> u64 {
        let Some(bucket) = self.directory.get(self.index_of(cursor)) else {
            return 0;
        };
        bucket.chain().flat_map(Bucket::values).for_each(&mut visit);
        after(cursor, self.interval_mask(cursor))
    }

    /// The bits that all hashes of the cursor's bucket have in common with the cursor.
    fn interval_mask(&self, cursor: u64) -> u64 {
        let low = self.mask >> 1;
        #[expect(clippy::cast_possible_truncation, reason = "only the lowest bits are wanted")]
        let unsplit = cursor as usize & low;
        let is_split = unsplit < self.directory.count() - self.split_bit();
        (if is_split { self.mask } else { low }) as u64
    }
}

/// The right end of the interval that is `mask` wide and contains the cursor; 0 instead of 1.
fn after(cursor: u64, mask: u64) -> u64 {
    (cursor | !mask).reverse_bits().wrapping_add(1).reverse_bits()
}
