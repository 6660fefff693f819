//! An element as its reader sees it, and which strings are integers.

/// An element of a list pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// A string.
    Bytes(&'a [u8]),
    /// A string that is the decimal form of this integer.
    Integer(i64),
}

impl<'a> Element<'a> {
    /// The string. An integer's digits are written into the buffer.
    #[inline]
    pub fn bytes<'b>(self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Element::Bytes(bytes) => bytes,
            Element::Integer(integer) => buffer.format(integer).as_bytes(),
        }
    }

    /// The string's length.
    #[inline]
    #[expect(
        clippy::len_without_is_empty,
        reason = "an element is a value; whether it is empty is hardly ever asked"
    )]
    pub fn len(self) -> usize {
        match self {
            Element::Bytes(bytes) => bytes.len(),
            Element::Integer(integer) => decimal_len(integer),
        }
    }

    /// Whether it is this string.
    #[inline]
    pub fn equals(self, string: &[u8]) -> bool {
        match self {
            Element::Bytes(bytes) => bytes == string,
            Element::Integer(integer) => integer_of(string) == Some(integer),
        }
    }

    /// The integer whose decimal form the string is, if so.
    #[inline]
    pub fn integer(self) -> Option<i64> {
        match self {
            Element::Bytes(bytes) => integer_of(bytes),
            Element::Integer(integer) => Some(integer),
        }
    }

    /// The string.
    pub fn to_vec(self) -> Vec<u8> {
        self.bytes(&mut itoa::Buffer::new()).to_vec()
    }
}

/// The integer whose shortest decimal form the string is: no spaces, plus signs, leading zeros or `-0`.
#[inline]
pub fn integer_of(string: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match string {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !is_negative => return Some(0),
        [b'1'..=b'9', rest @ ..] if rest.len() < MOST_DIGITS => {}
        _ => return None,
    }
    let mut magnitude = 0_u64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if 9 < digit {
            return None;
        }
        // Nineteen digits are below 2^64.
        magnitude = magnitude.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    if is_negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Of a 64-bit integer.
const MOST_DIGITS: usize = 19;

#[expect(clippy::arithmetic_side_effects, reason = "at most twenty digits and a sign")]
fn decimal_len(integer: i64) -> usize {
    let digits = integer.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(integer < 0)
}
