//! 64-bit floats.

use super::literal::{Literal, Radix};
use super::rounding::{Format, rounded};
use super::shortest::{Decimal, shortest};

/// The number that `text` is, if Redis reads it as one: what C's `strtod` reads whole, but no
/// leading space, no NaN, nothing that overflows to infinity and nothing that underflows to zero.
#[inline]
pub fn parse_double(text: &[u8]) -> Option<f64> {
    parse_natural(text).or_else(|| parse_any_double(text))
}

/// The number that `text` is, if it is one of few digits and nothing else, as most scores are.
#[inline]
fn parse_natural(text: &[u8]) -> Option<f64> {
    /// All numbers of so many digits are doubles.
    const DIGITS: usize = 15;
    if text.is_empty() || DIGITS < text.len() {
        return None;
    }
    let number = text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| number.wrapping_mul(10).wrapping_add(u64::from(digit)))
    })?;
    #[expect(clippy::cast_precision_loss, reason = "it is below 10^15")]
    Some(number as f64)
}

fn parse_any_double(text: &[u8]) -> Option<f64> {
    let literal = Literal::parse(text)?;
    let value = value(&literal)?;
    let overflows = value.is_infinite() && literal.radix != Radix::Infinity;
    let underflows = value == 0.0 && !literal.is_zero();
    (!overflows && !underflows).then_some(value)
}

/// The number that `text` is as a bound of a range, where Redis takes whatever C's `strtod` reads up to the end of a C string: spaces
/// may lead, a NUL ends it, what is out of range becomes infinity or zero, and nothing at all is
/// zero. NaN is none.
pub fn parse_bound(text: &[u8]) -> Option<f64> {
    // A vertical tab is a space in C, but not in Rust.
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let spaces = text.iter().take_while(|byte| is_space(byte)).count();
    value(&Literal::parse(text.get(spaces..)?)?)
}

fn value(literal: &Literal<'_>) -> Option<f64> {
    let magnitude = match literal.radix {
        Radix::Infinity => f64::INFINITY,
        Radix::Decimal => std::str::from_utf8(literal.unsigned).ok()?.parse().ok()?,
        Radix::Hexadecimal => hexadecimal(literal),
    };
    Some(if literal.is_negative { -magnitude } else { magnitude })
}

/// Appends `value` as Redis 7.4 writes it: a whole number up to 2^62 in full, others in the digits
/// of Grisu2, with an exponent where the number would be long.
pub fn write_double(value: f64, output: &mut Vec<u8>) {
    write_whole_up_to(WHOLE_LIMIT, value, output);
}

/// Appends `value` in the digits of Grisu2, whole numbers among them: `1e+15`. So Redis writes scores where it digests them.
pub fn write_double_shortly(value: f64, output: &mut Vec<u8>) {
    write_whole_up_to(0.0, value, output);
}

fn write_whole_up_to(limit: f64, value: f64, output: &mut Vec<u8>) {
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
    if magnitude <= limit {
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

/// Appends `value` as C's `%.17g` writes it: in 17 digits without the zeros at their end, more than
/// most need, as Redis does here and there.
pub fn write_double_in_full(value: f64, output: &mut Vec<u8>) {
    const DIGITS: i32 = 17;
    if value == 0.0 || !value.is_finite() {
        write_double(value, output);
        return;
    }
    if value.is_sign_negative() {
        output.push(b'-');
    }
    let text = format!("{:.16e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let significant =
        digits.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last.saturating_add(1));
    let (digits, zeros) = digits.split_at_checked(significant).unwrap_or_default();
    if !(-4..DIGITS).contains(&exponent) {
        let (first, others) = digits.split_at_checked(1).unwrap_or_default();
        output.extend_from_slice(first);
        write_fraction(others, output);
        output.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        super::write_padded(u64::from(exponent.unsigned_abs()), 2, output);
    } else if exponent < 0 {
        output.extend_from_slice(b"0.");
        let places = usize::try_from(exponent.unsigned_abs()).unwrap_or(0);
        output.extend(std::iter::repeat_n(b'0', places.saturating_sub(1)));
        output.extend_from_slice(digits);
    } else {
        let places = usize::try_from(exponent).unwrap_or(0).saturating_add(1);
        if let Some((whole, fraction)) = digits.split_at_checked(places) {
            output.extend_from_slice(whole);
            write_fraction(fraction, output);
        } else {
            output.extend_from_slice(digits);
            let missing = places.saturating_sub(digits.len());
            output.extend(zeros.iter().take(missing));
        }
    }
}

fn write_fraction(digits: &[u8], output: &mut Vec<u8>) {
    if !digits.is_empty() {
        output.push(b'.');
        output.extend_from_slice(digits);
    }
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

/// The magnitude of a hexadecimal literal.
fn hexadecimal(literal: &Literal<'_>) -> f64 {
    let (mantissa, exponent) = rounded(literal.binary(), DOUBLE);
    if mantissa < HIDDEN_BIT {
        return f64::from_bits(mantissa);
    }
    match u64::try_from(exponent.saturating_add(EXPONENT_BIAS)) {
        Ok(biased) if biased < EXPONENT_INFINITE => f64::from_bits(
            biased.wrapping_shl(FRACTION_BITS) | (mantissa & HIDDEN_BIT.wrapping_sub(1)),
        ),
        Ok(_) | Err(_) => f64::INFINITY,
    }
}

const FRACTION_BITS: u32 = 52;
const HIDDEN_BIT: u64 = 1 << FRACTION_BITS;
const EXPONENT_BIAS: i32 = 1023 + 52;
const EXPONENT_INFINITE: u64 = 0x7ff;

const DOUBLE: Format = Format { bits: 53, exponent_least: -1074 };

/// 2^62: up to here, Redis writes a whole number as an integer.
const WHOLE_LIMIT: f64 = 4_611_686_018_427_387_904.0;
