//! What SCAN, SSCAN, HSCAN and ZSCAN have in common: the cursor, the options, and the shape of the reply.
//!
//! A handler reads the cursor, finds what is to be scanned, reads the options (in this order: a scan of what is not there
//! succeeds whatever its options), and puts what the call visits into a [`ScanReply`].

use collections::HashTable;
use collections::glob::{Case, glob_matches};
use command::Arguments;
use resp::number::parse_integer;
use resp::{Deferred, Mark, Reply, ReplyError};

/// What is scanned, which decides on the options that there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scanned {
    /// Keys, which have a type.
    Keys,
    /// The fields of a hash, whose values may be left out.
    Fields,
    /// A set or a sorted set.
    Members,
}

/// What a scan shows, and about how much it visits.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScanOptions<'a> {
    /// MATCH.
    pub(super) pattern: Option<&'a [u8]>,
    /// COUNT: at least 1.
    pub(super) count: usize,
    /// TYPE.
    pub(super) value_type: Option<&'a [u8]>,
    /// Not NOVALUES.
    pub(super) with_values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Buckets are mostly filled, but elements that are gone may have left many empty ones: a call ends after this many
    /// for each element that it was asked for.
    pub(super) const BUCKETS_PER_ELEMENT: usize = 10;

    /// Reads all that is left.
    pub(super) fn parse(
        mut arguments: Arguments<'a>,
        scanned: Scanned,
    ) -> Result<ScanOptions<'a>, ReplyError> {
        let mut options =
            ScanOptions { pattern: None, count: 10, value_type: None, with_values: true };
        while !arguments.is_empty() {
            let has_value = 2 <= arguments.len();
            if has_value && arguments.accept(b"COUNT") {
                options.count = usize::try_from(arguments.integer()?).unwrap_or(0);
                if options.count == 0 {
                    return Err(ReplyError::Syntax);
                }
            } else if has_value && arguments.accept(b"MATCH") {
                options.pattern = Some(arguments.string()?);
            } else if has_value && scanned == Scanned::Keys && arguments.accept(b"TYPE") {
                options.value_type = Some(arguments.string()?);
            } else if arguments.accept(b"NOVALUES") {
                if scanned != Scanned::Fields {
                    return Err(NO_VALUES);
                }
                options.with_values = false;
            } else {
                return Err(ReplyError::Syntax);
            }
        }
        Ok(options)
    }

    /// Whether the pattern admits a name.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        self.pattern
            .is_none_or(|pattern| pattern == b"*" || glob_matches(pattern, name, Case::Sensitive))
    }

    /// Visits elements of a table from the cursor on, about as many as were asked for, and gives the next cursor.
    pub(super) fn scan_table<T>(
        &self,
        table: &HashTable<T>,
        mut cursor: u64,
        mut visit: impl FnMut(&T),
    ) -> u64 {
        let mut visited = 0;
        for _ in 0..self.count.saturating_mul(Self::BUCKETS_PER_ELEMENT) {
            cursor = table.scan(cursor, |element| {
                visited += 1;
                visit(element);
            });
            if cursor == 0 || self.count <= visited {
                break;
            }
        }
        cursor
    }
}

/// The reply to a scan: a cursor, which is known last, and what was found.
pub(super) struct ScanReply {
    before: Mark,
    list: Deferred,
}

impl ScanReply {
    /// Begins it. What was found follows.
    pub(super) fn begin(reply: &mut Reply<'_>) -> ScanReply {
        reply.array(2);
        let before = reply.output().mark();
        ScanReply { before, list: reply.deferred_array() }
    }

    /// Ends it: `found` values were written.
    pub(super) fn end(self, reply: &mut Reply<'_>, cursor: u64, found: usize) {
        reply.close(self.list, found);
        let mut decimal = itoa::Buffer::new();
        let cursor = decimal.format(cursor);
        let mut bulk = Vec::with_capacity(cursor.len() + 8);
        bulk.push(b'$');
        bulk.extend_from_slice(itoa::Buffer::new().format(cursor.len()).as_bytes());
        bulk.extend_from_slice(b"\r\n");
        bulk.extend_from_slice(cursor.as_bytes());
        bulk.extend_from_slice(b"\r\n");
        reply.output().insert(self.before, &bulk);
    }

    /// The whole reply to a scan of what is not there.
    pub(super) fn nothing(reply: &mut Reply<'_>) {
        ScanReply::begin(reply).end(reply, 0, 0);
    }
}

/// The cursor of a scan: as the server writes it, or any other form of it that C's `strtoull` reads to the end of the word.
pub(super) fn parse_cursor(word: &[u8]) -> Result<u64, ReplyError> {
    cursor_of(word).ok_or(INVALID_CURSOR)
}

fn cursor_of(word: &[u8]) -> Option<u64> {
    if let Some(number) = parse_integer(word) {
        return u64::try_from(number).ok();
    }
    // A vertical tab is a space in C, but not in Rust.
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let spaces = word.iter().take_while(|byte| is_space(byte)).count();
    let (_, text) = word.split_at(spaces);
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    // A C string ends at a NUL.
    let digits = digits.split(|byte| *byte == 0).next().unwrap_or_default();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if is_negative { number.wrapping_neg() } else { number })
}

const INVALID_CURSOR: ReplyError = ReplyError::message("invalid cursor");
const NO_VALUES: ReplyError = ReplyError::message("NOVALUES option can only be used in HSCAN");
