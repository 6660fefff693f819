//! A set of names that is only added to, and is gone at once.
//!
//! A collection that is written in pieces remembers what was changed meanwhile, which may be a million names. So adding one must
//! never take long (no table is copied to a larger place), and to free all must not either (no name has an allocation of its own): they
//! lie one behind the other in blocks, and a [`HashTable`] has their places.

use crate::HashTable;
use crate::hashing::hash;

/// See the module's page.
#[derive(Debug, Default)]
pub(crate) struct Names {
    places: HashTable<Place>,
    blocks: Vec<Vec<u8>>,
    /// Of all blocks.
    block_bytes: usize,
}

/// Where a name begins, with its length in front.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
struct Place {
    block: u32,
    offset: u32,
}

/// Bytes of a block, unless one name needs more. The first ones are smaller.
const BLOCK: usize = 64 << 10;
const SMALLEST_BLOCK: usize = 1 << 10;
/// A length in front of a name.
type Length = u32;

impl Names {
    /// Adds a name, of which this is the hash; says whether it is new.
    pub(crate) fn insert(&mut self, name_hash: u64, name: &[u8]) -> bool {
        if self.contains(name_hash, name) {
            return false;
        }
        let place = self.store(name);
        let blocks = &self.blocks;
        let rehash = |place: &Place| hash(name_at(blocks, *place));
        self.places.insert_unique(name_hash, place, &rehash);
        true
    }

    #[inline]
    pub(crate) fn contains(&self, name_hash: u64, name: &[u8]) -> bool {
        let blocks = &self.blocks;
        self.places.find(name_hash, |place| name_at(blocks, *place) == name).is_some()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.block_bytes.saturating_add(self.places.memory_bytes())
    }

    fn store(&mut self, name: &[u8]) -> Place {
        let needed = size_of::<Length>().saturating_add(name.len());
        let has_room = |block: &Vec<u8>| needed <= block.capacity().saturating_sub(block.len());
        if !self.blocks.last().is_some_and(has_room) {
            let usual =
                SMALLEST_BLOCK.saturating_mul(self.blocks.len().saturating_add(1)).min(BLOCK);
            let block = Vec::with_capacity(needed.max(usual));
            self.block_bytes = self.block_bytes.saturating_add(block.capacity());
            self.blocks.push(block);
        }
        let index = self.blocks.len().saturating_sub(1);
        let Some(block) = self.blocks.last_mut() else { return Place { block: 0, offset: 0 } };
        let offset = block.len();
        // No name is longer than a request may be.
        block.extend_from_slice(&Length::try_from(name.len()).unwrap_or(Length::MAX).to_ne_bytes());
        block.extend_from_slice(name);
        Place {
            block: u32::try_from(index).unwrap_or(u32::MAX),
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
        }
    }
}

#[inline]
fn name_at(blocks: &[Vec<u8>], place: Place) -> &[u8] {
    let from =
        blocks.get(place.block as usize).and_then(|block| block.get(place.offset as usize..));
    let Some((length, behind)) = from.and_then(|from| from.split_first_chunk()) else {
        return &[];
    };
    behind.get(..Length::from_ne_bytes(*length) as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_remembered() {
        let mut names = Names::default();
        let mut expected = HashSet::new();
        for number in 0..20_000_u32 {
            let name = (number.wrapping_mul(0x9e37_79b1) % 15_000)
                .to_string()
                .repeat(1 + number as usize % 5);
            assert_eq!(names.insert(hash(name.as_bytes()), name.as_bytes()), expected.insert(name));
        }
        for long in [BLOCK - 4, BLOCK, 3 * BLOCK, 0] {
            let name = vec![b'x'; long];
            assert!(names.insert(hash(&name), &name));
            assert!(!names.insert(hash(&name), &name));
        }
        assert!(expected.iter().all(|name| names.contains(hash(name.as_bytes()), name.as_bytes())));
        assert!(!names.contains(hash(b"another"), b"another"));
        let bytes: usize = expected.iter().map(String::len).sum();
        assert!(bytes + 4 * BLOCK < names.bytes(), "{}", names.bytes());
        assert!(names.bytes() < 2 * bytes + 40 * expected.len() + 8 * BLOCK, "{}", names.bytes());
    }
}
