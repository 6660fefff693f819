//! 64-bit floats.

use super::literal::{Literal, Radix};
use super::rounding::{Format, rounded};
use super::shortest::{Decimal, shortest};

/// The number that `text` is, if Redis reads it as one: what C's `strtod` reads whole, but no
/// leading space, no NaN, nothing that overflows to infinity and nothing that underflows to zero.
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let literal = Literal::parse(text)?;
    let magnitude = match literal.radix {
        Radix::Infinity => f64::INFINITY,
        Radix::Decimal => {
            let magnitude: f64 = std::str::from_utf8(literal.unsigned).ok()?.parse().ok()?;
            let is_out_of_range = magnitude.is_infinite() || magnitude == 0.0 && !literal.is_zero();
            if is_out_of_range {
                return None;
            }
            magnitude
        }
        Radix::Hexadecimal => hexadecimal(&literal)?,
    };
    Some(if literal.is_negative { -magnitude } else { magnitude })
}

/// Appends `value` as Redis 7.4 writes it: a whole number up to 2^62 in full, others in the digits
/// of Grisu2, with an exponent where the number would be long.
pub fn write_double(value: f64, output: &mut Vec<u8>) {
    if value.is_nan() {
        output.extend_from_slice(b"nan");
        return;
    }
    if value.is_sign_negative() {
        output.push(b'-');
    }
    let magnitude = value.abs();
    if magnitude.is_infinite() {
        output.extend_from_slice(b"inf");
        return;
    }
    if magnitude <= WHOLE_LIMIT {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between zero and the limit"
        )]
        let whole = magnitude as u64;
        #[expect(clippy::cast_precision_loss, reason = "compared with what it came from")]
        let is_whole = (whole as f64).to_bits() == magnitude.to_bits();
        if is_whole {
            super::write_unsigned(whole, output);
            return;
        }
    }
    write_decimal(&shortest(magnitude), value.is_sign_negative(), output);
}

/// Lays out digits: plain while that needs few zeros and places, else with an exponent.
fn write_decimal(decimal: &Decimal, is_negative: bool, output: &mut Vec<u8>) {
    let digits = decimal.digits();
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let whole_count = count.saturating_add(decimal.exponent);
    let leading_exponent = whole_count.saturating_sub(1);
    let magnitude = leading_exponent.unsigned_abs();
    let zeros = |count: i32| std::iter::repeat_n(b'0', usize::try_from(count).unwrap_or(0));

    if 0 <= decimal.exponent && magnitude < count.unsigned_abs().saturating_add(7) {
        output.extend_from_slice(digits);
        output.extend(zeros(decimal.exponent));
    } else if decimal.exponent < 0 && (-7 < decimal.exponent || magnitude < 4) {
        let (whole, fraction) =
            digits.split_at_checked(usize::try_from(whole_count).unwrap_or(0)).unwrap_or_default();
        output.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
        output.push(b'.');
        output.extend(zeros(whole_count.saturating_neg()));
        output.extend_from_slice(fraction);
    } else {
        let limit = if is_negative { 17 } else { 18 };
        let digits = digits.get(..limit).unwrap_or(digits);
        let (first, others) = digits.split_at_checked(1).unwrap_or_default();
        output.extend_from_slice(first);
        if !others.is_empty() {
            output.push(b'.');
            output.extend_from_slice(others);
        }
        output.extend_from_slice(if leading_exponent < 0 { b"e-" } else { b"e+" });
        super::write_unsigned(u64::from(magnitude), output);
    }
}

/// The magnitude of a hexadecimal literal, unless it is out of range.
fn hexadecimal(literal: &Literal<'_>) -> Option<f64> {
    let binary = literal.binary();
    let (mantissa, exponent) = rounded(binary, DOUBLE);
    if mantissa == 0 {
        return binary.is_zero().then_some(0.0);
    }
    let biased = u64::try_from(exponent.saturating_add(EXPONENT_BIAS)).ok()?;
    let bits = if mantissa < HIDDEN_BIT {
        mantissa
    } else if biased < EXPONENT_INFINITE {
        biased.wrapping_shl(FRACTION_BITS) | (mantissa & HIDDEN_BIT.wrapping_sub(1))
    } else {
        return None;
    };
    Some(f64::from_bits(bits))
}

const FRACTION_BITS: u32 = 52;
const HIDDEN_BIT: u64 = 1 << FRACTION_BITS;
const EXPONENT_BIAS: i32 = 1023 + 52;
const EXPONENT_INFINITE: u64 = 0x7ff;

const DOUBLE: Format = Format { bits: 53, exponent_least: -1074 };

/// 2^62: up to here, Redis writes a whole number as an integer.
const WHOLE_LIMIT: f64 = 4_611_686_018_427_387_904.0;
