//! Reading a file of commands, item by item, from the front.
//!
//! The reader knows where each item begins, so that whoever cuts off a damaged end knows where. It takes memory as bytes
//! arrive: a length that lies costs nothing.

use std::io::{self, Read};
use std::sync::Arc;

use resp::limits::{ARGUMENT_BYTES, ARGUMENTS};
use resp::{OwnedWords, Words};

use super::checksum::{CHECKSUM, TIMESTAMP, parse_checksum};
use super::prepared::is_space;
use crate::crc64::Running;

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 << 10;
/// The longest line that there can be: Redis's bound for annotations.
const LINE_BYTES: usize = 1024;
/// An argument this long or longer is received apart from the others, and may be kept as it is.
const LONG_BYTES: usize = 64 << 10;
/// Memory is taken for so many bytes at once.
const PIECE_BYTES: usize = 1 << 20;
/// Bytes of arguments that are not long, together: positions among them have 31 bits.
const SHORT_TOTAL_BYTES: usize = 1 << 30;
/// Room for words that is kept from one command to the next.
const KEPT_BYTES: usize = 1 << 20;

/// What a file consists of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    /// A command: see [`Reader::words`].
    Command,
    /// The unix time in seconds at which the commands after it were executed.
    Timestamp(i64),
    /// The checksum of what came before, and it is right.
    Checksum,
    /// An annotation of another kind.
    Annotation,
}

/// Why a file could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes could not be had.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file ends in the middle of an item that begins at `offset`.
    #[error("the file ends in the middle of what begins at byte {offset}")]
    Truncated {
        /// Bytes from the beginning of the file.
        offset: u64,
    },
    /// What begins at `offset` means nothing, or is not what was written.
    #[error("{fault} (in what begins at byte {offset})")]
    Corrupt {
        /// Bytes from the beginning of the file: all before is good, as far as can be known.
        offset: u64,
        /// What was found.
        fault: Fault,
    },
}

/// What is wrong with a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// No command begins like that.
    #[error("a command was expected, not byte {0:#04x}")]
    NoCommand(u8),
    /// No argument begins like that.
    #[error("an argument was expected, not byte {0:#04x}")]
    NoArgument(u8),
    /// How many arguments there are, or how long one is, cannot be that.
    #[error("a count or a length is none")]
    Number,
    /// No line ending where one must be.
    #[error("a line ending is missing")]
    LineEnding,
    /// A line longer than there can be.
    #[error("a line is too long")]
    Line,
    /// More than one command may have.
    #[error("a command is too long")]
    TooLong,
    /// The bytes before are not those that were written.
    #[error("the checksum is wrong")]
    Checksum,
}

/// A file of commands that is read from the front.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    buffer: Vec<u8>,
    /// What of the buffer is used up.
    position: usize,
    /// Where in the file the buffer begins.
    buffer_offset: u64,
    /// Where the item begins that was read last.
    item_offset: u64,
    /// Where the bytes begin that no checksum has vouched for.
    unverified_offset: u64,
    /// Where the lines begin with which what was read ends, if they are of space that was prepared.
    space_offset: Option<u64>,
    checksum: Running,
    words: OwnedWords,
}

impl<R: Read> Reader<R> {
    /// Reads what `input` has from here on; that is at `offset` in its file.
    pub fn new(input: R, offset: u64) -> Reader<R> {
        Reader {
            input,
            buffer: Vec::new(),
            position: 0,
            buffer_offset: offset,
            item_offset: offset,
            unverified_offset: offset,
            space_offset: None,
            checksum: Running::new(),
            words: OwnedWords::default(),
        }
    }

    /// Where in the file the next item begins.
    pub fn offset(&self) -> u64 {
        self.buffer_offset.saturating_add(self.position as u64)
    }

    /// Where the item begins that was read last.
    pub fn item_offset(&self) -> u64 {
        self.item_offset
    }

    /// Where the bytes begin that no checksum has vouched for; those before it are as they were written.
    pub fn unverified_offset(&self) -> u64 {
        self.unverified_offset
    }

    /// Where space for what will be written begins, if what was read ends with it.
    pub fn space_offset(&self) -> Option<u64> {
        self.space_offset
    }

    /// The checksum of the bytes that no checksum has vouched for, to go on with.
    pub fn into_checksum(self) -> Running {
        self.checksum
    }

