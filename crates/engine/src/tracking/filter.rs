//! Which keys certainly have no reader: one bit for each of many hashes, asked before the table of readers is locked.
//!
//! Nearly all keys that change while somebody tracks have been read by nobody who does. A bit is set when a key is entered; it
//! may stay when the key goes, since others may share it, so each part of the table counts how many went and then
//! has its words made anew. That is done word by word: the bit of a key that stays is set in the old word and in the
//! new one, so that who looks meanwhile, without a lock, never misses it.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::table::PARTS;

/// 256 KiB in all: of 100,000 keys tracked one change in twenty is looked up in vain, and of a million one in three.
const WORDS_PER_PART: usize = 128;

const BITS_PER_PART: u64 = 64 * WORDS_PER_PART as u64;

/// The bits of all parts of the table. There are none before the first key is entered.
#[derive(Default)]
pub(super) struct Filter {
    words: OnceLock<Box<[AtomicU64]>>,
}

/// The word and the bit within a part that are a hash's.
fn place(hash: u64) -> (usize, u64) {
    // Other bits than those that choose the part, and than those that the part's own table goes by.
    let bit = (hash >> 40) % BITS_PER_PART;
    (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
}

impl Filter {
    /// Whether a key with this hash may be in its part of the table.
    #[inline]
    pub(super) fn may_hold(&self, part: usize, hash: u64) -> bool {
        let (word, bit) = place(hash);
        self.part(part).get(word).is_some_and(|word| word.load(Relaxed) & bit != 0)
    }

    /// Notes that a key with this hash is in its part, which is locked.
    pub(super) fn insert(&self, part: usize, hash: u64) {
        self.words.get_or_init(|| (0..PARTS * WORDS_PER_PART).map(|_| AtomicU64::new(0)).collect());
        let (word, bit) = place(hash);
        if let Some(word) = self.part(part).get(word) {
            word.fetch_or(bit, Relaxed);
        }
    }

    /// Makes the bits of a part, which is locked, anew from the hashes of the keys in it.
    pub(super) fn renew(&self, part: usize, hashes: impl Iterator<Item = u64>) {
        let mut renewed = [0_u64; WORDS_PER_PART];
        for hash in hashes {
            let (word, bit) = place(hash);
            renewed[word] |= bit;
        }
        for (word, renewed) in self.part(part).iter().zip(renewed) {
            word.store(renewed, Relaxed);
        }
    }

    fn part(&self, part: usize) -> &[AtomicU64] {
        let words = self.words.get().and_then(|words| words.get(part * WORDS_PER_PART..));
        words.and_then(|words| words.get(..WORDS_PER_PART)).unwrap_or_default()
    }
}
