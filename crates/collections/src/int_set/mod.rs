//! A set of integers in one piece of memory, in ascending order.
//!
//! The bytes are those of Redis's intset, so that saving, loading, DUMP and RESTORE copy memory. All numbers are little-endian:
//!
//! ```text
//!   width   count   values, ascending
//! +-------+-------+-------+-------+-----+
//! |  u32  |  u32  | width | width | ... |
//! +-------+-------+-------+-------+-----+
//! ```
//!
//! The width is 2, 4 or 8 bytes: the least that the value furthest from zero has ever needed. It grows when a value asks for it, and does
//! not shrink again, as in Redis.
//!
//! Invariants:
//! - What an [`IntSet`] holds is well-formed: made by its methods, or checked by [`IntSet::from_bytes_checked`]. Bytes that were only
//!   claimed to be can give wrong answers or a panic, nothing worse.
//! - An empty one may be without memory, even for the header.

mod reference;

use std::fmt;

pub use reference::{IntSetRef, Iter};

use crate::list_pack::allocation_size;
use reference::{HEADER_BYTES, Width};

/// A set of integers, with memory of its own; see the module's page.
#[derive(Clone, Default)]
pub struct IntSet {
    bytes: Vec<u8>,
}

/// Why bytes are no set of integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Corrupt {
    /// There is no header.
    #[error("a set of integers has a header of 8 bytes; these are {0}")]
    Header(usize),
    /// The width is none that there is.
    #[error("a set of integers says that they are {0} bytes wide")]
    Width(u32),
    /// It has no members, which no key's value has.
    #[error("a set of integers is empty")]
    Empty,
    /// The count is for another number of bytes.
    #[error("a set of integers says that it has {said}, but there are {actual} bytes")]
    Count {
        /// What the header says.
        said: u32,
        /// What there is, with the header.
        actual: usize,
    },
    /// A value is not above the one before it.
    #[error("a set of integers is out of order at index {0}")]
    Order(usize),
}

impl IntSet {
    /// How many integers it may hold at most, which is Redis's limit.
    pub const MOST_LEN: usize = 1 << 30;

    /// Without integers.
    pub const fn new() -> IntSet {
        IntSet { bytes: Vec::new() }
    }

    /// Takes bytes from outside over, after a look at every one of them.
    pub fn from_bytes_checked(bytes: Vec<u8>) -> Result<IntSet, Corrupt> {
        let [w0, w1, w2, w3, c0, c1, c2, c3, values @ ..] = bytes.as_slice() else {
            return Err(Corrupt::Header(bytes.len()));
        };
        let said_width = u32::from_le_bytes([*w0, *w1, *w2, *w3]);
        let width = Width::of_code(said_width).ok_or(Corrupt::Width(said_width))?;
        let said = u32::from_le_bytes([*c0, *c1, *c2, *c3]);
        if said == 0 {
            return Err(Corrupt::Empty);
        }
        let wanted = (said as usize).checked_mul(width.bytes());
        if wanted != Some(values.len()) {
            return Err(Corrupt::Count { said, actual: bytes.len() });
        }
        let read = IntSetRef::from_trusted(&bytes);
        match read.iter().zip(read.iter().skip(1)).position(|(this, next)| next <= this) {
            Some(index) => Err(Corrupt::Order(index.saturating_add(1))),
            None => Ok(IntSet { bytes }),
        }
    }

    /// Takes bytes over that [`as_bytes`](IntSet::as_bytes) gave at some time.
    pub fn from_trusted(bytes: Vec<u8>) -> IntSet {
        IntSet { bytes }
    }

