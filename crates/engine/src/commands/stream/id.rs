//! IDs as clients write them.
//!
//! `ms-sequence`, or `ms` alone with a sequence that the place implies. Redis reads the numbers as C does where they are not in
//! their shortest form, so that spaces before them, a sign and leading zeros are let pass; and its strings end at a NUL.

use collections::stream::StreamId;
use resp::ReplyError;
use resp::number::parse_integer;

/// The ID that a word is. Without a sequence it has this one.
#[inline]
pub(super) fn strict(word: &[u8], sequence: u64) -> Result<StreamId, ReplyError> {
    let (ms, given) = parts(word).ok_or(INVALID_ID)?;
    let sequence = match given {
        None => sequence,
        Some(text) => number(text).ok_or(INVALID_ID)?,
    };
    Ok(StreamId { ms, sequence })
}

/// The ID that a word is, or one of both ends: `-` and `+`.
pub(super) fn lenient(word: &[u8], sequence: u64) -> Result<StreamId, ReplyError> {
    match text(word) {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => strict(word, sequence),
    }
}

/// The ID for a new entry, as far as it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NewId {
    /// `*`
    Auto,
    /// `ms-*`
    AutoSequence(u64),
    /// All of it.
    Whole(StreamId),
}

/// The ID for a new entry.
#[inline]
pub(super) fn new(word: &[u8]) -> Result<NewId, ReplyError> {
    if word == b"*" {
        return Ok(NewId::Auto);
    }
    match parts(word).ok_or(INVALID_ID)? {
        (ms, Some(b"*")) => Ok(NewId::AutoSequence(ms)),
        (_, None | Some(_)) => strict(word, 0).map(NewId::Whole),
    }
}

/// The first ID of an interval. One that is excluded begins with a parenthesis.
pub(super) fn start(word: &[u8]) -> Result<StreamId, ReplyError> {
    match excluded(word) {
        Some(id) => strict(id, 0)?.next().ok_or(INVALID_START),
        None => lenient(word, 0),
    }
}

/// The last ID of an interval.
pub(super) fn end(word: &[u8]) -> Result<StreamId, ReplyError> {
    match excluded(word) {
        Some(id) => strict(id, u64::MAX)?.previous().ok_or(INVALID_END),
        None => lenient(word, u64::MAX),
    }
}

fn excluded(word: &[u8]) -> Option<&[u8]> {
    word.strip_prefix(b"(").filter(|id| !id.is_empty())
}

/// The time, and the text of the sequence if there is one.
#[inline]
fn parts(word: &[u8]) -> Option<(u64, Option<&[u8]>)> {
    /// Longer words are no IDs, whatever they say.
    const LIMIT: usize = 127;
    if LIMIT < word.len() {
        return None;
    }
    let text = text(word);
    let Some(dash) = text.iter().position(|&byte| byte == b'-') else {
        return Some((number(text)?, None));
    };
    let (ms, rest) = text.split_at_checked(dash)?;
    Some((number(ms)?, rest.get(1..)))
}

/// A word up to the NUL that ends it in C.
#[inline]
fn text(word: &[u8]) -> &[u8] {
    word.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[inline]
fn number(text: &[u8]) -> Option<u64> {
    match parse_integer(text) {
        Some(number) => u64::try_from(number).ok(),
        None => unusual_number(text),
    }
}

/// A number that is not in the form of a signed one: the way of `strtoull`, with a minus sign that wraps it around.
#[cold]
fn unusual_number(text: &[u8]) -> Option<u64> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let spaces = text.iter().take_while(|byte| is_space(byte)).count();
    let text = text.get(spaces..)?;
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits.iter().try_fold(0_u64, |number, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })?;
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

const INVALID_ID: ReplyError =
    ReplyError::message("Invalid stream ID specified as stream command argument");
const INVALID_START: ReplyError = ReplyError::message("invalid start ID for the interval");
const INVALID_END: ReplyError = ReplyError::message("invalid end ID for the interval");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        type Case = (&'static [u8], Option<(u64, u64)>);
        let cases: &[Case] = &[
            (b"5", Some((5, 7))),
            (b"5-", None),
            (b"5-1", Some((5, 1))),
            (b" 6-1", Some((6, 1))),
            (b"+7-0", Some((7, 0))),
            (b"8-+1", Some((8, 1))),
            (b"9--1", None),
            (b"9--18446744073709551615", Some((9, 1))),
            (b"00010", Some((10, 7))),
            (b"1\x005", Some((1, 7))),
            (b"11-\t2", Some((11, 2))),
            (b"11-2 ", None),
            (b"-5", None),
            (b"-", None),
            (b"+", None),
            (b"", None),
            (b"*", None),
            (b"5-*", None),
            (b"1-1-1", None),
            (b"0x5", None),
            (b"18446744073709551615-18446744073709551615", Some((u64::MAX, u64::MAX))),
            (b"18446744073709551616-1", None),
        ];
        for (word, expected) in cases {
            let read = strict(word, 7).ok().map(|id| (id.ms, id.sequence));
            assert_eq!(read, *expected, "{}", word.escape_ascii());
        }
        let long = |zeros: usize| [vec![b'0'; zeros], b"9".to_vec()].concat();
        assert_eq!(strict(&long(126), 0), Ok(StreamId::new(9, 0)));
        assert_eq!(strict(&long(127), 0), Err(INVALID_ID));
    }

    #[test]
    fn new_ids_may_leave_parts_to_the_server() {
        assert_eq!(new(b"*"), Ok(NewId::Auto));
        assert_eq!(new(b"5-*"), Ok(NewId::AutoSequence(5)));
        assert_eq!(new(b"5-*\0x"), Ok(NewId::AutoSequence(5)));
        assert_eq!(new(b"5"), Ok(NewId::Whole(StreamId::new(5, 0))));
        for word in ["5-**", "-*", "**", "-"] {
            assert_eq!(new(word.as_bytes()), Err(INVALID_ID), "{word}");
        }
    }

    #[test]
    fn ends_of_intervals_may_be_excluded() {
        assert_eq!(start(b"-"), Ok(StreamId::MIN));
        assert_eq!(end(b"+"), Ok(StreamId::MAX));
        assert_eq!(start(b"(5"), Ok(StreamId::new(5, 1)));
        assert_eq!(end(b"5"), Ok(StreamId::new(5, u64::MAX)));
        assert_eq!(end(b"(5-0"), Ok(StreamId::new(4, u64::MAX)));
        assert_eq!(start(b"(18446744073709551615-18446744073709551615"), Err(INVALID_START));
        assert_eq!(end(b"(0-0"), Err(INVALID_END));
        for word in ["(", "(-", "((1"] {
            assert_eq!(start(word.as_bytes()), Err(INVALID_ID), "{word}");
        }
    }
}
