//! The parser of requests.
//!
//! A request is a multibulk, `*<count>\r\n` and then `count` times `$<length>\r\n<bytes>\r\n`, or
//! else an inline line. What Redis does with malformed ones is kept to the letter: a header line
//! ends at its first CR, the byte after that and the two after an argument are not looked at, and a
//! NUL before the CR hides it.
//!
//! A fresh request's spans go straight to the batch. If it turns out to be incomplete they move to
//! the parser, once, where the following parses continue; so the cost is linear in the bytes,
//! however few of them come at a time.

use std::sync::Arc;

use super::batch::Batch;
use super::error::ProtocolError;
use super::inline;
use super::words::Span;
use crate::limits::{
    ARGUMENT_BYTES, ARGUMENTS, BULK_BYTES, INLINE_BYTES, PARSER_SPANS, REQUEST_BYTES,
    UNAUTHENTICATED_ARGUMENTS, UNAUTHENTICATED_BULK_BYTES,
};
use crate::number::parse_integer;

/// What a connection may send.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// The longest argument (`proto-max-bulk-len`).
    pub bulk_bytes: usize,
    /// The longest inline request, and the longest line that announces a count or a length.
    pub inline_bytes: usize,
    /// Whether the client has authenticated or need not. Until then it may send little, and a
    /// parse should find one request `at_most`: that one could be its AUTH.
    pub authenticated: bool,
}

impl Default for RequestLimits {
    fn default() -> RequestLimits {
        RequestLimits { bulk_bytes: BULK_BYTES, inline_bytes: INLINE_BYTES, authenticated: true }
    }
}

/// Why a parse ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseStatus {
    /// All bytes are looked at.
    NeedsInput {
        /// How many more bytes the argument that is under way needs at least; 0 if that can't be
        /// told, or if the buffer ends between two requests.
        missing: usize,
    },
    /// The batch holds as many requests as were wanted; there may be more.
    Full,
    /// What follows the batch's requests breaks the protocol. They are executed still; then the
    /// client is told and the connection closed.
    Failed(ProtocolError),
}

/// The state of one connection's input between two parses.
#[derive(Debug, Default)]
pub struct RequestParser {
    partial: Partial,
    /// The words found so far of the request under way.
    spans: Vec<Span>,
    /// Those of them that were received apart.
    supplied: Vec<Arc<Vec<u8>>>,
}

/// How far the request under way is parsed. Positions count from its beginning.
#[derive(Debug, Clone, Copy, Default)]
struct Partial {
    /// Where parsing goes on: the next line, or the argument's bytes.
    position: usize,
    /// No line ending lies before here.
    scanned: usize,
    /// Arguments to come; 0 if not even the count is read.
    arguments: u32,
    /// The length of the argument whose bytes come next.
    length: Option<usize>,
    /// Whether it turned out to have no arguments.
    is_empty: bool,
    /// Arguments that were supplied and that are words already.
    supplied: u32,
    /// Whether the argument under way was supplied; then its length is 0, and the line ending comes next.
    is_supplied: bool,
}

impl RequestParser {
    /// A parser at the beginning of a connection; reserves nothing.
    pub fn new() -> RequestParser {
        RequestParser::default()
    }

    /// Finds the complete requests in `buffer` from position `from` on, at most `at_most` of them,
    /// and puts them into `batch`, which it clears before. Requests without words are passed over.
    ///
    /// The next parse begins at [`Batch::consumed`] with the same bytes and more, wherever the
    /// caller has moved them meanwhile.
    pub fn parse(
        &mut self,
        buffer: &[u8],
        from: usize,
        batch: &mut Batch,
        limits: &RequestLimits,
        at_most: usize,
    ) -> ParseStatus {
        batch.clear();
        batch.consume(from);
        while batch.len() < at_most {
            let base = batch.consumed();
            let request = buffer.get(base..).unwrap_or_default();
            let found = match request.first() {
                None => return ParseStatus::NeedsInput { missing: 0 },
                Some(b'*') => self.multibulk(request, base, batch, limits),
                Some(_) => self.inline(request, base, batch, limits),
            };
            match found {
                Ok(None) => {}
                Ok(Some(missing)) => return ParseStatus::NeedsInput { missing },
                Err(error) => return ParseStatus::Failed(error),
            }
        }
        ParseStatus::Full
    }

    /// How many bytes of the request under way are taken apart already: those of its complete arguments.
    pub fn parsed(&self) -> usize {
        self.partial.position
    }

