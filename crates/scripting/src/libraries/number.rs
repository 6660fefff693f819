//! Numbers between Lua's doubles, text and integers, as the C library and the processor that Redis runs on convert them.

use std::io::Write;

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// A double without its fraction; one that does not fit becomes the lowest integer.
#[expect(clippy::cast_possible_truncation, reason = "whether it fits is looked at first")]
pub(crate) fn to_signed(number: f64) -> i64 {
    if (-TWO_TO_63..TWO_TO_63).contains(&number) { number as i64 } else { i64::MIN }
}

/// A double as an unsigned integer; negative ones wrap around.
#[expect(clippy::cast_sign_loss, reason = "the bits are what is wanted")]
pub(crate) fn to_unsigned(number: f64) -> u64 {
    if number < TWO_TO_63 || number.is_nan() {
        to_signed(number) as u64
    } else {
        (to_signed(number - TWO_TO_63) as u64) ^ (1 << 63)
    }
}

/// The integer of 32 bits that is left of one of 64.
#[expect(clippy::cast_possible_truncation, reason = "as C narrows")]
pub(crate) fn narrow(number: i64) -> i32 {
    number as i32
}

/// Appends a number with so many significant digits, without zeros at the end: C's `%.*g`.
pub(crate) fn write_general(number: f64, precision: usize, text: &mut Vec<u8>) {
    /// Integers below this have at most 14 digits.
    const SHORT: f64 = 1e14;
    if number.is_nan() {
        text.extend_from_slice(if number.is_sign_negative() { b"-nan" } else { b"nan" });
        return;
    }
    if number.is_infinite() {
        text.extend_from_slice(if number < 0.0 { b"-inf" } else { b"inf" });
        return;
    }
    let is_short = precision == 14 && number.abs() < SHORT;
    if is_short && number.fract().to_bits() == 0 && (number != 0.0 || number.is_sign_positive()) {
        text.extend_from_slice(itoa::Buffer::new().format(to_signed(number)).as_bytes());
        return;
    }
    let decimals = precision.saturating_sub(1);
    let scientific = format!("{number:.decimals$e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let is_fixed = -4 <= exponent && i64::from(exponent) < i64::try_from(precision).unwrap_or(0);
    if is_fixed {
        let behind = i64::try_from(decimals).unwrap_or(0).saturating_sub(exponent.into());
        let behind = usize::try_from(behind).unwrap_or(0);
        text.extend_from_slice(without_zeros(&format!("{number:.behind$}")).as_bytes());
    } else {
        text.extend_from_slice(without_zeros(mantissa).as_bytes());
        let sign = if exponent < 0 { '-' } else { '+' };
        // Writing to memory cannot fail.
        let _ = write!(text, "e{sign}{:02}", exponent.unsigned_abs());
    }
}

fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// Reads the longest number at the beginning of `text`, as C's `strtod` does but for white space; gives its length, too.
pub(crate) fn read_number(text: &[u8]) -> Option<(f64, usize)> {
    let (is_negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text.strip_prefix(b"+").unwrap_or(text)),
    };
    let (number, length) = read_special(unsigned)
        .or_else(|| read_hexadecimal(unsigned))
        .or_else(|| read_decimal(unsigned))?;
    let sign_length = text.len().saturating_sub(unsigned.len());
    let signed = if is_negative { -number } else { number };
    Some((signed, length.saturating_add(sign_length)))
}

fn begins_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
}

fn read_special(text: &[u8]) -> Option<(f64, usize)> {
    for word in [&b"infinity"[..], b"inf"] {
        if begins_with(text, word) {
            return Some((f64::INFINITY, word.len()));
        }
    }
    if !begins_with(text, b"nan") {
        return None;
    }
    let payload = text.get(3..).unwrap_or_default();
    let named = payload.strip_prefix(b"(").and_then(|inner| {
        let end = inner.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')?;
        (inner.get(end) == Some(&b')')).then_some(end)
    });
    Some((f64::NAN, named.map_or(3, |length| length.saturating_add(5))))
}

fn read_decimal(text: &[u8]) -> Option<(f64, usize)> {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let before = digits(0);
    let mut end = before;
    let mut after = 0;
    if text.get(end) == Some(&b'.') {
        after = digits(end.saturating_add(1));
        end = end.saturating_add(after).saturating_add(1);
    }
    if before == 0 && after == 0 {
        return None;
    }
    end = end.saturating_add(exponent_length(text.get(end..).unwrap_or_default(), b'e'));
    let number = str::from_utf8(text.get(..end)?).ok()?.parse().ok()?;
    Some((number, end))
}

/// How long the exponent is that `text` begins with, if it does.
fn exponent_length(text: &[u8], letter: u8) -> usize {
    let Some((first, rest)) = text.split_first() else { return 0 };
    if !first.eq_ignore_ascii_case(&letter) {
        return 0;
    }
    let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
    let digits = rest
        .get(sign..)
        .unwrap_or_default()
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 { 0 } else { digits.saturating_add(sign).saturating_add(1) }
}

