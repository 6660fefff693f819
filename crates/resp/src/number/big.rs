//! Whole numbers of any size, with the few operations that exact decimals need.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "carries fit the wider type; lengths are those of texts of a few thousand digits"
)]

use std::cmp::Ordering;

use super::rounding::Binary;

/// A whole number: 64 bits a limb, the lowest first, no zeros at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Big {
    limbs: Vec<u64>,
}

impl Big {
    /// The number that `digits` are in decimal, which are ASCII.
    pub(super) fn from_digits(digits: &[u8]) -> Big {
        let mut big = Big { limbs: Vec::new() };
        for chunk in digits.chunks(CHUNK_DIGITS) {
            let (scale, value) = chunk.iter().fold((1, 0), |(scale, value), digit| {
                (scale * 10, value * 10 + u64::from(digit.wrapping_sub(b'0')))
            });
            big.multiply_and_add(scale, value);
        }
        big
    }

    /// `mantissa * 2^exponent`
    pub(super) fn from_binary(mantissa: u64, exponent: u32) -> Big {
        let mut big = Big { limbs: vec![mantissa] };
        big.trim();
        big.shift_left(exponent);
        big
    }

    /// Multiplies by `10^exponent`.
    pub(super) fn scale_by_ten(&mut self, mut exponent: u32) {
        while CHUNK < exponent {
            self.multiply_and_add(CHUNK_SCALE, 0);
            exponent -= CHUNK;
        }
        self.multiply_and_add(10_u64.pow(exponent), 0);
    }

    /// `self / divisor`, to at least 66 bits. Neither may be zero.
    pub(super) fn divided_by(mut self, mut divisor: Big) -> Binary {
        let surplus = i64::from(self.bits()) - i64::from(divisor.bits());
        // The quotient is below 2^QUOTIENT_BITS, and at least a quarter of that.
        let shift = surplus - i64::from(QUOTIENT_BITS) + 1;
        match u32::try_from(shift.unsigned_abs()).unwrap_or(0) {
            bits if shift < 0 => self.shift_left(bits),
            bits => divisor.shift_left(bits),
        }
        divisor.shift_left(QUOTIENT_BITS - 1);
        let mut mantissa = 0_u128;
        for _ in 0..QUOTIENT_BITS {
            mantissa *= 2;
            if divisor.compare(&self) != Ordering::Greater {
                self.subtract(&divisor);
                mantissa |= 1;
            }
            self.shift_left(1);
        }
        Binary { mantissa, is_inexact: !self.limbs.is_empty(), exponent: shift }
    }

    /// The number's first 65 to 128 bits, or all.
    pub(super) fn to_binary(&self) -> Binary {
        let mut upper = self.limbs.iter().rev().copied();
        let first = u128::from(upper.next().unwrap_or(0));
        let Some(second) = upper.next() else {
            return Binary { mantissa: first, is_inexact: false, exponent: 0 };
        };
        let dropped = self.limbs.len().saturating_sub(2);
        Binary {
            mantissa: (first << u64::BITS) | u128::from(second),
            is_inexact: upper.any(|limb| limb != 0),
            exponent: i64::try_from(dropped).unwrap_or(i64::MAX).saturating_mul(64),
        }
    }

    /// Appends the number in decimal.
    pub(super) fn write_decimal(mut self, output: &mut Vec<u8>) {
        let mut chunks = Vec::new();
        while !self.limbs.is_empty() {
            chunks.push(self.divide(CHUNK_SCALE));
        }
        super::write_unsigned(chunks.pop().unwrap_or(0), output);
        for chunk in chunks.into_iter().rev() {
            super::write_padded(chunk, CHUNK_DIGITS, output);
        }
    }

    fn bits(&self) -> u32 {
        let unused = self.limbs.last().map_or(0, |limb| limb.leading_zeros());
        let limbs = u32::try_from(self.limbs.len()).unwrap_or(u32::MAX);
        limbs.saturating_mul(u64::BITS).saturating_sub(unused)
    }

    #[expect(clippy::cast_possible_truncation, reason = "takes a wide product apart")]
    fn multiply_and_add(&mut self, factor: u64, summand: u64) {
        let mut carry = summand;
        for limb in &mut self.limbs {
            let wide = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            *limb = wide as u64;
            carry = (wide >> u64::BITS) as u64;
        }
        if carry != 0 {
            self.limbs.push(carry);
        }
    }

    /// Divides by `divisor`; the remainder.
    #[expect(clippy::cast_possible_truncation, reason = "quotient and remainder fit a limb")]
    fn divide(&mut self, divisor: u64) -> u64 {
        let mut remainder = 0_u64;
        for limb in self.limbs.iter_mut().rev() {
            let wide = (u128::from(remainder) << u64::BITS) | u128::from(*limb);
            *limb = (wide / u128::from(divisor)) as u64;
            remainder = (wide % u128::from(divisor)) as u64;
        }
        self.trim();
        remainder
    }

    fn shift_left(&mut self, bits: u32) {
        if self.limbs.is_empty() {
            return;
        }
        let within = bits % u64::BITS;
        let mut carry = 0;
        if within != 0 {
            for limb in &mut self.limbs {
                let next = *limb >> (u64::BITS - within);
                *limb = (*limb << within) | carry;
                carry = next;
            }
        }
        if carry != 0 {
            self.limbs.push(carry);
        }
        let whole = bits / u64::BITS;
        self.limbs.splice(..0, std::iter::repeat_n(0, whole as usize));
    }

    fn compare(&self, other: &Big) -> Ordering {
        let by_length = self.limbs.len().cmp(&other.limbs.len());
        by_length.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }

    /// Subtracts a number that is not greater.
    fn subtract(&mut self, other: &Big) {
        let mut borrow = false;
        let others = other.limbs.iter().copied().chain(std::iter::repeat(0));
        for (limb, other) in self.limbs.iter_mut().zip(others) {
            let (difference, below) = limb.overflowing_sub(other);
            let (difference, below_still) = difference.overflowing_sub(u64::from(borrow));
            *limb = difference;
            borrow = below || below_still;
        }
        self.trim();
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }
}

/// Decimal digits that always fit a limb.
const CHUNK_DIGITS: usize = 18;
const CHUNK: u32 = 18;
const CHUNK_SCALE: u64 = 10_u64.pow(CHUNK);

/// Enough for 64 bits and the two more that rounding needs, when the first may be zero.
const QUOTIENT_BITS: u32 = 68;
