//! From an element to its register.
//!
//! The hash is the 64-bit `MurmurHash2` ("64A") by Austin Appleby, with the seed that Redis has given it.

use super::INDEX_BITS;

/// A register, and the number that an element would raise it to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Which register.
    pub index: u16,
    /// How many bits of the hash, without those of the index, it takes to come to the first one: at least 1.
    pub count: u8,
}

impl Place {
    /// The place of an element.
    #[inline]
    pub fn of(element: &[u8]) -> Place {
        let hash = hash(element);
        let index = hash & INDEX_MASK;
        // A one behind the last bit ends the search.
        let rest = hash.wrapping_shr(INDEX_BITS) | 1_u64.wrapping_shl(REST_BITS);
        let count = rest.trailing_zeros().saturating_add(1);
        Place {
            index: u16::try_from(index).unwrap_or(u16::MAX),
            count: u8::try_from(count).unwrap_or(u8::MAX),
        }
    }
}

const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
/// Bits of a hash that are counted in.
pub(super) const REST_BITS: u32 = u64::BITS - INDEX_BITS;

#[inline]
fn hash(bytes: &[u8]) -> u64 {
    const SEED: u64 = 0xadc8_3b19;
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let fold = |number: u64| number ^ number.wrapping_shr(SHIFT);

    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = fold(u64::from_le_bytes(*word).wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
        hash = (hash ^ word).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        hash = (hash ^ last_word(bytes, rest)).wrapping_mul(FACTOR);
    }
    fold(fold(hash).wrapping_mul(FACTOR))
}

/// The bytes that are left of all, as a word.
#[inline]
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    if let Some(last) = bytes.last_chunk() {
        // The rest are its highest bytes. Byte by byte it would take several times as long.
        let others = last.len().wrapping_sub(rest.len()) as u64;
        return u64::from_le_bytes(*last) >> others.wrapping_mul(8);
    }
    rest.iter().rev().fold(0, |word, byte| word.wrapping_shl(u8::BITS) | u64::from(*byte))
}
