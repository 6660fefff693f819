//! Integers.
//!
//! Redis reads an integer only in the one form in which it would write it: no plus sign, no leading
//! zeros, no spaces, no `-0`. So a value can be kept as an integer and come back byte for byte.

/// The integer that `text` is, in its one form.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', magnitude @ ..] => match parse_unsigned(magnitude)? {
            0 => None,
            magnitude => 0_i64.checked_sub_unsigned(magnitude),
        },
        _ => i64::try_from(parse_unsigned(text)?).ok(),
    }
}

/// Every number of so many digits is less than 2^64.
const ALWAYS_FITTING: usize = 19;

/// The integer without a sign that `text` is, in its one form.
#[inline]
pub fn parse_unsigned(text: &[u8]) -> Option<u64> {
    match text {
        [digit @ b'0'..=b'9'] => Some(u64::from(digit.wrapping_sub(b'0'))),
        [b'1'..=b'9', ..] if (4..=8).contains(&text.len()) => parse_few(text),
        _ => parse_any(text),
    }
}

/// The number that four to eight digits are, all of them in one word of the machine.
#[inline]
fn parse_few(text: &[u8]) -> Option<u64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let first = u64::from(u32::from_le_bytes(*text.first_chunk()?));
    let last = u64::from(u32::from_le_bytes(*text.last_chunk()?));
    // The last four stand in the upper half; of the first four, those before them in the lower one, behind zeros.
    let missing = 8_u32.checked_sub(u32::try_from(text.len()).ok()?)?.wrapping_mul(8);
    let before = first.wrapping_shl(missing) & 0xffff_ffff;
    let digits = last.wrapping_shl(32) | before;
    let digits = digits.wrapping_sub(ZEROS.wrapping_shl(missing));
    // No byte is more than nine, and none was less than a zero.
    if (digits | digits.wrapping_add(0x7676_7676_7676_7676)) & HIGH_BITS != 0 {
        return None;
    }
    // Neighbours become one number of two digits, then of four, then of eight.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits.wrapping_shr(8));
    let hundreds = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let ones = (pairs.wrapping_shr(16) & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    Some(hundreds.wrapping_add(ones).wrapping_shr(32))
}

fn parse_any(text: &[u8]) -> Option<u64> {
    match text {
        [b'1'..=b'9', ..] if text.len() <= ALWAYS_FITTING => {
            let mut value = 0_u64;
            for byte in text {
                let digit = byte.wrapping_sub(b'0');
                if 9 < digit {
                    return None;
                }
                value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            }
            Some(value)
        }
        [b'1'..=b'9', ..] if text.len() <= 20 => {
            let mut value = 0_u64;
            for byte in text {
                let digit = byte.wrapping_sub(b'0');
                if 9 < digit {
                    return None;
                }
                value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
            }
            Some(value)
        }
        _ => None,
    }
}

/// Appends `number` in decimal.
pub fn write_integer(number: i64, output: &mut Vec<u8>) {
    output.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends `number` in decimal.
pub fn write_unsigned(number: u64, output: &mut Vec<u8>) {
    output.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The number of characters of `number` in decimal, its minus sign included.
pub fn digits(number: i64) -> usize {
    let digits = number.unsigned_abs().checked_ilog10().unwrap_or(0).saturating_add(1);
    (digits as usize).saturating_add(usize::from(number < 0))
}
