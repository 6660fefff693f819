//! The checksum at the end of RDB files and DUMP payloads: CRC-64 with the polynomial that Jones has found.

use std::sync::LazyLock;

use crc_fast::{CrcParams, Digest};

/// Kept, since the library's own cache of what it derives from a polynomial is behind a lock.
static PARAMETERS: LazyLock<CrcParams> = LazyLock::new(|| {
    CrcParams::new("CRC-64/REDIS", 64, 0xad93_d235_94c9_35a9, 0, true, 0, 0xe9c6_d914_c4b8_d9ca)
});

/// The checksum of some bytes.
pub fn checksum(bytes: &[u8]) -> u64 {
    crc_fast::checksum_with_params(*PARAMETERS, bytes)
}

/// A checksum of bytes that come in pieces.
#[derive(Clone)]
pub struct Running {
    digest: Digest,
}

impl Running {
    /// Of no bytes yet.
    pub fn new() -> Running {
        Running { digest: Digest::new_with_params(*PARAMETERS) }
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    /// The checksum of all of them.
    pub fn value(&self) -> u64 {
        self.digest.finalize()
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Running").field(&self.value()).finish()
    }
}

impl Default for Running {
    fn default() -> Running {
        Running::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, bit by bit.
    fn slow(bytes: &[u8]) -> u64 {
        let polynomial = 0xad93_d235_94c9_35a9_u64.reverse_bits();
        bytes.iter().fold(0, |state, byte| {
            (0..8).fold(state ^ u64::from(*byte), |state, _| {
                (state >> 1) ^ if state & 1 == 1 { polynomial } else { 0 }
            })
        })
    }

    proptest! {
        #[test]
        fn the_definition_gives_the_same(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..5),
        ) {
            let whole = pieces.concat();
            let mut running = Running::new();
            for piece in &pieces {
                running.update(piece);
            }
            prop_assert_eq!(running.value(), slow(&whole));
            prop_assert_eq!(checksum(&whole), slow(&whole));
        }
    }

    #[test]
    fn the_known_checksum() {
        // What the CRC catalogue gives as the check of this one.
        assert_eq!(checksum(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    }

    #[test]
    fn pieces_make_the_same_checksum() {
        let mut running = Running::new();
        running.update(b"1234");
        running.update(b"");
        running.update(b"56789");
        assert_eq!(running.value(), checksum(b"123456789"));
        assert_eq!(Running::new().value(), 0);
    }
}
