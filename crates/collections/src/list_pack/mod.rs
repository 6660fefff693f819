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
//!
//! Memory that is not used may lie at both ends (`room`), so that a large list pack changes at its front as fast as at its end:
//!
//! ```text
//!  bytes:  | front: unused | header | elements | end | capacity not used |
//! ```

mod capacity;
mod element;
mod encoding;
mod reference;
mod room;
mod validate;

use std::fmt;

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
#[derive(Clone)]
pub struct ListPack {
    bytes: Vec<u8>,
    /// How many of the bytes lie unused before the header.
    front: u32,
    /// The number of elements, whether the header can say it or not.
    count: u32,
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
        ListPack { bytes: pack, front: 0, count: 0 }
    }

    /// Takes bytes from outside over, after a look at every one of them.
    pub fn from_bytes_checked(bytes: Vec<u8>) -> Result<ListPack, Corrupt> {
        let count = validate::check(&bytes)?;
        Ok(ListPack { bytes, front: 0, count })
    }

    /// Takes bytes over that [`as_bytes`](ListPack::as_bytes) gave at some time.
    #[expect(clippy::cast_possible_truncation, reason = "a list pack is below `MOST_BYTES`")]
    pub fn from_trusted(bytes: Vec<u8>) -> ListPack {
        debug_assert!(validate::check(&bytes).is_ok());
        let count = ListPackRef::from_trusted(&bytes).len() as u32;
        ListPack { bytes, front: 0, count }
    }

    /// The whole, as files and replicas get it.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "the front is not more than there is")]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.front as usize..]
    }

    /// The whole, as files and replicas get it.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.close_front();
        self.bytes
    }

    /// For readers.
    #[inline]
    pub fn as_ref(&self) -> ListPackRef<'_> {
        ListPackRef::from_trusted(self.as_bytes())
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The size of the whole with its header.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "the front is not more than there is")]
    pub fn total_bytes(&self) -> usize {
        self.bytes.len() - self.front as usize
    }

    /// The memory allocated.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether elements of this many bytes in all, as strings, may be added.
    #[inline]
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.total_bytes().saturating_add(bytes) <= Self::MOST_BYTES
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
        self.reserve_back(element.len());
        self.bytes.pop();
        element.append_to(&mut self.bytes);
        self.bytes.push(END);
        self.finish(1);
    }

    /// Adds elements at the end, all at once.
    #[inline]
    pub fn extend_encoded<'e>(&mut self, elements: impl IntoIterator<Item = Encoded<'e>>) {
        let mut added = 0_isize;
        self.bytes.pop();
        for element in elements {
            self.reserve_back(element.len().saturating_add(1));
            element.append_to(&mut self.bytes);
            added = added.saturating_add(1);
        }
        self.bytes.push(END);
        self.finish(added);
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
            self.close(at + wanted, behind);
        }
        self.write(at, elements);
        self.finish(elements.len().cast_signed() - removed.cast_signed());
        self.shrink();
    }

    /// Takes elements out: `count` of them from the position on, or those that are left there. Gives what is at the position
    /// then.
    #[expect(clippy::arithmetic_side_effects, reason = "numbers of things in memory")]
    pub fn remove(&mut self, position: Position, count: usize) -> Option<Position> {
        let at = position.offset();
        let (behind, removed) = self.skip(at, count);
        self.close(at, behind);
        self.finish(-removed.cast_signed());
        self.shrink();
        (at < self.end()).then_some(position)
    }

    /// Takes all elements out from the position on, and returns them as a list pack of their own.
    #[must_use = "the elements are gone otherwise; `remove` drops them"]
    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "the position is in the list pack; a part has fewer elements than the whole"
    )]
    pub fn split_off(&mut self, position: Position) -> ListPack {
        let at = position.offset();
        let moved = &self.as_bytes()[at..self.end()];
        let mut back = ListPack::with_capacity(moved.len());
        back.append_bytes(moved);
        self.bytes.truncate(self.front as usize + at);
        self.bytes.push(END);
        let whole = self.len();
        let front = self.as_ref().count_all();
        self.count = front as u32;
        back.count = (whole - front) as u32;
        self.set_header();
        back.set_header();
        self.shrink();
        back
    }

    /// Adds all elements of the other at the end.
    pub fn append(&mut self, other: &ListPack) {
        let elements = other.as_ref().element_bytes();
        self.reserve_back(elements.len());
        self.append_bytes(elements);
        self.finish(other.len().cast_signed());
    }

    /// Adds the bytes of elements at the end; the header is still to be written.
    fn append_bytes(&mut self, elements: &[u8]) {
        self.bytes.pop();
        self.bytes.extend_from_slice(elements);
        self.bytes.push(END);
    }

    /// The offset of the byte behind all elements.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "a list pack has at least its header")]
    fn end(&self) -> usize {
        self.total_bytes() - 1
    }

    #[inline]
    fn insert_at(&mut self, at: usize, elements: &[Encoded<'_>]) {
        self.open(at, elements.iter().map(Encoded::len).sum());
        self.write(at, elements);
        self.finish(elements.len().cast_signed());
    }

    #[inline]
    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "a position is in the list pack that it is of"
    )]
    fn write(&mut self, at: usize, elements: &[Encoded<'_>]) {
        let mut room = &mut self.bytes[self.front as usize + at..];
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
        if self.len() <= count && at == HEADER_BYTES {
            return (end, self.len());
        }
        let (mut behind, mut skipped) = (at, 0);
        while skipped < count && behind < end {
            behind = whole.behind(behind);
            skipped += 1;
        }
        (behind, skipped)
    }

    /// Writes the header after elements came or went.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "elements are fewer than `MOST_BYTES`")]
    fn finish(&mut self, difference: isize) {
        self.count = self.len().wrapping_add_signed(difference) as u32;
        self.set_header();
    }

    #[inline]
    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "a list pack has at least its header, and the size is compared with its bound"
    )]
    fn set_header(&mut self) {
        let total = self.total_bytes();
        assert!(total <= Self::MOST_BYTES, "a list pack grew beyond its bound");
        let count = u16::try_from(self.count).unwrap_or(UNKNOWN_COUNT);
        let header = &mut self.bytes[self.front as usize..][..HEADER_BYTES];
        header[..4].copy_from_slice(&(total as u32).to_le_bytes());
        header[4..].copy_from_slice(&count.to_le_bytes());
    }
}

impl PartialEq for ListPack {
    fn eq(&self, other: &ListPack) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for ListPack {}

impl fmt::Debug for ListPack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.as_ref()).finish()
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

#[cfg(test)]
mod tests;
