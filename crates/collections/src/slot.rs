//! Which of the cluster's 16384 hash slots a key belongs to.
//!
//! The slot is the CRC16 of the key (XMODEM: polynomial 0x1021, initial value 0, nothing reflected) modulo 16384. If the key has a
//! `{` and behind it a `}`, not directly, only the bytes between the first `{` and the first `}` behind it count: the hash
//! tag, with which related keys are kept in one slot. The cluster specification defines this.
//!
//! The checksum is computed for every key of every command, so it takes eight bytes in one step: a CRC is linear, hence
//! that of eight bytes is the exclusive or of those of each byte followed by as many zeros as there are bytes behind it, which
//! stand in tables.

/// The number of slots.
pub const SLOT_COUNT: u16 = 16384;

/// The slot of a key, below [`SLOT_COUNT`].
#[inline]
pub fn key_slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % SLOT_COUNT
}

/// The part of the key that decides on its slot.
#[inline]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let tag = memchr::memchr(b'{', key)
        .and_then(|open| key.get(open..)?.split_first())
        .and_then(|(_, behind)| behind.get(..memchr::memchr(b'}', behind)?));
    match tag {
        Some(tag) if !tag.is_empty() => tag,
        Some(_) | None => key,
    }
}

/// The CRC16 that slots are computed with.
#[inline]
pub fn crc16(bytes: &[u8]) -> u16 {
    let (chunks, rest) = bytes.as_chunks::<STEP>();
    let checksum = chunks.iter().fold(0, |checksum, chunk| add_chunk(checksum, *chunk));
    rest.iter().fold(checksum, |checksum, byte| add_byte(checksum, *byte))
}

#[inline]
#[expect(clippy::indexing_slicing, reason = "a byte is an index into 256 entries")]
fn add_chunk(checksum: u16, chunk: [u8; STEP]) -> u16 {
    let [high, low] = checksum.to_be_bytes();
    let [b0, b1, b2, b3, b4, b5, b6, b7] = chunk;
    let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
    t7[usize::from(b0 ^ high)]
        ^ t6[usize::from(b1 ^ low)]
        ^ t5[usize::from(b2)]
        ^ t4[usize::from(b3)]
        ^ t3[usize::from(b4)]
        ^ t2[usize::from(b5)]
        ^ t1[usize::from(b6)]
        ^ t0[usize::from(b7)]
}

#[inline]
#[expect(clippy::indexing_slicing, reason = "a byte is an index into 256 entries")]
const fn add_byte(checksum: u16, byte: u8) -> u16 {
    let [high, low] = checksum.to_be_bytes();
    let [t0, ..] = &TABLES;
    t0[(byte ^ high) as usize] ^ (low as u16) << 8
}

/// Bytes in a step.
const STEP: usize = 8;

/// `TABLES[n][byte]` is the checksum of the byte and `n` zeros behind it. 4 KiB.
static TABLES: [[u16; 256]; STEP] = tables();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs at compile time, with the bounds of the loops"
)]
const fn tables() -> [[u16; 256]; STEP] {
    let mut tables = [[0; 256]; STEP];
    let mut byte = 0;
    while byte < 256 {
        let mut checksum = byte << 8;
        let mut zeros = 0;
        while zeros < STEP {
            let mut bit = 0;
            while bit < 8 {
                let is_high = checksum & 0x8000 != 0;
                checksum <<= 1;
                if is_high {
                    checksum ^= POLYNOMIAL;
                }
                bit += 1;
            }
            tables[zeros][byte as usize] = checksum;
            zeros += 1;
        }
        byte += 1;
    }
    tables
}

const POLYNOMIAL: u16 = 0x1021;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bit by bit, as the definition says.
    fn slow(bytes: &[u8]) -> u16 {
        let mut checksum = 0_u16;
        for byte in bytes {
            checksum ^= u16::from(*byte) << 8;
            for _ in 0..8 {
                let carry = checksum & 0x8000 != 0;
                checksum = checksum << 1 ^ if carry { POLYNOMIAL } else { 0 };
            }
        }
        checksum
    }

    #[test]
    fn checksum_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn slots_that_redis_gives() {
        check(b"", 0);
        check(b"foo", 12182);
        check(b"bar", 5061);
        check(b"hello", 866);
        check(b"somekey", 11058);
        check(b"foo{hash_tag}", 2515);
        check(b"bar{hash_tag}", 2515);
        check(b"hash_tag", 2515);
    }

    #[track_caller]
    fn check(key: &[u8], slot: u16) {
        assert_eq!(key_slot(key), slot);
    }

    #[test]
    fn tags() {
        check_tag(b"{user1000}.following", b"user1000");
        check_tag(b"foo{}{bar}", b"foo{}{bar}");
        check_tag(b"foo{{bar}}zap", b"{bar");
        check_tag(b"foo{bar}{zap}", b"bar");
        check_tag(b"{", b"{");
        check_tag(b"}{", b"}{");
        check_tag(b"a}b{c", b"a}b{c");
        check_tag(b"a}b{c}", b"c");
        check_tag(b"", b"");
    }

    #[track_caller]
    fn check_tag(key: &[u8], tag: &[u8]) {
        assert_eq!(hash_tag(key), tag);
    }

    proptest! {
        #[test]
        fn steps_give_what_bits_give(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(crc16(&bytes), slow(&bytes));
        }
    }
}
