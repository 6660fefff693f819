//! The checksum at the end of RDB files and DUMP payloads: CRC-64 with the polynomial that Jones has found.

use crc::{CRC_64_REDIS, Crc, Digest, Table};

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// The checksum of some bytes.
pub fn checksum(bytes: &[u8]) -> u64 {
    CRC.checksum(bytes)
}

/// A checksum of bytes that come in pieces.
#[derive(Clone)]
pub struct Running {
    digest: Digest<'static, u64, Table<16>>,
}

impl Running {
    /// Of no bytes yet.
    pub fn new() -> Running {
        Running { digest: CRC.digest() }
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    /// The checksum of all of them.
    pub fn value(&self) -> u64 {
        self.digest.clone().finalize()
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
    use super::*;

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
