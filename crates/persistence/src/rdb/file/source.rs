//! The bytes of a file, read ahead and kept as long as a record that is not whole yet needs them.
//!
//! ```text
//!  buffer   | done with | being looked at | read ahead |  room  |
//!                       start             position     filled
//! ```

use std::io::{self, Read};

use super::error::{LoadError, Place};
use crate::Corrupt;
use crate::crc64::Running;
use crate::rdb::reader::Length;

/// At least so much room is given to one call for more.
const READ: usize = 64 << 10;

/// See the module's page.
pub(super) struct Source<R> {
    inner: R,
    buffer: Vec<u8>,
    start: usize,
    position: usize,
    filled: usize,
    /// Where in the file the buffer begins.
    base: u64,
    checksum: Option<Running>,
    /// Bytes of the buffer that the checksum has.
    summed: usize,
    /// How large the buffer is when a new one begins.
    usual: usize,
}

impl<R: Read> Source<R> {
    /// Reads from `inner`; sums up a checksum if told to. Pieces of about `usual` bytes will be cut.
    pub(super) fn new(inner: R, checksum: bool, usual: usize) -> Source<R> {
        let usual = usual.saturating_add(READ);
        Source {
            inner,
            buffer: vec![0; usual],
            start: 0,
            position: 0,
            filled: 0,
            base: 0,
            checksum: checksum.then(Running::new),
            summed: 0,
            usual,
        }
    }

    /// Bytes of the file before the next one.
    pub(super) fn offset(&self) -> u64 {
        self.base.saturating_add(self.position as u64)
    }

    /// Where in the file that begins which is being looked at.
    pub(super) fn start_offset(&self) -> u64 {
        self.base.saturating_add(self.start as u64)
    }

    /// How many bytes are being looked at.
    pub(super) fn looked_at(&self) -> usize {
        self.position.saturating_sub(self.start)
    }

    pub(super) fn corrupt(&self, what: Corrupt) -> LoadError {
        LoadError::corrupt(self.offset(), what)
    }

    /// Has the last byte read again.
    pub(super) fn back_by_one(&mut self) {
        self.position = self.position.saturating_sub(1).max(self.start);
    }

    /// Has all but the first so many of the bytes that were looked at read again.
    pub(super) fn back_to(&mut self, bytes: usize) {
        self.position = self.start.saturating_add(bytes).min(self.position);
    }

    /// Passes over so many bytes.
    pub(super) fn skip(&mut self, bytes: u64) -> Result<(), LoadError> {
        loop {
            let ahead = self.filled.saturating_sub(self.position) as u64;
            if bytes <= ahead {
                // It is at most what is there.
                let bytes = usize::try_from(bytes).unwrap_or(0);
                self.position = self.position.saturating_add(bytes);
                return Ok(());
            }
            if !self.read_more()? {
                return Err(LoadError::EndedEarly(Place::at(self.offset().saturating_add(ahead))));
            }
        }
    }

    /// Takes so many bytes.
    pub(super) fn take(&mut self, bytes: u64) -> Result<&[u8], LoadError> {
        self.skip(bytes)?;
        let from = self.position.saturating_sub(usize::try_from(bytes).unwrap_or(0));
        Ok(self.buffer.get(from..self.position).unwrap_or_default())
    }

