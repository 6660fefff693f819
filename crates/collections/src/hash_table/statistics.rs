//! What a table looks like inside, for diagnostics.

use super::HashTable;

/// A table's shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Elements in the table.
    pub elements: usize,
    /// Buckets that are heads of chains.
    pub buckets: usize,
    /// Buckets that hang on others.
    pub chained_buckets: usize,
    /// Bytes allocated.
    pub memory_bytes: usize,
    /// `chains[n]` is how many chains have `n` elements; the last one counts those with as many or more.
    pub chains: Vec<usize>,
    /// Elements in the fullest chain.
    pub longest_chain: usize,
}

impl Statistics {
    /// Adds another table's, to see several as one.
    pub fn add(&mut self, other: &Statistics) {
        self.elements += other.elements;
        self.buckets += other.buckets;
        self.chained_buckets += other.chained_buckets;
        self.memory_bytes += other.memory_bytes;
        self.longest_chain = self.longest_chain.max(other.longest_chain);
        self.chains.resize(self.chains.len().max(other.chains.len()), 0);
        for (sum, count) in self.chains.iter_mut().zip(&other.chains) {
            *sum += count;
        }
    }
}

impl<T> HashTable<T> {
    /// Looks at every bucket, which takes time in a big table. `lengths` bounds the histogram and is at least 1.
    pub fn statistics(&self, lengths: usize) -> Statistics {
        let mut chains = vec![0; lengths.max(1)];
        let mut longest_chain = 0;
        for index in 0..self.directory.count() {
            let Some(bucket) = self.directory.get(index) else {
                break;
            };
            let length = bucket.chain_len();
            longest_chain = longest_chain.max(length);
            let last = chains.len() - 1;
            chains[length.min(last)] += 1;
        }
        Statistics {
            elements: self.len,
            buckets: self.directory.count(),
            chained_buckets: self.overflow.buckets,
            memory_bytes: self.memory_bytes(),
            chains,
            longest_chain,
        }
    }
}
