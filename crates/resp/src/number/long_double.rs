//! The 80-bit floats in which Redis adds for INCRBYFLOAT and HINCRBYFLOAT: C's `long double` on x86.
//!
//! What a client sees of them are their sums in decimal, rounded to 17 places, so they are done here
//! in software, to the bit: 64 bits of mantissa, ties to even.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "mantissas are shifted within 128 bits, exponents have 16"
)]

use std::ops::Add;

use super::big::Big;
use super::literal::{Literal, Radix};
use super::rounding::{Binary, Format, rounded};
use crate::limits::LONG_DOUBLE_TEXT_BYTES;

/// An 80-bit extended float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongDouble {
    is_negative: bool,
    magnitude: Magnitude,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Magnitude {
    /// `mantissa * 2^exponent`; the mantissa's highest bit is set, but for zero and numbers of the
    /// least exponent.
    Finite {
        mantissa: u64,
        exponent: i32,
    },
    Infinite,
    NotANumber,
}

impl LongDouble {
    /// The number that `text` is, if Redis reads it as one: what C's `strtold` reads whole, but no
    /// leading space, no NaN, nothing out of range.
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if LONG_DOUBLE_TEXT_BYTES < text.len() {
            return None;
        }
        let literal = Literal::parse(text)?;
        let exact = match literal.radix {
            Radix::Infinity => {
                let magnitude = Magnitude::Infinite;
                return Some(LongDouble { is_negative: literal.is_negative, magnitude });
            }
            Radix::Decimal => decimal(&literal)?,
            Radix::Hexadecimal => literal.binary(),
        };
        let number = LongDouble::rounded(literal.is_negative, exact);
        let is_in_range = number.is_finite() && (exact.is_zero() || !number.is_zero());
        is_in_range.then_some(number)
    }

    /// The number that a double is, exactly.
    pub fn from_double(number: f64) -> LongDouble {
        /// Bits of a double behind those of its exponent.
        const FRACTION: u32 = 52;
        /// The exponent of the last of these, where the one that is noted is 1.
        const LEAST: i64 = -1074;
        let is_negative = number.is_sign_negative();
        if !number.is_finite() {
            let magnitude =
                if number.is_nan() { Magnitude::NotANumber } else { Magnitude::Infinite };
            return LongDouble { is_negative, magnitude };
        }
        let bits = number.to_bits();
        let fraction = bits & ((1 << FRACTION) - 1);
        let noted = i64::from(((bits >> FRACTION) & 0x7ff) as u16);
        let (mantissa, exponent) = match noted {
            0 => (fraction, LEAST),
            _ => (fraction | 1 << FRACTION, LEAST + noted - 1),
        };
        let mantissa = u128::from(mantissa);
        LongDouble::rounded(is_negative, Binary { mantissa, is_inexact: false, exponent })
    }

    /// The number that an integer is, exactly.
    pub fn from_integer(number: i64) -> LongDouble {
        let mantissa = u128::from(number.unsigned_abs());
        LongDouble::rounded(number < 0, Binary { mantissa, is_inexact: false, exponent: 0 })
    }

    /// A thousand times the number, rounded up to an integer: milliseconds, if it is seconds. Nothing if it is too large for
    /// one; the least integer if it is too small.
    pub fn thousandfold(self) -> Option<i64> {
        let Magnitude::Finite { mantissa, exponent } = self.magnitude else {
            return self.is_negative.then_some(i64::MIN);
        };
        // At most 74 bits.
        let product = u128::from(mantissa) * 1000;
        if product == 0 {
            return Some(0);
        }
        let shift = exponent.unsigned_abs();
        let (whole, has_fraction) = if exponent < 0 {
            let whole = product.checked_shr(shift).unwrap_or(0);
            (whole, whole.checked_shl(shift) != Some(product))
        } else {
            let is_small = shift < product.leading_zeros();
            (if is_small { product << shift } else { u128::MAX }, false)
        };
        let up = u128::from(has_fraction && !self.is_negative);
        let magnitude = i64::try_from(whole.saturating_add(up)).ok();
        if self.is_negative {
            return Some(magnitude.map_or(i64::MIN, |magnitude| -magnitude));
        }
        magnitude
    }

    /// Whether it is neither infinite nor NaN.
    pub fn is_finite(self) -> bool {
        matches!(self.magnitude, Magnitude::Finite { .. })
    }

    /// Whether it is infinite.
    pub fn is_infinite(self) -> bool {
        self.magnitude == Magnitude::Infinite
    }

    /// Whether it is not a number.
    pub fn is_nan(self) -> bool {
        self.magnitude == Magnitude::NotANumber
    }

    /// Appends the number as Redis writes it: no exponent, at most 17 places, no zeros at the end.
    pub fn write_to(self, output: &mut Vec<u8>) {
        let start = output.len();
        match self.magnitude {
            Magnitude::Finite { mantissa, exponent } => write_finite(mantissa, exponent, output),
            Magnitude::Infinite => output.extend_from_slice(b"inf"),
            Magnitude::NotANumber => {
                output.extend_from_slice(b"nan");
                return;
            }
        }
        let is_zero = output.get(start..) == Some(b"0");
        if self.is_negative && !is_zero {
            output.insert(start, b'-');
        }
    }

    fn is_zero(self) -> bool {
        matches!(self.magnitude, Magnitude::Finite { mantissa: 0, .. })
    }

    fn rounded(is_negative: bool, exact: Binary) -> LongDouble {
        let (mantissa, exponent) = rounded(exact, EXTENDED);
        let magnitude = if mantissa != 0 && EXPONENT_MOST < exponent {
            Magnitude::Infinite
        } else {
            Magnitude::Finite { mantissa, exponent }
        };
        LongDouble { is_negative, magnitude }
    }
}

