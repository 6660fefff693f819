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
    let (value, footer) = payload.split_at_checked(payload.len().checked_sub(FOOTER)?)?;
    let (version, checksum) = footer.split_first_chunk::<2>()?;
    let checksum = u64::from_le_bytes(checksum.try_into().ok()?);
    let covered = payload.get(..payload.len().checked_sub(size_of::<u64>())?)?;
    let is_known = u16::from_le_bytes(*version) <= Version::REDIS_7_4.0;
    (is_known && checksum == crc64::checksum(covered)).then_some(value)
}