    /// The length of the argument under way, if that much of it was read, and it was not supplied. It begins [`parsed`]
    /// bytes after the request does.
    ///
    /// [`parsed`]: RequestParser::parsed
    pub fn argument_under_way(&self) -> Option<usize> {
        self.partial.length.filter(|_| !self.partial.is_supplied)
    }

    /// Hands in the argument under way, which the caller has received apart from the buffer: a long one is then never
    /// moved, and whoever keeps it need not copy it. The buffer must end where the argument begins; what comes after the
    /// argument goes on there.
    ///
    /// An argument of another length than [`argument_under_way`](RequestParser::argument_under_way) says is not taken.
    pub fn supply(&mut self, argument: Arc<Vec<u8>>) {
        let is_wanted = self.argument_under_way() == Some(argument.len());
        debug_assert!(is_wanted, "the argument is as long as it was announced");
        if is_wanted {
            self.partial.length = Some(0);
            self.partial.is_supplied = true;
            self.supplied.push(argument);
        }
    }

    /// Bytes of the arguments that were supplied of the request under way.
    pub fn supplied_bytes(&self) -> usize {
        self.supplied.iter().fold(0, |sum, argument| sum.saturating_add(argument.len()))
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        let spans = self.spans.capacity().saturating_mul(size_of::<Span>());
        let supplied = self.supplied.capacity().saturating_mul(size_of::<Arc<Vec<u8>>>());
        spans.saturating_add(supplied).saturating_add(self.supplied_bytes())
    }

    /// Parses one multibulk; if it is not complete, how many bytes are missing.
    #[inline]
    fn multibulk(
        &mut self,
        request: &[u8],
        base: usize,
        batch: &mut Batch,
        limits: &RequestLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        if self.partial.is_begun() {
            return self.resume(request, base, batch, limits);
        }
        if SHORT_BYTES <= limits.bulk_bytes
            && let Some(end) = short_request(request, &mut batch.spans)
        {
            batch.finish_as_encoded(base, base.wrapping_add(end));
            return Ok(None);
        }
        // A local one stays in registers.
        let mut partial = Partial::default();
        let spans_before = batch.spans.len();
        let missing = partial.multibulk(request, &mut batch.spans, limits)?;
        if missing.is_none() {
            partial.finish(base, batch);
        } else {
            self.partial = partial;
            self.spans.extend(batch.spans.drain(spans_before..));
        }
        Ok(missing)
    }

    /// The same for one that was begun by an earlier parse.
    #[cold]
    fn resume(
        &mut self,
        request: &[u8],
        base: usize,
        batch: &mut Batch,
        limits: &RequestLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        let missing = self.partial.multibulk(request, &mut self.spans, limits)?;
        if missing.is_none() {
            batch.spans.append(&mut self.spans);
            batch.supplied.append(&mut self.supplied);
            self.supplied = Vec::new();
            self.spans.shrink_to(PARSER_SPANS);
            std::mem::take(&mut self.partial).finish(base, batch);
        }
        Ok(missing)
    }

    /// Parses one inline request; if it is not complete, zero: how much is missing can't be told.
    fn inline(
        &mut self,
        request: &[u8],
        base: usize,
        batch: &mut Batch,
        limits: &RequestLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        let too_long = ProtocolError::InlineTooLong;
        let Some(length) = self.partial.line(request, b'\n', limits.inline_bytes, too_long)? else {
            return Ok(Some(0));
        };
        self.partial = Partial::default();
        let line = request.get(..length).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let end = base.saturating_add(length).saturating_add(1);
        let (spans_before, bytes_before) = (batch.spans.len(), batch.inline.len());
        inline::split(line, &mut batch.inline, &mut batch.spans)?;
        if spans_before == batch.spans.len() {
            batch.consume(end);
        } else {
            batch.finish(bytes_before, true, end);
        }
        Ok(None)
    }
}

impl Partial {
    fn is_begun(&self) -> bool {
        self.position != 0 || self.scanned != 0
    }

    /// Adds the multibulk that is parsed to the batch, unless it is empty.
    #[inline]
    fn finish(self, base: usize, batch: &mut Batch) {
        let end = base.wrapping_add(self.position);
        if self.is_empty {
            batch.consume(end);
        } else {
            batch.finish(base, false, end);
        }
    }

