//! Bits of byte strings: counting, finding and combining them, and integers of any width among them.
//!
//! Bit 0 is the most significant bit of the first byte. What lies behind the last byte is read as zeros. The loops are
//! plain, in shapes that the compiler turns into vector instructions.

mod combine;
mod count;
mod field;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub use combine::{Operation, combine};
pub use count::count;
pub use field::{FieldType, Overflow, read_field, write_field};

/// Bits of a byte.
const BYTE: u64 = 8;

/// The bit at a position; false behind the end.
#[inline]
pub fn bit(bytes: &[u8], position: u64) -> bool {
    let byte = byte_of(position).and_then(|index| bytes.get(index));
    byte.is_some_and(|byte| byte & mask_of(position) != 0)
}

/// Changes the bit at a position; the string must reach that far, or else nothing happens.
#[inline]
pub fn set_bit(bytes: &mut [u8], position: u64, on: bool) {
    if let Some(byte) = byte_of(position).and_then(|index| bytes.get_mut(index)) {
        let mask = mask_of(position);
        *byte = if on { *byte | mask } else { *byte & !mask };
    }
}

/// How many of the bits in a range are ones. The range ends at the end of the string at the latest.
pub fn count_in(bytes: &[u8], range: Range<u64>) -> u64 {
    let Some(part) = Part::of(bytes, &range) else { return 0 };
    let outside =
        |byte: Option<&u8>, mask: u8| byte.map_or(0, |byte| u64::from((byte & mask).count_ones()));
    count(part.bytes)
        .saturating_sub(outside(part.bytes.first(), part.before))
        .saturating_sub(outside(part.bytes.last(), part.behind))
}

/// The first bit of a value.
pub fn position(bytes: &[u8], value: bool) -> Option<u64> {
    /// Looked at in one go.
    const BLOCK: usize = 64;
    let passed = if value { 0 } else { u8::MAX };
    let differs = |block: &[u8]| block.iter().fold(0, |sum, byte| sum | (byte ^ passed)) != 0;
    let blocks = bytes.chunks(BLOCK).take_while(|block| !differs(block)).count();
    let start = blocks.saturating_mul(BLOCK);
    let rest = bytes.get(start..)?;
    let index = rest.iter().position(|&byte| byte != passed)?;
    let leading = (rest.get(index)? ^ passed).leading_zeros();
    let byte = start.saturating_add(index) as u64;
    Some(byte.saturating_mul(BYTE).saturating_add(u64::from(leading)))
}

/// The first bit of a value in a range, counted from the start of the string.
pub fn position_in(bytes: &[u8], range: Range<u64>, value: bool) -> Option<u64> {
    let part = Part::of(bytes, &range)?;
    // The bits before the range, in its first byte, are one by one turned into what is not looked for.
    let first = part.bytes.first()?;
    let first = if value { first & !part.before } else { first | part.before };
    let found = match position(&[first], value) {
        Some(found) => found,
        None => position(part.bytes.get(1..)?, value)?.saturating_add(BYTE),
    };
    let found = part.start.saturating_add(found);
    (found < range.end).then_some(found)
}

/// The bytes that bits of a range lie in.
struct Part<'a> {
    bytes: &'a [u8],
    /// The position of the first bit of these bytes.
    start: u64,
    /// The bits of the first byte that lie before the range.
    before: u8,
    /// The bits of the last byte that lie behind the range.
    behind: u8,
}

impl<'a> Part<'a> {
    /// None if no bit of the range lies in the string.
    fn of(bytes: &'a [u8], range: &Range<u64>) -> Option<Part<'a>> {
        let end = range.end.min((bytes.len() as u64).saturating_mul(BYTE));
        if end <= range.start {
            return None;
        }
        let first = byte_of(range.start)?;
        let last = byte_of(end.checked_sub(1)?)?;
        let whole = u32::from(u8::MAX);
        // Both shifts are below the width of a byte.
        let before = !whole.wrapping_shr(bit_of(range.start));
        let behind = whole.wrapping_shr(bit_of(end.wrapping_sub(1)).wrapping_add(1));
        Some(Part {
            bytes: bytes.get(first..=last)?,
            start: (first as u64).saturating_mul(BYTE),
            before: low_byte(before),
            behind: low_byte(behind),
        })
    }
}

#[inline]
fn byte_of(position: u64) -> Option<usize> {
    usize::try_from(position / BYTE).ok()
}

/// Which bit of its byte a position is, from the most significant one.
#[inline]
fn bit_of(position: u64) -> u32 {
    (position % BYTE) as u32
}

#[inline]
fn mask_of(position: u64) -> u8 {
    0x80_u8.wrapping_shr(bit_of(position))
}

#[inline]
fn low_byte(number: u32) -> u8 {
    number.to_le_bytes()[0]
}
