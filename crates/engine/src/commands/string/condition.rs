//! Conditions under which a key is set or removed: NX and XX, and comparisons with the value that is there.
//!
//! A comparison is with the value itself (IFEQ, IFNE) or with its digest (IFDEQ, IFDNE), which saves sending a long value
//! just to say that it has not changed. The digest is XXH3 with 64 bits, without a seed, as 16 hexadecimal digits.

use command::argument::{Argument, string, token};
use command::{Arguments, Keyword};
use keyspace::{Decimal, EntryRef, StringRef};
use resp::ReplyError;
use twox_hash::XxHash3_64;

use super::string_of;

/// What the conditions look like in a grammar.
pub(super) const ABSENT: Argument = token("nx", "NX");
pub(super) const PRESENT: Argument = token("xx", "XX");
pub(super) const EQUAL: Argument = string("ifeq-value").after("IFEQ");
pub(super) const DIFFERENT: Argument = string("ifne-value").after("IFNE");
pub(super) const DIGEST_EQUAL: Argument = string("ifdeq-digest").after("IFDEQ");
pub(super) const DIGEST_DIFFERENT: Argument = string("ifdne-digest").after("IFDNE");

/// What must be so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Condition<'a> {
    /// NX: there is no such key.
    Absent,
    /// XX: there is one.
    Present,
    Comparison(Comparison<'a>),
}

/// What a value must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison<'a> {
    /// IFEQ.
    Equal(&'a [u8]),
    /// IFNE; an absent value is different from any.
    Different(&'a [u8]),
    /// IFDEQ.
    DigestEqual(u64),
    /// IFDNE; an absent value has another digest than any.
    DigestDifferent(u64),
}

impl<'a> Condition<'a> {
    /// The condition that `keyword` begins, what it compares with taken from `arguments`; nothing if it is another option.
    pub(super) fn read(
        keyword: &Keyword,
        arguments: &mut Arguments<'a>,
    ) -> Result<Option<Condition<'a>>, ReplyError> {
        match &**keyword {
            b"NX" => Ok(Some(Condition::Absent)),
            b"XX" => Ok(Some(Condition::Present)),
            _ => Ok(Comparison::read(keyword, arguments)?.map(Condition::Comparison)),
        }
    }

    /// Whether it is met by what is at a key.
    pub(super) fn admits(self, present: Option<EntryRef<'_>>) -> Result<bool, ReplyError> {
        match self {
            Condition::Absent => Ok(present.is_none()),
            Condition::Present => Ok(present.is_some()),
            Condition::Comparison(comparison) => match present {
                None => Ok(comparison.admits_absence()),
                Some(entry) => Ok(comparison.admits(string_of(entry)?)),
            },
        }
    }
}

impl<'a> Comparison<'a> {
    /// The comparison that `keyword` begins.
    pub(super) fn read(
        keyword: &Keyword,
        arguments: &mut Arguments<'a>,
    ) -> Result<Option<Comparison<'a>>, ReplyError> {
        let comparison = match &**keyword {
            b"IFEQ" => Comparison::Equal(arguments.string()?),
            b"IFNE" => Comparison::Different(arguments.string()?),
            b"IFDEQ" => Comparison::DigestEqual(arguments.parsed(parse_digest, NO_DIGEST)?),
            b"IFDNE" => Comparison::DigestDifferent(arguments.parsed(parse_digest, NO_DIGEST)?),
            _ => return Ok(None),
        };
        Ok(Some(comparison))
    }

    /// Whether a value meets it.
    pub(super) fn admits(self, value: StringRef<'_>) -> bool {
        let mut decimal = Decimal::new();
        let value = value.bytes(&mut decimal);
        match self {
            Comparison::Equal(wanted) => value == wanted,
            Comparison::Different(unwanted) => value != unwanted,
            Comparison::DigestEqual(wanted) => digest(value) == wanted,
            Comparison::DigestDifferent(unwanted) => digest(value) != unwanted,
        }
    }

    fn admits_absence(self) -> bool {
        match self {
            Comparison::Equal(_) | Comparison::DigestEqual(_) => false,
            Comparison::Different(_) | Comparison::DigestDifferent(_) => true,
        }
    }
}

/// The digest of a value.
pub(super) fn digest(value: &[u8]) -> u64 {
    XxHash3_64::oneshot(value)
}

/// A digest as clients see it: 16 digits, zeros in front.
pub(super) fn digest_text(digest: u64) -> [u8; DIGEST_DIGITS] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut rest = digest;
    let mut text = [0; DIGEST_DIGITS];
    for place in text.iter_mut().rev() {
        *place = DIGITS[(rest & 0xf) as usize];
        rest >>= 4;
    }
    text
}

/// The digest that a text is, its digits in any case.
fn parse_digest(text: &[u8]) -> Option<u64> {
    if text.len() != DIGEST_DIGITS {
        return None;
    }
    text.iter().try_fold(0, |digest: u64, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(digest << 4 | u64::from(digit))
    })
}

const DIGEST_DIGITS: usize = 16;
const NO_DIGEST: ReplyError =
    ReplyError::message("digest must be exactly 16 hexadecimal characters");
