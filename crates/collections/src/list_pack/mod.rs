//! A sequence of strings and integers in one piece of memory: what small collections, list nodes and stream nodes are made of.
//!
//! The bytes are those of Redis's listpack, so that saving, loading, DUMP and RESTORE copy memory:
//!
//! ```text
//!  total bytes  count   element          element                 end
//! +------------+-------+----------------+----------------+-----+------+
//! |  u32 (LE)  |  u16  | head data back | head data back | ... | 0xFF |
//! +------------+-------+----------------+----------------+-----+------+
//! ```
//!
//! - `head` says what the element is and how long; a small integer is all in the head (`encoding` has the table).
//! - `back` is the length of head and data once more, to be read from its end: with it one walks backwards.
//! - A count of 65535 means "that many or more": they are counted by walking.
//!
//! A string that is the shortest decimal form of a 64-bit integer is stored as that integer; what comes out is the same text.
//!
//! Whoever adds elements keeps the whole below [`ListPack::MOST_BYTES`] ([`ListPack::has_room_for`]); its users convert to something bigger long
//! before.
//!
//! Invariants:
//! - What a [`ListPack`] holds is well-formed: made by its methods, or checked by [`ListPack::from_bytes_checked`]. Bytes that were
//!   only claimed to be ([`ListPack::from_trusted`]) can cause a panic, nothing worse.
//! - A [`Position`] is the offset of an element's head. It is good until an element before it changes.
//! - The capacity is a size of the allocator's, so no memory is lost that an exact allocation would not lose; it is at most twice
//!   what is needed.

mod capacity;
mod element;
mod encoding;
mod reference;
mod validate;

pub use capacity::allocation_size;
pub use element::{Element, integer_of};
pub use encoding::Encoded;
pub use reference::{Iter, ListPackRef};
pub use validate::Corrupt;

use encoding::{END, HEADER_BYTES, UNKNOWN_COUNT};

/// Where an element is: the offset of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u32);

impl Position {
    #[expect(clippy::cast_possible_truncation, reason = "a list pack is below `MOST_BYTES`")]
    fn new(offset: usize) -> Position {
        Position(offset as u32)
    }

    fn offset(self) -> usize {
        self.0 as usize
    }
}

/// A sequence of strings and integers, with memory of its own; see the module's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPack {
    bytes: Vec<u8>,
}

impl ListPack {
    /// The total size that no list pack may exceed. Its header could say more, but nothing good is done with a gigabyte that
    /// has to be moved for each insertion, and Redis refuses it.
    pub const MOST_BYTES: usize = 1 << 30;

    /// The total size of a list pack without elements.
    pub const EMPTY_BYTES: usize = HEADER_BYTES + 1;

    /// Without elements.
    pub fn new() -> ListPack {
        ListPack::with_capacity(0)
    }

    /// Without elements, but with memory for elements that take this many bytes in all.
    #[expect(clippy::arithmetic_side_effects, reason = "a constant is added to a size of memory")]
    pub fn with_capacity(bytes: usize) -> ListPack {
        let mut pack = Vec::with_capacity(allocation_size(bytes + Self::EMPTY_BYTES));
        pack.extend_from_slice(&EMPTY);
        ListPack { bytes: pack }
    }

    /// Takes bytes from outside over, after a look at every one of them.
    pub fn from_bytes_checked(bytes: Vec<u8>) -> Result<ListPack, Corrupt> {
        validate::check(&bytes)?;
        Ok(ListPack { bytes })
    }

    /// Takes bytes over that [`as_bytes`](ListPack::as_bytes) gave at some time.
    pub fn from_trusted(bytes: Vec<u8>) -> ListPack {
        debug_assert_eq!(validate::check(&bytes), Ok(()));
        ListPack { bytes }
    }