    /// Parses a multibulk, or goes on with it; if it is not complete, how many bytes are missing.
    #[inline]
    fn multibulk(
        &mut self,
        request: &[u8],
        spans: &mut Vec<Span>,
        limits: &RequestLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        if self.arguments == 0 {
            match self.count(request, limits)? {
                None => return Ok(Some(0)),
                Some(0) => {
                    self.is_empty = true;
                    return Ok(None);
                }
                Some(arguments) => self.arguments = arguments,
            }
        }
        while self.arguments != 0 {
            let length = match self.length {
                Some(length) => length,
                None => match self.next_length(request, limits)? {
                    Some(length) => length,
                    None => return Ok(Some(0)),
                },
            };
            let end = self.position.saturating_add(length).saturating_add(LINE_ENDING);
            if request.len() < end {
                self.length = Some(length);
                return Ok(Some(end.saturating_sub(request.len())));
            }
            let (Ok(start), Ok(len), true) =
                (u32::try_from(self.position), u32::try_from(length), end <= REQUEST_BYTES)
            else {
                return Err(ProtocolError::InvalidLength);
            };
            if std::mem::take(&mut self.is_supplied) {
                spans.push(Span::supplied(self.supplied));
                self.supplied = self.supplied.wrapping_add(1);
            } else {
                spans.push(Span { start, len });
            }
            self.length = None;
            self.position = end;
            self.arguments = self.arguments.wrapping_sub(1);
        }
        Ok(None)
    }

    /// Reads the line with the number of arguments; none or a negative number is zero.
    #[inline]
    fn count(
        &mut self,
        request: &[u8],
        limits: &RequestLimits,
    ) -> Result<Option<u32>, ProtocolError> {
        if let [_, digit @ b'1'..=b'9', b'\r', _, ..] = request {
            self.position = 4;
            return Ok(Some(u32::from(digit.wrapping_sub(b'0'))));
        }
        let too_long = ProtocolError::CountTooLong;
        let Some(line) = self.header(request, limits.inline_bytes, too_long)? else {
            return Ok(None);
        };
        match parse_integer(line) {
            Some(count) if ARGUMENTS < count => Err(ProtocolError::InvalidCount),
            Some(count) if UNAUTHENTICATED_ARGUMENTS < count && !limits.authenticated => {
                Err(ProtocolError::UnauthenticatedCount)
            }
            Some(count) => Ok(Some(u32::try_from(count).unwrap_or(0))),
            None => Err(ProtocolError::InvalidCount),
        }
    }

    /// Reads the line with the next argument's length.
    #[inline]
    fn next_length(
        &mut self,
        request: &[u8],
        limits: &RequestLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        let digit = |byte: &u8| usize::from(byte.wrapping_sub(b'0'));
        let (length, header) = match request.get(self.position..).unwrap_or_default() {
            [b'$', ones @ b'0'..=b'9', b'\r', _, ..] => (digit(ones), 4),
            [b'$', tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'\r', _, ..] => {
                (digit(tens).wrapping_mul(10).wrapping_add(digit(ones)), 5)
            }
            rest => match short_header(rest) {
                Some(found) => found,
                None => return self.next_long_length(request, limits),
            },
        };
        let is_unauthenticated = UNAUTHENTICATED_BULK_BYTES < length && !limits.authenticated;
        if limits.bulk_bytes < length || is_unauthenticated {
            return self.next_long_length(request, limits);
        }
        self.position = self.position.wrapping_add(header);
        Ok(Some(length))
    }

    #[cold]
    fn next_long_length(
        &mut self,
        request: &[u8],
        limits: &RequestLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        let first = request.get(self.position).copied().unwrap_or_default();
        let too_long = ProtocolError::LengthTooLong;
        let Some(line) = self.header(request, limits.inline_bytes, too_long)? else {
            return Ok(None);
        };
        if first != b'$' {
            return Err(ProtocolError::ExpectedDollar(first));
        }
        let Some(length) = parse_integer(line).and_then(|length| usize::try_from(length).ok())
        else {
            return Err(ProtocolError::InvalidLength);
        };
        if limits.bulk_bytes.min(ARGUMENT_BYTES) < length {
            return Err(ProtocolError::InvalidLength);
        }
        if UNAUTHENTICATED_BULK_BYTES < length && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedLength);
        }
        Ok(Some(length))
    }

    /// Takes a header line: what stands between its first byte and its CR.
    fn header<'a>(
        &mut self,
        request: &'a [u8],
        limit: usize,
        too_long: ProtocolError,
    ) -> Result<Option<&'a [u8]>, ProtocolError> {
        let Some(length) = self.line(request, b'\r', limit, too_long)? else {
            return Ok(None);
        };
        let end = self.position.saturating_add(length).saturating_add(LINE_ENDING);
        if request.len() < end {
            return Ok(None);
        }
        let line = request.get(self.position..).and_then(|rest| rest.get(1..length));
        self.position = end;
        Ok(Some(line.unwrap_or_default()))
    }

    /// The length of the line at the position, up to the byte that ends it.
    fn line(
        &mut self,
        request: &[u8],
        ending: u8,
        limit: usize,
        too_long: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let scanned = self.scanned.max(self.position);
        let unscanned = request.get(scanned..).unwrap_or_default();
        let found = memchr::memchr2(ending, 0, unscanned);
        self.scanned = scanned.saturating_add(found.unwrap_or(unscanned.len()));
        let length = self.scanned.saturating_sub(self.position);
        let is_ended = request.get(self.scanned) == Some(&ending);
        let at_least = if is_ended { length } else { request.len().saturating_sub(self.position) };
        if limit < at_least {
            return Err(too_long);
        }
        Ok(is_ended.then_some(length))
    }
}