/// `0x1.8p3`: digits to the base 16, the exponent of 2 being decimal.
fn read_hexadecimal(text: &[u8]) -> Option<(f64, usize)> {
    /// Digits that are left out after this many significant ones count only as more than nothing.
    const FULL: u64 = 1 << 59;
    if !begins_with(text, b"0x") {
        return None;
    }
    let (mut mantissa, mut exponent, mut end) = (0_u64, 0_i64, 2_usize);
    let (mut has_digits, mut is_behind) = (false, false);
    while let Some(byte) = text.get(end) {
        if *byte == b'.' && !is_behind {
            is_behind = true;
        } else if let Some(digit) = char::from(*byte).to_digit(16) {
            has_digits = true;
            if mantissa < FULL {
                mantissa = mantissa << 4 | u64::from(digit);
                exponent = exponent.saturating_sub(if is_behind { 4 } else { 0 });
            } else {
                mantissa |= u64::from(digit != 0);
                exponent = exponent.saturating_add(if is_behind { 0 } else { 4 });
            }
        } else {
            break;
        }
        end = end.saturating_add(1);
    }
    if !has_digits {
        // Only the zero is a number.
        return Some((0.0, 1));
    }
    let power = text.get(end..).unwrap_or_default();
    let length = exponent_length(power, b'p');
    if let Some(digits) = power.get(1..length).and_then(|digits| str::from_utf8(digits).ok()) {
        let limit = if digits.starts_with('-') { -100_000 } else { 100_000 };
        exponent = exponent.saturating_add(digits.parse::<i32>().map_or(limit, i64::from));
    }
    Some((scaled(mantissa, exponent), end.saturating_add(length)))
}

/// `mantissa * 2^exponent`.
#[expect(
    clippy::cast_precision_loss,
    reason = "it is rounded here, once unless the result is tiny"
)]
fn scaled(mantissa: u64, exponent: i64) -> f64 {
    let mut number = mantissa as f64;
    let mut left = exponent.clamp(-3000, 3000);
    while left != 0 && number != 0.0 && number.is_finite() {
        let step = left.clamp(-1000, 1000);
        number *= 2_f64.powi(i32::try_from(step).unwrap_or(0));
        left = left.saturating_sub(step);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn general(number: f64, precision: usize, expected: &str) {
        let mut text = Vec::new();
        write_general(number, precision, &mut text);
        assert_eq!(String::from_utf8_lossy(&text), expected);
    }

    #[test]
    fn numbers_are_written_as_c_writes_them() {
        general(0.0, 14, "0");
        general(-0.0, 14, "-0");
        general(0.1, 14, "0.1");
        general(1.0 / 3.0, 14, "0.33333333333333");
        general(1e14, 14, "1e+14");
        general(99_999_999_999_999.0, 14, "99999999999999");
        general(123_456_789_012_345_678.0, 14, "1.2345678901235e+17");
        general(1e-5, 14, "1e-05");
        general(1e-4, 14, "0.0001");
        general(1e300, 14, "1e+300");
        general(-2.5, 1, "-2");
        general(1234.5, 3, "1.23e+03");
        general(f64::NEG_INFINITY, 14, "-inf");
    }

    #[track_caller]
    fn reads(text: &str, number: f64, length: usize) {
        assert_eq!(read_number(text.as_bytes()), Some((number, length)), "{text}");
    }

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        reads("12,", 12.0, 2);
        reads("-0.5e1x", -5.0, 6);
        reads("1e", 1.0, 1);
        reads("1e+", 1.0, 1);
        reads("1.", 1.0, 2);
        reads("-.5", -0.5, 3);
        reads("0x10", 16.0, 4);
        reads("0x1.8p1", 3.0, 7);
        reads("0x", 0.0, 1);
        reads("0x1p-2", 0.25, 6);
        reads("infinity", f64::INFINITY, 8);
        reads("-InFx", f64::NEG_INFINITY, 4);
        reads("1e999", f64::INFINITY, 5);
        assert_eq!(read_number(b"-"), None);
        assert_eq!(read_number(b"."), None);
        assert_eq!(read_number(b"nan(a_1)x").map(|(_, length)| length), Some(8));
        assert_eq!(read_number(b"nan(a").map(|(_, length)| length), Some(3));
    }

    #[test]
    fn doubles_become_integers_as_processors_do_it() {
        assert_eq!(to_signed(f64::NAN), i64::MIN);
        assert_eq!(to_signed(1e300), i64::MIN);
        assert_eq!(to_signed(-1.9), -1);
        assert_eq!(to_unsigned(-1.0), u64::MAX);
        assert_eq!(to_unsigned(TWO_TO_63), 1 << 63);
        assert_eq!(to_unsigned(f64::INFINITY), 0);
        assert_eq!(to_unsigned(f64::NAN), 1 << 63);
    }
}
