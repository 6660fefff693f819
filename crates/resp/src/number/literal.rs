//! The forms in which C reads a floating-point number.
//!
//! ```text
//!   [+-] ( "inf" | "infinity" | digits [. digits] [e [+-] digits] | 0x digits [. digits] [p [+-] digits] )
//! ```
//!
//! Either side of the point may lack its digits, but not both. NaN is none of them: Redis refuses it
//! wherever it reads a number.

use super::rounding::Binary;

/// A number as it is written, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Literal<'a> {
    pub(super) is_negative: bool,
    pub(super) radix: Radix,
    /// All but the sign.
    pub(super) unsigned: &'a [u8],
    /// The digits before the point.
    pub(super) whole: &'a [u8],
    /// The digits behind it.
    pub(super) fraction: &'a [u8],
    /// Of ten, or of two for hexadecimal digits.
    pub(super) exponent: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Radix {
    Infinity,
    Decimal,
    Hexadecimal,
}

impl<'a> Literal<'a> {
    /// Takes `text` apart if it is one number from end to end.
    pub(super) fn parse(text: &'a [u8]) -> Option<Literal<'a>> {
        let (is_negative, unsigned) = signed(text);
        let infinity = Literal {
            is_negative,
            radix: Radix::Infinity,
            unsigned,
            whole: b"",
            fraction: b"",
            exponent: 0,
        };
        match unsigned {
            [b'0', b'x' | b'X', digits @ ..] => {
                let (whole, fraction, rest) = point(digits, u8::is_ascii_hexdigit)?;
                let exponent = exponent(rest, b'p')?;
                Some(Literal { radix: Radix::Hexadecimal, whole, fraction, exponent, ..infinity })
            }
            [b'0'..=b'9' | b'.', ..] => {
                let (whole, fraction, rest) = point(unsigned, u8::is_ascii_digit)?;
                let exponent = exponent(rest, b'e')?;
                Some(Literal { radix: Radix::Decimal, whole, fraction, exponent, ..infinity })
            }
            _ => {
                let is_infinity = unsigned.eq_ignore_ascii_case(b"inf")
                    || unsigned.eq_ignore_ascii_case(b"infinity");
                is_infinity.then_some(infinity)
            }
        }
    }

    /// Whether all its digits are zeros.
    pub(super) fn is_zero(&self) -> bool {
        self.radix != Radix::Infinity && self.digits().all(|digit| digit == b'0')
    }

    /// The digits on both sides of the point.
    pub(super) fn digits(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.whole.iter().chain(self.fraction).copied()
    }

    /// The magnitude of hexadecimal digits.
    pub(super) fn binary(&self) -> Binary {
        let places = i64::try_from(self.fraction.len()).unwrap_or(i64::MAX);
        let mut binary = Binary {
            mantissa: 0,
            is_inexact: false,
            exponent: self.exponent.saturating_sub(places.saturating_mul(4)),
        };
        for digit in self.digits() {
            let digit = char::from(digit).to_digit(16).unwrap_or_default();
            if binary.mantissa < 1 << 120 {
                binary.mantissa = binary.mantissa.wrapping_mul(16).wrapping_add(u128::from(digit));
            } else {
                binary.is_inexact |= digit != 0;
                binary.exponent = binary.exponent.saturating_add(4);
            }
        }
        binary
    }
}

/// Whether there is a minus sign, and what comes after the sign if there is one.
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// The digits before and behind the point, and the rest. There must be one digit at least.
fn point(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(&[u8], &[u8], &[u8])> {
    let (whole, rest) = digits(text, is_digit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest, is_digit),
        _ => (&[][..], rest),
    };
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    has_digits.then_some((whole, fraction, rest))
}

/// The digits at the beginning, and the rest.
fn digits(text: &[u8], is_digit: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|byte| is_digit(byte)).count();
    text.split_at_checked(length).unwrap_or_default()
}

/// The exponent that `text` is, after its letter in lower or upper case; zero if it is empty. One too
/// big for 64 bits stays at the end of the range, which is beyond that of any float.
fn exponent(text: &[u8], letter: u8) -> Option<i64> {
    let [first, rest @ ..] = text else {
        return Some(0);
    };
    let (is_negative, digits) = signed(rest);
    let is_exponent = first.eq_ignore_ascii_case(&letter)
        && !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit);
    let magnitude = digits.iter().fold(0_i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0')))
    });
    is_exponent.then_some(if is_negative { magnitude.saturating_neg() } else { magnitude })
}