/// The longest of the words that are found in one pass.
const SHORT_BYTES: usize = 99;

/// Finds the words of a complete request that has few of them, all short, and adds them; gives where it ends. That is nearly every request. Any other is for
/// the general way, with `spans` as they were. Its words are within the limits of strangers too, and its bytes are those that encoding its words gives.
#[inline]
fn short_request(request: &[u8], spans: &mut Vec<Span>) -> Option<usize> {
    let [b'*', count @ b'1'..=b'9', b'\r', b'\n', ..] = request else { return None };
    let before = spans.len();
    let end = short_words(request, count.wrapping_sub(b'0'), spans);
    if end.is_none() {
        spans.truncate(before);
    }
    end
}

/// Finds so many words, which lie behind the line that counts them.
#[inline]
fn short_words(request: &[u8], words: u8, spans: &mut Vec<Span>) -> Option<usize> {
    let mut position = 4_u32;
    for _ in 0..words {
        let rest = request.get(position as usize..)?;
        let (len, header) = match rest.first_chunk() {
            Some(bytes) => length_in(*bytes)?,
            None => length_at_end(rest)?,
        };
        let start = position.wrapping_add(header);
        let end = start.wrapping_add(len);
        if request.get(end as usize..)?.first_chunk() != Some(b"\r\n") {
            return None;
        }
        spans.push(Span { start, len });
        position = end.wrapping_add(2);
    }
    Some(position as usize)
}

/// The length that a header of one or two digits announces, and the header's own, from the eight bytes at its beginning.
#[inline]
fn length_in(bytes: [u8; 8]) -> Option<(u32, u32)> {
    const ONE: u64 = u64::from_le_bytes(*b"$\0\r\n\0\0\0\0");
    const ONE_MASK: u64 = u64::from_le_bytes([0xff, 0, 0xff, 0xff, 0, 0, 0, 0]);
    const TWO: u64 = u64::from_le_bytes(*b"$\0\0\r\n\0\0\0");
    const TWO_MASK: u64 = u64::from_le_bytes([0xff, 0, 0, 0xff, 0xff, 0, 0, 0]);
    let [_, first, second, ..] = bytes.map(|byte| u32::from(byte.wrapping_sub(b'0')));
    let number = u64::from_le_bytes(bytes);
    if number & ONE_MASK == ONE {
        (first <= 9).then_some((first, 4))
    } else if number & TWO_MASK == TWO {
        let are_digits = first.wrapping_sub(1) < 9 && second <= 9;
        are_digits.then_some((first.wrapping_mul(10).wrapping_add(second), 5))
    } else {
        None
    }
}

/// The same where fewer bytes follow: an argument of a byte or two ends the buffer.
fn length_at_end(rest: &[u8]) -> Option<(u32, u32)> {
    match rest {
        [b'$', ones @ b'0'..=b'9', b'\r', b'\n', ..] => {
            Some((u32::from(ones.wrapping_sub(b'0')), 4))
        }
        _ => None,
    }
}

/// The length that a header with three to seven digits announces, and the header's own. Any other
/// header is for the general way.
fn short_header(rest: &[u8]) -> Option<(usize, usize)> {
    let [b'$', digits @ ..] = rest.first_chunk::<10>()? else {
        return None;
    };
    if !digits.first().is_some_and(|first| (b'1'..=b'9').contains(first)) {
        return None;
    }
    let mut length = 0_usize;
    for (count, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if 9 < digit {
            let is_header = *byte == b'\r' && count < 8;
            return is_header.then_some((length, count.wrapping_add(3)));
        }
        length = length.wrapping_mul(10).wrapping_add(usize::from(digit));
    }
    None
}

/// Bytes of a line ending. Which ones they are is not looked at after an argument.
const LINE_ENDING: usize = 2;
