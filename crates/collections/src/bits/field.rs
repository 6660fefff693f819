//! Integers of any width among the bits of a string.

use super::{BYTE, bit_of, byte_of};

/// The type of an integer: signed or not, and its width in bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldType {
    signed: bool,
    bits: u8,
}

/// What happens to a number that a field is too narrow for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Overflow {
    /// Its upper bits are lost.
    #[default]
    Wrap,
    /// The nearest number that fits takes its place.
    Saturate,
    /// Nothing is stored.
    Fail,
}

impl FieldType {
    /// The widest signed one. Unsigned ones are narrower, so that all numbers are an `i64`.
    const WIDEST: u8 = 64;

    /// A type of this width, if there is one.
    pub fn new(signed: bool, bits: u8) -> Option<FieldType> {
        let widest = FieldType::WIDEST.saturating_sub(u8::from(!signed));
        (1..=widest).contains(&bits).then_some(FieldType { signed, bits })
    }

    /// The width in bits.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// What is stored for `value + increment`, if anything is. The value is in range, or the increment 0: then the value is
    /// taken as what the type makes of its 64 bits.
    pub fn fit(self, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        match (self.exceeds(value, increment), overflow) {
            (None, _) | (Some(_), Overflow::Wrap) => {
                Some(self.interpret(value.wrapping_add(increment).cast_unsigned()))
            }
            (Some(bound), Overflow::Saturate) => Some(bound),
            (Some(_), Overflow::Fail) => None,
        }
    }

    /// The bound that a sum lies beyond.
    fn exceeds(self, value: i64, increment: i64) -> Option<i64> {
        let unused = u32::from(FieldType::WIDEST.saturating_sub(self.bits));
        if !self.signed {
            let most = u64::MAX.wrapping_shr(unused);
            let sum = i128::from(value.cast_unsigned()).saturating_add(i128::from(increment));
            let bound = if i128::from(most) < sum {
                most
            } else if sum < 0 {
                0
            } else {
                return None;
            };
            return Some(bound.cast_signed());
        }
        let most = i64::MAX.wrapping_shr(unused);
        let least = !most;
        let sum = i128::from(value).saturating_add(i128::from(increment));
        // Redis computes how far the value is from the upper bound in 64 bits: seen from the lowest numbers there are, that
        // is negative, and they count as too high. Clients can see it in what saturation gives.
        let wraps = unused != 0 && most.wrapping_sub(value) < increment;
        if i128::from(most) < sum || wraps {
            Some(most)
        } else if sum < i128::from(least) {
            Some(least)
        } else {
            None
        }
    }

    /// The number that the lowest bits are.
    fn interpret(self, bits: u64) -> i64 {
        let unused = u32::from(FieldType::WIDEST.saturating_sub(self.bits));
        let shifted = bits.wrapping_shl(unused);
        if self.signed {
            shifted.cast_signed().wrapping_shr(unused)
        } else {
            shifted.wrapping_shr(unused).cast_signed()
        }
    }
}

/// Bytes that a field may touch: 64 bits that begin in the middle of a byte.
const WINDOW: usize = 9;
/// Bits of a `u128`, which holds such bytes at its upper end.
const WIDE: u32 = u128::BITS;

/// The number in a field; what lies behind the end of the string is zeros.
pub fn read_field(bytes: &[u8], field: FieldType, position: u64) -> i64 {
    let window = load(bytes, position).wrapping_shl(bit_of(position));
    let bits = window.wrapping_shr(WIDE.saturating_sub(u32::from(field.bits)));
    // At most 64 bits are left.
    field.interpret(u64::try_from(bits).unwrap_or(u64::MAX))
}

/// Puts a number into a field. The string must reach to the field's end; what lies behind it is not stored.
pub fn write_field(bytes: &mut [u8], field: FieldType, position: u64, value: i64) {
    let width = u32::from(field.bits);
    let place = WIDE.saturating_sub(width).saturating_sub(bit_of(position));
    let mask = u128::MAX.wrapping_shr(WIDE.saturating_sub(width));
    let value = u128::from(value.cast_unsigned()) & mask;
    let window = load(bytes, position) & !mask.wrapping_shl(place) | value.wrapping_shl(place);
    let Some(target) = byte_of(position).and_then(|start| bytes.get_mut(start..)) else { return };
    for (byte, new) in target.iter_mut().zip(window.to_be_bytes()).take(WINDOW) {
        *byte = new;
    }
}

/// The bytes from that of a position on, in the upper end of a wide word.
fn load(bytes: &[u8], position: u64) -> u128 {
    let mut window = [0; size_of::<u128>()];
    if let Some(source) = byte_of(position).and_then(|start| bytes.get(start..)) {
        for (byte, source) in window.iter_mut().zip(source).take(WINDOW) {
            *byte = *source;
        }
    }
    u128::from_be_bytes(window)
}

const _: () = assert!(BYTE * (WINDOW as u64) <= WIDE as u64, "a window fits into a wide word");
