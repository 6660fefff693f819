//! The hash of an element of a set or of a field of a hash.
//!
//! It is keyed with a seed that the process chooses when it first needs it, so that nobody outside can choose elements that
//! collide. All collections share it, which lets an element move from one to another without being hashed again.

use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

use foldhash::quality::RandomState;

static STATE: OnceLock<RandomState> = OnceLock::new();

/// The hash of these bytes, the same for as long as the process lives.
#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = STATE.get_or_init(RandomState::default).build_hasher();
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn equal_bytes_have_equal_hashes() {
        assert_eq!(hash(b"field"), hash(&b"a field"[2..]));
        let different: std::collections::HashSet<u64> =
            (0..1000_u32).map(|number| hash(&number.to_le_bytes())).collect();
        assert_eq!(different.len(), 1000);
    }
}
