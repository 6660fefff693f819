//! DUMP payloads: one value, the version of the format, a checksum.

use crate::crc64;
use crate::rdb::Version;

/// Bytes behind the value: the version and the checksum.
const FOOTER: usize = 10;

/// Ends a payload, which so far is the type of a value and the value.
pub fn seal(payload: &mut Vec<u8>, version: Version) {
    payload.extend_from_slice(&version.0.to_le_bytes());
    let checksum = crc64::checksum(payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
}

/// The type and the value of a payload, if its version is one that is read and its checksum is right.
pub fn unseal(payload: &[u8]) -> Option<&[u8]> {
    let value = unseal_unchecked(payload)?;
    let (covered, checksum) = payload.split_last_chunk()?;
    (u64::from_le_bytes(*checksum) == crc64::checksum(covered)).then_some(value)
}

/// The same, whatever the checksum says.
pub fn unseal_unchecked(payload: &[u8]) -> Option<&[u8]> {
    let (value, footer) = payload.split_at_checked(payload.len().checked_sub(FOOTER)?)?;
    let version = u16::from_le_bytes(*footer.first_chunk()?);
    (version <= Version::REDIS_7_4.0).then_some(value)
}
