//! Inline requests: a line of words, as a person types it.
//!
//! Words are separated by white space. A word may hold quoted parts: in double quotes, with the
//! escapes `\n`, `\r`, `\t`, `\b`, `\a` and `\xHH`, where a backslash before anything else stands
//! for that; in single quotes, with `\'` alone. A closing quote ends its word: white space or the
//! end of the line must follow.

use super::error::ProtocolError;
use super::words::Span;

/// Splits `line` into words. Their bytes are appended to `bytes`, their spans, which count from
/// where `bytes` ended before, to `spans`.
pub(super) fn split(
    line: &[u8],
    bytes: &mut Vec<u8>,
    spans: &mut Vec<Span>,
) -> Result<(), ProtocolError> {
    let base = bytes.len();
    let mut rest = skip_space(line);
    while !rest.is_empty() {
        let start = bytes.len();
        rest = word(rest, bytes).ok_or(ProtocolError::UnbalancedQuotes)?;
        let position = |at: usize| u32::try_from(at.saturating_sub(base)).unwrap_or(u32::MAX);
        let len = position(bytes.len()).saturating_sub(position(start));
        spans.push(Span { start: position(start), len });
        rest = skip_space(rest);
    }
    Ok(())
}

/// What C's `isspace` says of the byte.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 0x09..=0x0d)
}

fn skip_space(rest: &[u8]) -> &[u8] {
    let length = rest.iter().take_while(|byte| is_space(**byte)).count();
    rest.get(length..).unwrap_or_default()
}

/// Takes one word off `rest`; what follows it.
fn word<'a>(mut rest: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    while let [first, after @ ..] = rest {
        match first {
            b' ' | b'\n' | b'\r' | b'\t' => break,
            b'"' => return ends_word(double_quoted(after, bytes)?),
            b'\'' => return ends_word(single_quoted(after, bytes)?),
            other => bytes.push(*other),
        }
        rest = after;
    }
    Some(rest)
}

/// `rest` if a word may end before it.
fn ends_word(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(|byte| is_space(*byte)).then_some(rest)
}

fn double_quoted<'a>(mut rest: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'x', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                bytes.push(hex_digit(*high).wrapping_shl(4) | hex_digit(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                after
            }
            [other, after @ ..] => {
                bytes.push(*other);
                after
            }
            [] => return None,
        };
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [b'\'', after @ ..] => return Some(after),
            [b'\\', b'\'', after @ ..] => {
                bytes.push(b'\'');
                after
            }
            [other, after @ ..] => {
                bytes.push(*other);
                after
            }
            [] => return None,
        };
    }
}

/// The value of a hexadecimal digit.
fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit.wrapping_sub(b'0'),
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}
