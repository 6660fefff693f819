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
pub fn parse_unsigned(text: &[u8]) -> Option<u64> {
    match text {
        [b'0'] => Some(0),
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
