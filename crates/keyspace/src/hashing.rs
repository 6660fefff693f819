//! The hash of a key: which shard it is in, and where in that shard's tables.
//!
//! The hash is keyed with a seed from the operating system, so that nobody outside can choose keys that collide. Its low
//! bits choose a bucket and its top seven are the tag in the bucket, so the shard comes from bits between those.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

/// Below this bit are those that tables of up to 2^40 buckets use, above bit 57 the tags.
const SHARD_SHIFT: u32 = 40;
/// Bits for the shard.
pub(crate) const SHARD_BITS: u32 = 16;

/// How the keys of one keyspace are hashed.
#[derive(Clone, Debug, Default)]
pub struct Hashing {
    state: RandomState,
}

/// The hash of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyHash(pub(crate) u64);

impl Hashing {
    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        let mut hasher = self.state.build_hasher();
        hasher.write(key);
        KeyHash(hasher.finish())
    }
}

impl KeyHash {
    /// All bits, for tables of other things that keys have.
    #[inline]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The shard, of `mask + 1`.
    #[inline]
    pub(crate) fn shard(self, mask: u32) -> u32 {
        let bits = (self.0 >> SHARD_SHIFT) & u64::from(mask);
        u32::try_from(bits).unwrap_or(0)
    }
}