    /// The words of the command that was read last.
    pub fn words(&self) -> Words<'_> {
        self.words.as_words()
    }

    /// The next item; none at the end of the file.
    #[expect(
        clippy::should_implement_trait,
        reason = "what an iterator gives cannot be borrowed from it"
    )]
    pub fn next(&mut self) -> Result<Option<Item>, ReadError> {
        self.item_offset = self.offset();
        let Some(first) = self.peek()? else { return Ok(None) };
        match first {
            b'*' => {
                self.space_offset = None;
                self.command()?;
                Ok(Some(Item::Command))
            }
            b'#' => self.annotation().map(Some),
            other => Err(self.corrupt(Fault::NoCommand(other))),
        }
    }

    fn corrupt(&self, fault: Fault) -> ReadError {
        ReadError::Corrupt { offset: self.item_offset, fault }
    }

    fn truncated(&self) -> ReadError {
        ReadError::Truncated { offset: self.item_offset }
    }

    fn command(&mut self) -> Result<(), ReadError> {
        self.words.clear();
        self.words.shrink_to(KEPT_BYTES);
        let count = self.header(ARGUMENTS as u64)?;
        if count == 0 {
            return Err(self.corrupt(Fault::Number));
        }
        let mut short_bytes = 0_usize;
        for _ in 0..count {
            match self.peek()? {
                Some(b'$') => {}
                Some(other) => return Err(self.corrupt(Fault::NoArgument(other))),
                None => return Err(self.truncated()),
            }
            let length = self.header(ARGUMENT_BYTES as u64)?;
            let length = usize::try_from(length).map_err(|_| self.corrupt(Fault::TooLong))?;
            if LONG_BYTES <= length {
                let argument = self.long_argument(length)?;
                self.words.push_shared(Arc::new(argument));
            } else {
                short_bytes = short_bytes.saturating_add(length);
                if SHORT_TOTAL_BYTES < short_bytes {
                    return Err(self.corrupt(Fault::TooLong));
                }
                self.short_argument(length)?;
            }
        }
        Ok(())
    }

    /// The number in a line that begins with a sign for what it counts.
    fn header(&mut self, at_most: u64) -> Result<u64, ReadError> {
        let length = self.line()?;
        let line = self.pending().get(1..length).unwrap_or_default();
        let digits = line.strip_suffix(b"\r\n").ok_or_else(|| self.corrupt(Fault::LineEnding))?;
        let number = parse_number(digits).filter(|number| *number <= at_most);
        let number = number.ok_or_else(|| self.corrupt(Fault::Number))?;
        self.consume(length);
        Ok(number)
    }

    fn short_argument(&mut self, length: usize) -> Result<(), ReadError> {
        let with_end = length.saturating_add(2);
        while self.pending().len() < with_end {
            self.read_more()?;
        }
        let pending = self.buffer.get(self.position..).unwrap_or_default();
        let argument = pending.get(..length).unwrap_or_default();
        if pending.get(length..with_end) != Some(b"\r\n") {
            return Err(self.corrupt(Fault::LineEnding));
        }
        self.words.push(argument);
        self.consume(with_end);
        Ok(())
    }

    fn long_argument(&mut self, length: usize) -> Result<Vec<u8>, ReadError> {
        let mut argument = Vec::with_capacity(length.min(PIECE_BYTES));
        let here = self.pending().len().min(length);
        argument.extend_from_slice(self.pending().get(..here).unwrap_or_default());
        self.consume(here);
        let rest = length.saturating_sub(here) as u64;
        let got = Read::by_ref(&mut self.input).take(rest).read_to_end(&mut argument)? as u64;
        let new = argument.get(here..).unwrap_or_default();
        self.checksum.update(new);
        self.buffer_offset = self.buffer_offset.saturating_add(got);
        if got < rest {
            return Err(self.truncated());
        }
        while self.pending().len() < 2 {
            self.read_more()?;
        }
        if self.pending().get(..2) != Some(b"\r\n") {
            return Err(self.corrupt(Fault::LineEnding));
        }
        self.consume(2);
        Ok(argument)
    }

    fn annotation(&mut self) -> Result<Item, ReadError> {
        let length = self.line()?;
        let is_space = self.pending().get(..length).is_some_and(is_space);
        self.space_offset = is_space.then(|| self.space_offset.unwrap_or(self.item_offset));
        let line = self.pending().get(..length).unwrap_or_default();
        let text = line.strip_suffix(b"\n").unwrap_or_default();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if let Some(time) = text.strip_prefix(TIMESTAMP) {
            let time = parse_number(time).and_then(|time| i64::try_from(time).ok());
            self.consume(length);
            return Ok(time.map_or(Item::Annotation, Item::Timestamp));
        }
        let Some(digits) = text.strip_prefix(CHECKSUM) else {
            self.consume(length);
            return Ok(Item::Annotation);
        };
        if parse_checksum(digits) != Some(self.checksum.value()) {
            return Err(ReadError::Corrupt {
                offset: self.unverified_offset,
                fault: Fault::Checksum,
            });
        }
        self.consume(length);
        self.checksum = Running::new();
        self.unverified_offset = self.offset();
        Ok(Item::Checksum)
    }

    /// The length of the line that comes next, with its line ending.
    fn line(&mut self) -> Result<usize, ReadError> {
        let mut scanned = 0;
        loop {
            let pending = self.pending();
            let unseen = pending.get(scanned..).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', unseen) {
                let length = scanned.saturating_add(end).saturating_add(1);
                let is_short = length <= LINE_BYTES;
                return if is_short { Ok(length) } else { Err(self.corrupt(Fault::Line)) };
            }
            scanned = pending.len();
            if LINE_BYTES <= scanned {
                return Err(self.corrupt(Fault::Line));
            }
            self.read_more()?;
        }
    }

    /// The next byte, which stays where it is.
    fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        if self.pending().is_empty() && !self.fill()? {
            return Ok(None);
        }
        Ok(self.pending().first().copied())
    }

    fn pending(&self) -> &[u8] {
        self.buffer.get(self.position..).unwrap_or_default()
    }

    /// Takes leave of bytes that were looked at.
    fn consume(&mut self, count: usize) {
        let end = self.position.saturating_add(count).min(self.buffer.len());
        self.checksum.update(self.buffer.get(self.position..end).unwrap_or_default());
        self.position = end;
    }

    fn read_more(&mut self) -> Result<(), ReadError> {
        if self.fill()? { Ok(()) } else { Err(self.truncated()) }
    }

    /// Reads on; whether there was anything.
    fn fill(&mut self) -> Result<bool, ReadError> {
        self.buffer.drain(..self.position);
        self.buffer_offset = self.buffer_offset.saturating_add(self.position as u64);
        self.position = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled.saturating_add(BUFFER_BYTES), 0);
        let outcome = loop {
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        let got = *outcome.as_ref().unwrap_or(&0);
        self.buffer.truncate(filled.saturating_add(got));
        outcome?;
        Ok(0 < got)
    }
}

/// A number in digits and nothing else, as it is written here.
fn parse_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || 19 < digits.len() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