    /// The whole, as files and replicas get it.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        if self.bytes.is_empty() { &EMPTY } else { &self.bytes }
    }

    /// The whole, as files and replicas get it.
    pub fn into_bytes(mut self) -> Vec<u8> {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(&EMPTY);
        }
        self.bytes
    }

    /// For readers.
    #[inline]
    pub fn as_ref(&self) -> IntSetRef<'_> {
        IntSetRef::from_trusted(self.as_bytes())
    }

    /// How many integers there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory allocated.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Adds an integer; says whether it is new.
    #[expect(clippy::arithmetic_side_effects, reason = "indexes and sizes of memory that is there")]
    pub fn insert(&mut self, value: i64) -> bool {
        let width = self.as_ref().width();
        if width < Width::of(value) {
            self.widen(value);
            return true;
        }
        let Err(index) = self.as_ref().search(value) else { return false };
        if self.bytes.is_empty() {
            self.bytes.reserve_exact(allocation_size(HEADER_BYTES + width.bytes()));
            self.bytes.extend_from_slice(&EMPTY);
        }
        let count = self.len();
        self.reserve(width.bytes());
        let at = HEADER_BYTES + index * width.bytes();
        let end = self.bytes.len();
        self.bytes.resize(end + width.bytes(), 0);
        self.bytes.copy_within(at..end, at + width.bytes());
        self.write(at, width, value);
        self.set_count(count + 1);
        true
    }

    /// Removes an integer; says whether it was there.
    pub fn remove(&mut self, value: i64) -> bool {
        let found = self.as_ref().search(value);
        if let Ok(index) = found {
            self.remove_at(index, 1);
        }
        found.is_ok()
    }

    /// Removes `count` integers from this index on, or those that are left there.
    #[expect(clippy::arithmetic_side_effects, reason = "indexes and sizes of memory that is there")]
    pub fn remove_at(&mut self, index: usize, count: usize) {
        let whole = self.as_ref();
        let (len, width) = (whole.len(), whole.width().bytes());
        let index = index.min(len);
        let count = count.min(len - index);
        if count == 0 {
            return;
        }
        let at = HEADER_BYTES + index * width;
        self.bytes.drain(at..at + count * width);
        self.set_count(len - count);
        // At most half of the memory is unused.
        if self.bytes.len() < self.bytes.capacity() / 2 {
            self.bytes.shrink_to(allocation_size(self.bytes.len()));
        }
    }

    /// Adds an integer that needs more bytes than those that are there: it goes to one of the ends.
    #[expect(clippy::arithmetic_side_effects, reason = "sizes of memory that is there")]
    fn widen(&mut self, value: i64) {
        let (old, width) = (self.as_ref(), Width::of(value));
        let bytes = HEADER_BYTES + (old.len() + 1) * width.bytes();
        let mut widened = Vec::with_capacity(allocation_size(bytes));
        widened.extend_from_slice(&width.code().to_le_bytes());
        widened.extend_from_slice(&[0; 4]);
        let (lowest, highest) = if value < 0 { (Some(value), None) } else { (None, Some(value)) };
        for value in lowest.into_iter().chain(old.iter()).chain(highest) {
            width.append(value, &mut widened);
        }
        let count = old.len() + 1;
        self.bytes = widened;
        self.set_count(count);
    }

    /// Makes room for more bytes, as many as the allocator would give anyway.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "sizes of memory that is there")]
    fn reserve(&mut self, more: usize) {
        let wanted = self.bytes.len() + more;
        if self.bytes.capacity() < wanted {
            self.bytes.reserve_exact(allocation_size(wanted) - self.bytes.len());
        }
    }

    fn write(&mut self, at: usize, width: Width, value: i64) {
        let value = value.to_le_bytes();
        for (place, byte) in self.bytes.iter_mut().skip(at).zip(&value).take(width.bytes()) {
            *place = *byte;
        }
    }

    fn set_count(&mut self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
        if let Some(place) = self.bytes.get_mut(4..HEADER_BYTES) {
            place.copy_from_slice(&count);
        }
    }
}

impl PartialEq for IntSet {
    fn eq(&self, other: &IntSet) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for IntSet {}

impl fmt::Debug for IntSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.as_ref()).finish()
    }
}

impl FromIterator<i64> for IntSet {
    fn from_iter<I: IntoIterator<Item = i64>>(values: I) -> IntSet {
        let mut set = IntSet::new();
        for value in values {
            set.insert(value);
        }
        set
    }
}

/// One without integers.
const EMPTY: [u8; HEADER_BYTES] = [2, 0, 0, 0, 0, 0, 0, 0];

#[cfg(test)]
mod tests;