    /// The whole, as files and replicas get it.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The whole, as files and replicas get it.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// For readers.
    #[inline]
    pub fn as_ref(&self) -> ListPackRef<'_> {
        ListPackRef::from_trusted(&self.bytes)
    }

    /// The number of elements. Counts them if there are 65535 or more.
    #[inline]
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Whether there are no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == Self::EMPTY_BYTES
    }

    /// The size of the whole with its header.
    #[inline]
    pub fn total_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The memory allocated.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether elements of this many bytes in all, as strings, may be added.
    #[inline]
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.bytes.len().saturating_add(bytes) <= Self::MOST_BYTES
    }

    /// Adds an element at the end.
    #[inline]
    pub fn push_back(&mut self, element: &[u8]) {
        self.push_back_encoded(&Encoded::of(element));
    }

    /// Adds an integer at the end.
    #[inline]
    pub fn push_back_integer(&mut self, element: i64) {
        self.push_back_encoded(&Encoded::of_integer(element));
    }

    /// Adds an element at the end.
    #[inline]
    pub fn push_back_encoded(&mut self, element: &Encoded<'_>) {
        capacity::reserve(&mut self.bytes, element.len());
        self.bytes.pop();
        element.append_to(&mut self.bytes);
        self.bytes.push(END);
        self.finish(1);
    }

    /// Adds elements at the end.
    pub fn extend<'e>(&mut self, elements: impl IntoIterator<Item = &'e [u8]>) {
        for element in elements {
            self.push_back(element);
        }
    }

    /// Adds an element at the start.
    #[inline]
    pub fn push_front(&mut self, element: &[u8]) {
        self.insert_at(HEADER_BYTES, &[Encoded::of(element)]);
    }

    /// Adds an element before that at the position, which is the new one's then.
    #[inline]
    pub fn insert(&mut self, position: Position, element: &[u8]) {
        self.insert_at(position.offset(), &[Encoded::of(element)]);
    }

    /// Adds elements before that at the position, in this order; at the end if there is no position. What lies behind is moved
    /// once.
    #[inline]
    pub fn insert_encoded(&mut self, position: Option<Position>, elements: &[Encoded<'_>]) {
        self.insert_at(position.map_or_else(|| self.end(), Position::offset), elements);
    }

    /// Puts an element in the place of that at the position.
    #[inline]
    pub fn replace(&mut self, position: Position, element: &[u8]) {
        self.replace_encoded(position, 1, &[Encoded::of(element)]);
    }

    /// Puts an integer in the place of the element at the position.
    #[inline]
    pub fn replace_integer(&mut self, position: Position, element: i64) {
        self.replace_encoded(position, 1, &[Encoded::of_integer(element)]);
    }

    /// Puts elements in the place of `count` elements at the position, or of those that are left there. What lies behind is moved
    /// once.
    #[expect(clippy::arithmetic_side_effects, reason = "sizes of memory that is there")]
    pub fn replace_encoded(&mut self, position: Position, count: usize, elements: &[Encoded<'_>]) {
        let at = position.offset();
        let (behind, removed) = self.skip(at, count);
        let (there, wanted) = (behind - at, elements.iter().map(Encoded::len).sum::<usize>());
        if there < wanted {
            self.open(behind, wanted - there);
        } else {
            self.bytes.drain(at + wanted..behind);
        }
        self.write(at, elements);
        self.finish(elements.len().cast_signed() - removed.cast_signed());
        capacity::shrink(&mut self.bytes);
    }

    /// Takes elements out: `count` of them from the position on, or those that are left there. Gives what is at the position
    /// then.
    #[expect(clippy::arithmetic_side_effects, reason = "sizes of memory that is there")]
    pub fn remove(&mut self, position: Position, count: usize) -> Option<Position> {
        let at = position.offset();
        let (behind, removed) = self.skip(at, count);
        self.bytes.drain(at..behind);
        self.finish(-removed.cast_signed());
        capacity::shrink(&mut self.bytes);
        (at < self.end()).then_some(position)
    }

    /// Takes all elements out from the position on, and returns them as a list pack of their own.
    #[must_use = "the elements are gone otherwise; `remove` drops them"]
    pub fn split_off(&mut self, position: Position) -> ListPack {
        let at = position.offset();
        let mut back = ListPack::new();
        if let Some(moved) = self.bytes.get(at..self.end()) {
            capacity::reserve(&mut back.bytes, moved.len());
            back.bytes.pop();
            back.bytes.extend_from_slice(moved);
            back.bytes.push(END);
        }
        let whole = self.len();
        self.bytes.truncate(at);
        self.bytes.push(END);
        self.set_header(None);
        back.set_header(None);
        let front = self.as_ref().count_all();
        self.set_header(Some(front));
        back.set_header(Some(whole.saturating_sub(front)));
        capacity::shrink(&mut self.bytes);
        back
    }

    /// Adds all elements of the other at the end.
    #[expect(clippy::arithmetic_side_effects, reason = "numbers of things in memory")]
    pub fn append(&mut self, other: ListPackRef<'_>) {
        let elements = other.element_bytes();
        capacity::reserve(&mut self.bytes, elements.len());
        self.bytes.pop();
        self.bytes.extend_from_slice(elements);
        self.bytes.push(END);
        match (self.as_ref().known_len(), other.known_len()) {
            (Some(mine), Some(theirs)) => self.set_header(Some(mine + theirs)),
            (None, _) | (_, None) => self.set_header(None),
        }
    }

    /// Frees memory that no element needs.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// The offset of the byte behind all elements.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "a list pack has at least its header")]
    fn end(&self) -> usize {
        self.bytes.len() - 1
    }

    #[inline]
    fn insert_at(&mut self, at: usize, elements: &[Encoded<'_>]) {
        self.open(at, elements.iter().map(Encoded::len).sum());
        self.write(at, elements);
        self.finish(elements.len().cast_signed());
    }

    /// Makes room in front of the byte at the offset.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "sizes of memory that is there")]
    fn open(&mut self, at: usize, bytes: usize) {
        capacity::reserve(&mut self.bytes, bytes);
        let behind = self.bytes.len();
        self.bytes.resize(behind + bytes, END);
        self.bytes.copy_within(at..behind, at + bytes);
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "a position is in the list pack that it is of")]
    fn write(&mut self, at: usize, elements: &[Encoded<'_>]) {
        let mut room = &mut self.bytes[at..];
        for element in elements {
            room = element.write_to(room);
        }
    }

    /// The offset behind `count` elements from the offset on, and how many there were.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "counts elements, which are at least a byte each"
    )]
    fn skip(&self, at: usize, count: usize) -> (usize, usize) {
        let whole = self.as_ref();
        let end = self.end();
        let (mut behind, mut skipped) = (at, 0);
        while skipped < count && behind < end {
            behind = whole.behind(behind);
            skipped += 1;
        }
        (behind, skipped)
    }

    /// Writes the header after elements came or went.
    #[inline]
    fn finish(&mut self, difference: isize) {
        let count = self.as_ref().known_len().map(|count| count.wrapping_add_signed(difference));
        // A count that was unknown is found out again when an element has gone: the elements may have become few.
        let count = match count {
            None if difference < 0 => Some(self.as_ref().count_all()),
            Some(_) | None => count,
        };
        self.set_header(count);
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "a list pack has at least its header")]
    fn set_header(&mut self, count: Option<usize>) {
        let total = u32::try_from(self.bytes.len()).ok().filter(|total| *total <= MOST_BYTES_U32);
        assert!(total.is_some(), "a list pack grew beyond its bound");
        let count = count.and_then(|count| u16::try_from(count).ok()).unwrap_or(UNKNOWN_COUNT);
        self.bytes[..4].copy_from_slice(&total.unwrap_or(0).to_le_bytes());
        self.bytes[4..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
    }
}

impl Default for ListPack {
    fn default() -> ListPack {
        ListPack::new()
    }
}

impl<'e> FromIterator<&'e [u8]> for ListPack {
    fn from_iter<I: IntoIterator<Item = &'e [u8]>>(elements: I) -> ListPack {
        let mut pack = ListPack::new();
        pack.extend(elements);
        pack
    }
}

/// A list pack without elements.
const EMPTY: [u8; ListPack::EMPTY_BYTES] = [7, 0, 0, 0, 0, 0, END];

#[expect(clippy::cast_possible_truncation, reason = "2^30 is in 32 bits")]
const MOST_BYTES_U32: u32 = ListPack::MOST_BYTES as u32;

#[cfg(test)]
mod tests;