impl Add for LongDouble {
    type Output = LongDouble;

    fn add(self, other: LongDouble) -> LongDouble {
        let (first, second) = match (self.magnitude, other.magnitude) {
            (
                Magnitude::Finite { mantissa, exponent },
                Magnitude::Finite { mantissa: other_mantissa, exponent: other_exponent },
            ) => ((mantissa, exponent), (other_mantissa, other_exponent)),
            (Magnitude::Infinite, Magnitude::Infinite) if self.is_negative != other.is_negative => {
                return LongDouble { is_negative: false, magnitude: Magnitude::NotANumber };
            }
            (Magnitude::Finite { .. }, Magnitude::Infinite | Magnitude::NotANumber)
            | (Magnitude::Infinite, Magnitude::NotANumber) => return other,
            (Magnitude::Infinite | Magnitude::NotANumber, _) => return self,
        };
        let is_first_greater = (second.1, second.0) <= (first.1, first.0);
        let (greater, smaller, is_negative) = if is_first_greater {
            (first, second, self.is_negative)
        } else {
            (second, first, other.is_negative)
        };
        // 63 bits of room below the greater mantissa, and one above it for the carry.
        let augend = u128::from(greater.0) << 63;
        let addend = u128::from(smaller.0) << 63;
        let distance = smaller.1.abs_diff(greater.1);
        let shifted = addend.checked_shr(distance).unwrap_or(0);
        let is_inexact = shifted.checked_shl(distance).unwrap_or(0) != addend;
        let mantissa = if self.is_negative == other.is_negative {
            augend + shifted
        } else {
            // What was shifted out is taken off as well: from one less, something remains over.
            augend - shifted - u128::from(is_inexact)
        };
        let exponent = i64::from(greater.1) - 63;
        LongDouble::rounded(is_negative, Binary { mantissa, is_inexact, exponent })
    }
}

