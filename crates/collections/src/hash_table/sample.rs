//! Random elements: fairly, or cheaply.

use super::HashTable;
use super::bucket::{Bucket, SLOTS};

impl<T> HashTable<T> {
    /// A random element, each with the same probability, provided that the numbers are random. There is none in an empty table.
    ///
    /// A random bucket and a random position up to the longest chain's are tried until there is an element. All
    /// pairs being equally likely, so are all elements.
    pub fn sample(&self, mut random: impl FnMut() -> u64) -> Option<&T> {
        if self.is_empty() {
            return None;
        }
        let positions = SLOTS + self.overflow.longest * (SLOTS - 1);
        for _ in 0..ATTEMPTS {
            let (index, fraction) = scale(random(), self.directory.count());
            let (position, _) = scale(fraction, positions);
            if let Some(element) = self.element_at(index, position) {
                return Some(element);
            }
        }
        // A hash function that fills few buckets, or numbers that are not random. Counting is fair as well.
        let (number, _) = scale(random(), self.len);
        self.iter().nth(number)
    }

    /// Visits elements from a random bucket on, bucket by bucket, until `count` or more were visited or there are no more.
    /// Neighbours come together, but it costs one miss for five elements.
    pub fn sample_some(&self, count: usize, random: u64, mut visit: impl FnMut(&T)) {
        let (start, _) = scale(random, self.directory.count());
        let mut visited = 0;
        for index in (start..self.directory.count()).chain(0..start) {
            if count <= visited {
                return;
            }
            let Some(bucket) = self.directory.get(index) else {
                return;
            };
            for element in bucket.chain().flat_map(Bucket::values) {
                visit(element);
                visited += 1;
            }
        }
    }

    fn element_at(&self, index: usize, position: usize) -> Option<&T> {
        let mut slot = position;
        for bucket in self.directory.get(index)?.chain() {
            if slot < bucket.occupied() {
                // SAFETY: the slots below `occupied` are those that are.
                return Some(unsafe { bucket.value(slot) });
            }
            slot -= bucket.occupied();
        }
        None
    }
}

/// A random number below `bound`, and what is left of the randomness as a full random number again.
#[expect(clippy::cast_possible_truncation, reason = "the product's halves are what is wanted")]
fn scale(random: u64, bound: usize) -> (usize, u64) {
    let product = u128::from(random) * bound as u128;
    ((product >> 64) as usize, product as u64)
}

/// Tries before a sample is taken by counting. With a good hash, one in two to six succeeds.
const ATTEMPTS: usize = 1000;