    /// Takes bytes into an array.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let offset = self.offset();
        let bytes = self.take(N as u64)?;
        bytes.try_into().map_err(|_| LoadError::EndedEarly(Place::at(offset)))
    }

    /// Takes a byte.
    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, LoadError> {
        if self.position < self.filled
            && let Some(byte) = self.buffer.get(self.position)
        {
            self.position = self.position.saturating_add(1);
            return Ok(*byte);
        }
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// Takes a length, or the form of a string.
    pub(super) fn length(&mut self) -> Result<Length, LoadError> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match first >> 6 {
            0 => Length::Count(low.into()),
            1 => Length::Count(u16::from_be_bytes([low, self.byte()?]).into()),
            2 => match first {
                0x80 => Length::Count(u32::from_be_bytes(self.array()?).into()),
                0x81 => Length::Count(u64::from_be_bytes(self.array()?)),
                _ => return Err(self.corrupt(Corrupt::Length(first))),
            },
            _ => Length::Form(low),
        })
    }

    /// Takes a number of elements.
    pub(super) fn count(&mut self) -> Result<u64, LoadError> {
        match self.length()? {
            Length::Count(count) => Ok(count),
            Length::Form(form) => Err(self.corrupt(Corrupt::Length(form))),
        }
    }

    /// Passes over a string.
    #[inline]
    pub(super) fn skip_string(&mut self) -> Result<(), LoadError> {
        let bytes = match self.length()? {
            Length::Count(length) => length,
            Length::Form(0) => 1,
            Length::Form(1) => 2,
            Length::Form(2) => 4,
            Length::Form(3) => {
                let packed = self.count()?;
                self.count()?;
                packed
            }
            Length::Form(form) => return Err(self.corrupt(Corrupt::Length(form))),
        };
        self.skip(bytes)
    }

    /// The bytes that were looked at.
    pub(super) fn seen(&self) -> &[u8] {
        self.buffer.get(self.start..self.position).unwrap_or_default()
    }

    /// Is done with what was looked at.
    pub(super) fn discard(&mut self) {
        self.start = self.position;
    }

    /// Is done with what was looked at, and gives it away.
    pub(super) fn cut(&mut self) -> Vec<u8> {
        self.sum_up(self.position);
        let ahead = self.buffer.get(self.position..self.filled).unwrap_or_default();
        let mut next = vec![0; self.usual.max(ahead.len().saturating_add(READ))];
        if let Some(room) = next.get_mut(..ahead.len()) {
            room.copy_from_slice(ahead);
        }
        let ahead = ahead.len();
        self.base = self.offset();
        let mut bytes = std::mem::replace(&mut self.buffer, next);
        bytes.truncate(self.position);
        if 0 < self.start {
            bytes.drain(..self.start);
        }
        (self.start, self.position, self.summed, self.filled) = (0, 0, 0, ahead);
        bytes
    }

    /// The checksum of all that was looked at.
    pub(super) fn checksum(&mut self) -> Option<u64> {
        self.sum_up(self.position);
        self.checksum.as_ref().map(Running::value)
    }

    /// What was read ahead, and what is not read yet.
    pub(super) fn into_rest(self) -> (Vec<u8>, R) {
        let ahead = self.buffer.get(self.position..self.filled).unwrap_or_default().to_vec();
        (ahead, self.inner)
    }

    /// Takes the bytes before `end` into the checksum.
    fn sum_up(&mut self, end: usize) {
        if let Some(checksum) = &mut self.checksum {
            checksum.update(self.buffer.get(self.summed..end).unwrap_or_default());
        }
        self.summed = end;
    }

    /// Reads once; says whether anything came.
    fn read_more(&mut self) -> Result<bool, LoadError> {
        self.make_room();
        loop {
            let offset = self.base.saturating_add(self.filled as u64);
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            match self.inner.read(room) {
                Ok(0) => return Ok(false),
                Ok(got) => {
                    self.filled = self.filled.saturating_add(got).min(self.buffer.len());
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LoadError::Io { offset, error }),
            }
        }
    }

    /// Makes room for another read: in front, by what is done with, or behind. The buffer grows by a half at most, so it stays in proportion
    /// to what has come.
    fn make_room(&mut self) {
        if self.filled < self.buffer.len() {
            return;
        }
        if self.looked_at() < self.start {
            self.sum_up(self.start);
            self.buffer.copy_within(self.start..self.filled, 0);
            self.base = self.start_offset();
            self.filled = self.filled.saturating_sub(self.start);
            self.position = self.position.saturating_sub(self.start);
            (self.start, self.summed) = (0, 0);
        }
        if self.buffer.len().saturating_sub(self.filled) < READ {
            let more = READ.max(self.buffer.len() / 2);
            self.buffer.resize(self.buffer.len().saturating_add(more), 0);
        }
    }
}
