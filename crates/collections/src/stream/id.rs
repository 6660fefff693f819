//! The IDs of entries: a time and a number within it, in this order.

use std::fmt;
use std::ops::Deref;

/// The ID of an entry of a stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Unix time in ms, if the server made it.
    pub ms: u64,
    /// Tells entries of the same time apart.
    pub sequence: u64,
}

impl StreamId {
    /// The smallest, which no entry has.
    pub const MIN: StreamId = StreamId::new(0, 0);
    /// The greatest.
    pub const MAX: StreamId = StreamId::new(u64::MAX, u64::MAX);

    /// An ID of both parts.
    pub const fn new(ms: u64, sequence: u64) -> StreamId {
        StreamId { ms, sequence }
    }

    /// The next greater one; none after the greatest.
    #[inline]
    pub fn next(self) -> Option<StreamId> {
        match self.sequence.checked_add(1) {
            Some(sequence) => Some(StreamId { ms: self.ms, sequence }),
            None => Some(StreamId { ms: self.ms.checked_add(1)?, sequence: 0 }),
        }
    }

    /// The next smaller one; none before the smallest.
    #[inline]
    pub fn previous(self) -> Option<StreamId> {
        match self.sequence.checked_sub(1) {
            Some(sequence) => Some(StreamId { ms: self.ms, sequence }),
            None => Some(StreamId { ms: self.ms.checked_sub(1)?, sequence: u64::MAX }),
        }
    }

    /// As files have it: both parts with their high bytes first, so that IDs are ordered as their bytes are.
    pub fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.ms) << 64) | u128::from(self.sequence)).to_be_bytes()
    }

    /// Of bytes that [`to_bytes`](StreamId::to_bytes) made.
    #[expect(clippy::cast_possible_truncation, reason = "halves of 128 bits")]
    pub fn from_bytes(bytes: [u8; 16]) -> StreamId {
        let both = u128::from_be_bytes(bytes);
        StreamId { ms: (both >> 64) as u64, sequence: both as u64 }
    }

    /// As clients see it: `ms-sequence` in decimal.
    #[inline]
    pub fn text(self) -> IdText {
        let mut text = IdText { bytes: [0; IdText::LIMIT], length: 0 };
        text.push(itoa::Buffer::new().format(self.ms).as_bytes());
        text.push(b"-");
        text.push(itoa::Buffer::new().format(self.sequence).as_bytes());
        text
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.ms, self.sequence)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// An ID as clients see it, without an allocation.
#[derive(Clone, Copy, Debug)]
pub struct IdText {
    bytes: [u8; IdText::LIMIT],
    length: usize,
}

impl IdText {
    /// Two numbers of 20 digits, and what is between them.
    const LIMIT: usize = 41;

    #[inline]
    fn push(&mut self, part: &[u8]) {
        let end = self.length.saturating_add(part.len());
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(part);
            self.length = end;
        }
    }
}

impl Deref for IdText {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