/// The magnitude of decimal digits, unless it is far out of range.
fn decimal(literal: &Literal<'_>) -> Option<Binary> {
    let places = i64::try_from(literal.fraction.len()).unwrap_or(i64::MAX);
    let digits: Vec<u8> = literal.digits().skip_while(|digit| *digit == b'0').collect();
    let exponent = literal.exponent.saturating_sub(places);
    let leading = exponent.saturating_add(i64::try_from(digits.len()).unwrap_or(i64::MAX));
    if digits.is_empty() {
        return Some(Binary { mantissa: 0, is_inexact: false, exponent: 0 });
    }
    if !(-DECIMAL_EXPONENT_LIMIT..=DECIMAL_EXPONENT_LIMIT).contains(&leading) {
        return None;
    }
    let power = u32::try_from(exponent.unsigned_abs()).ok()?;
    if digits.len() <= SHORT_DIGITS && power <= SHORT_POWER {
        return Some(short_decimal(&digits, power, 0 <= exponent));
    }
    let mut numerator = Big::from_digits(&digits);
    if 0 <= exponent {
        numerator.scale_by_ten(power);
        return Some(numerator.to_binary());
    }
    let mut denominator = Big::from_digits(b"1");
    denominator.scale_by_ten(power);
    Some(numerator.divided_by(denominator))
}

/// The same in 128 bits, for nearly all that people write.
fn short_decimal(digits: &[u8], power: u32, is_whole: bool) -> Binary {
    let mantissa = digits
        .iter()
        .fold(0_u128, |value, digit| value * 10 + u128::from(digit.wrapping_sub(b'0')));
    let scale = 10_u128.pow(power);
    if is_whole {
        return Binary { mantissa: mantissa * scale, is_inexact: false, exponent: 0 };
    }
    // The scale has 60 bits at most, so the quotient has 68 at least.
    let shift = mantissa.leading_zeros();
    let numerator = mantissa << shift;
    Binary {
        mantissa: numerator / scale,
        is_inexact: numerator % scale != 0,
        exponent: -i64::from(shift),
    }
}

/// Appends `mantissa * 2^exponent` with at most 17 places, rounded to the nearest, ties to even.
fn write_finite(mantissa: u64, exponent: i32, output: &mut Vec<u8>) {
    let power = exponent.unsigned_abs();
    if 0 <= exponent {
        Big::from_binary(mantissa, power).write_decimal(output);
        return;
    }
    let mut whole = mantissa.checked_shr(power).unwrap_or(0);
    let fraction = mantissa - whole.checked_shl(power).unwrap_or(0);
    // Below 2^121, so that a fraction with a greater power is less than half of the last place.
    let scaled = u128::from(fraction) * u128::from(PLACES_SCALE);
    let kept = scaled.checked_shr(power).unwrap_or(0);
    let lost = scaled - kept.checked_shl(power).unwrap_or(0);
    let half = 1_u128.checked_shl(power - 1).unwrap_or(u128::MAX);
    let is_up = half < lost || half == lost && kept & 1 == 1;
    let mut places = u64::try_from(kept).unwrap_or(0) + u64::from(is_up);
    if places == PLACES_SCALE {
        places = 0;
        whole += 1;
    }
    super::write_unsigned(whole, output);
    if places != 0 {
        output.push(b'.');
        super::write_padded(places, PLACES, output);
        while output.last() == Some(&b'0') {
            output.pop();
        }
    }
}

const EXTENDED: Format = Format { bits: 64, exponent_least: -16445 };

/// Of the greatest number, whose mantissa is all ones.
const EXPONENT_MOST: i32 = 16383 - 63;

/// Beyond ten to this power either way, nothing is in range.
const DECIMAL_EXPONENT_LIMIT: i64 = 5000;

/// Digits and powers of ten that 128 bits have room for.
const SHORT_DIGITS: usize = 19;
const SHORT_POWER: u32 = 18;

/// Places that are written.
const PLACES: usize = 17;
const PLACES_SCALE: u64 = 10_u64.pow(17);
