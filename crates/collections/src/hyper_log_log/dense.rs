//! Registers of six bits each, from the least significant bit of the first byte on.
//!
//! ```text
//! byte     0        1        2
//!      |11000000|22221111|33333322|   the digit says whose bit it is; within a byte the lowest stands right
//! ```
//!
//! Four registers fill three bytes.

use super::estimate::Histogram;
use super::{Place, REGISTERS, Registers};

/// Bytes that the registers take.
pub const BYTES: usize = REGISTERS / 4 * 3;

const BITS: u32 = 6;
const MASK: u32 = (1 << BITS) - 1;

/// Where a register begins: its first byte and, there, its lowest bit.
#[inline]
fn locate(index: u16) -> (usize, u32) {
    let bit = u32::from(index).wrapping_mul(BITS);
    ((bit / 8) as usize, bit % 8)
}

/// The two bytes that a register may reach into; zero for what is behind the end.
#[inline]
fn window(registers: &[u8], byte: usize) -> u32 {
    let at = |index: usize| registers.get(index).copied().map_or(0, u32::from);
    at(byte) | at(byte.wrapping_add(1)).wrapping_shl(8)
}

/// The number in a register.
#[inline]
pub fn register(registers: &[u8], index: u16) -> u8 {
    let (byte, shift) = locate(index);
    low_byte(window(registers, byte).wrapping_shr(shift) & MASK)
}

/// Raises a register to a number, of which six bits count; says whether it was lower.
#[inline]
pub(super) fn raise(registers: &mut [u8], place: Place) -> bool {
    let (byte, shift) = locate(place.index);
    let window = window(registers, byte);
    let present = window.wrapping_shr(shift) & MASK;
    let wanted = u32::from(place.count) & MASK;
    if wanted <= present {
        return false;
    }
    let changed = window ^ (present ^ wanted).wrapping_shl(shift);
    let [low, high, ..] = changed.to_le_bytes();
    let mut bytes = registers.iter_mut().skip(byte);
    if let Some(byte) = bytes.next() {
        *byte = low;
    }
    if let Some(byte) = bytes.next() {
        *byte = high;
    }
    true
}

/// How many registers have which number.
pub(super) fn histogram(registers: &[u8]) -> Histogram {
    // Neighbours often have the same number: in histograms of their own they don't wait for each other.
    let mut histograms = [const { [0_u32; 64] }; 4];
    for group in registers.as_chunks::<3>().0 {
        for (histogram, number) in histograms.iter_mut().zip(unpack(*group)) {
            if let Some(count) = histogram.get_mut(usize::from(number)) {
                *count = count.wrapping_add(1);
            }
        }
    }
    let mut sum = Histogram::new();
    for histogram in histograms {
        sum.absorb(&Histogram::from_counts(histogram));
    }
    sum
}

/// Raises registers to these, where they are lower.
pub(super) fn merge_into(registers: &[u8], target: &mut Registers) {
    let groups = registers.as_chunks::<3>().0.iter();
    for (target, group) in target.as_chunks_mut::<4>().0.iter_mut().zip(groups) {
        for (target, number) in target.iter_mut().zip(unpack(*group)) {
            *target = (*target).max(number);
        }
    }
}

#[inline]
fn unpack([first, second, third]: [u8; 3]) -> [u8; 4] {
    let group = u32::from_le_bytes([first, second, third, 0]);
    let number = |place: u32| low_byte(group.wrapping_shr(place.wrapping_mul(BITS)) & MASK);
    [number(0), number(1), number(2), number(3)]
}

#[inline]
fn low_byte(number: u32) -> u8 {
    number.to_le_bytes()[0]
}
