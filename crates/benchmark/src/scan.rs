//! Skips replies without decoding them: all a load generator needs to know is where each ends and
//! whether it was an error.

use memchr::memchr;

/// What stands at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// A reply of so many bytes.
    Reply(usize),
    /// An error reply of so many bytes.
    Error(usize),
    /// Not all of a reply.
    Partial,
    /// Nothing that a server sends.
    Garbage,
}

/// Looks at the reply at the front of `bytes`.
pub(crate) fn scan(bytes: &[u8]) -> Scan {
    let Some(&kind) = bytes.first() else {
        return Scan::Partial;
    };
    let Some(newline) = memchr(b'\n', bytes) else {
        return Scan::Partial;
    };
    let line_end = newline + 1;
    match kind {
        b'+' | b':' | b'_' | b'#' | b',' | b'(' => Scan::Reply(line_end),
        b'-' => Scan::Error(line_end),
        b'$' | b'=' => match length(&bytes[1..newline]) {
            Length::Null => Scan::Reply(line_end),
            Length::Of(length) if line_end + length + 2 <= bytes.len() => {
                Scan::Reply(line_end + length + 2)
            }
            Length::Of(_) => Scan::Partial,
            Length::Garbage => Scan::Garbage,
        },
        b'*' | b'~' | b'>' => elements(bytes, newline, 1),
        b'%' => elements(bytes, newline, 2),
        _ => Scan::Garbage,
    }
}

fn elements(bytes: &[u8], newline: usize, each: usize) -> Scan {
    let mut end = newline + 1;
    let count = match length(&bytes[1..newline]) {
        Length::Of(count) => count * each,
        Length::Null => 0,
        Length::Garbage => return Scan::Garbage,
    };
    for _ in 0..count {
        match scan(&bytes[end..]) {
            Scan::Reply(length) | Scan::Error(length) => end += length,
            other @ (Scan::Partial | Scan::Garbage) => return other,
        }
    }
    Scan::Reply(end)
}

enum Length {
    Of(usize),
    Null,
    Garbage,
}

/// The length that a line with its carriage return tells.
fn length(line: &[u8]) -> Length {
    /// Enough for any length, and too few to overflow.
    const MOST_DIGITS: usize = 15;
    let Some(digits) = line.strip_suffix(b"\r") else {
        return Length::Garbage;
    };
    if digits == b"-1" {
        return Length::Null;
    }
    if digits.is_empty() || MOST_DIGITS < digits.len() {
        return Length::Garbage;
    }
    let mut length = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return Length::Garbage;
        }
        length = length * 10 + usize::from(digit - b'0');
    }
    Length::Of(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_is_measured_and_every_part_of_it_is_partial() {
        for reply in [
            "+OK\r\n",
            ":12\r\n",
            "$3\r\nabc\r\n",
            "$0\r\n\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "*2\r\n$1\r\na\r\n:1\r\n",
            "%1\r\n+a\r\n*1\r\n+b\r\n",
            "_\r\n",
            "#t\r\n",
        ] {
            let bytes = [reply.as_bytes(), b"+next\r\n"].concat();
            assert_eq!(scan(&bytes), Scan::Reply(reply.len()), "{reply:?}");
            for end in 0..reply.len() {
                assert_eq!(scan(&bytes[..end]), Scan::Partial, "{reply:?} up to {end}");
            }
        }
        assert_eq!(scan(b"-ERR no\r\n"), Scan::Error(9));
    }

    #[test]
    fn garbage_is_told() {
        for bytes in ["hello\r\n", "$x\r\n", "$\r\n", "$99999999999999999999\r\n", "*2\r\n!\r\n"] {
            assert_eq!(scan(bytes.as_bytes()), Scan::Garbage, "{bytes:?}");
        }
    }
}
