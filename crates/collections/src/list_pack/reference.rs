//! Reading a list pack, wherever its bytes lie.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "what is read here was checked or written by this crate; a mistake ends in a panic, not in bad memory"
)]

use super::encoding::{self, HEADER_BYTES, UNKNOWN_COUNT};
use super::{Element, Position, integer_of};

/// A list pack that lies somewhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListPackRef<'a> {
    bytes: &'a [u8],
}

impl<'a> ListPackRef<'a> {
    /// Reads bytes that [`as_bytes`](ListPackRef::as_bytes) gave at some time.
    #[inline]
    pub fn from_trusted(bytes: &'a [u8]) -> ListPackRef<'a> {
        debug_assert!(HEADER_BYTES < bytes.len());
        ListPackRef { bytes }
    }

    /// The whole, as files and replicas get it.
    #[inline]
    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The number of elements. Counts them if there are 65535 or more.
    #[inline]
    pub fn len(self) -> usize {
        self.known_len().unwrap_or_else(|| self.count_all())
    }

    /// Whether there are no elements.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.end() == HEADER_BYTES
    }

    /// The size of the whole with its header.
    #[inline]
    pub fn total_bytes(self) -> usize {
        self.bytes.len()
    }

    /// The first element.
    #[inline]
    pub fn first(self) -> Option<Position> {
        (!self.is_empty()).then_some(Position::new(HEADER_BYTES))
    }

    /// The last element.
    #[inline]
    pub fn last(self) -> Option<Position> {
        self.before(self.end()).map(Position::new)
    }

    /// The element behind.
    #[inline]
    pub fn next(self, position: Position) -> Option<Position> {
        let behind = self.behind(position.offset());
        (behind < self.end()).then_some(Position::new(behind))
    }

    /// The element before.
    #[inline]
    pub fn previous(self, position: Position) -> Option<Position> {
        self.before(position.offset()).map(Position::new)
    }

    /// The element with this index; -1 is the last, -2 that before it. Walks from the end that is nearer.
    pub fn nth(self, index: i64) -> Option<Position> {
        let len = self.len();
        let steps = usize::try_from(index.unsigned_abs()).ok()?;
        let (forward, backward) = if index < 0 {
            (len.checked_sub(steps)?, steps - 1)
        } else {
            (steps, len.checked_sub(steps)?.checked_sub(1)?)
        };
        let mut offset;
        if forward <= backward {
            offset = HEADER_BYTES;
            for _ in 0..forward {
                offset = self.behind(offset);
            }
        } else {
            offset = self.end();
            for _ in 0..=backward {
                offset = self.before(offset)?;
            }
        }
        Some(Position::new(offset))
    }

    /// What is at the position.
    #[inline]
    pub fn element(self, position: Position) -> Element<'a> {
        encoding::decode(&self.bytes[position.offset()..]).0
    }

    /// All elements.
    #[inline]
    pub fn iter(self) -> Iter<'a> {
        Iter { whole: self, front: HEADER_BYTES, back: self.end() }
    }

    /// None of the elements.
    pub fn no_elements(self) -> Iter<'a> {
        Iter { whole: self, front: self.end(), back: self.end() }
    }

    /// The elements from the position on.
    #[inline]
    pub fn iter_from(self, position: Position) -> Iter<'a> {
        Iter { whole: self, front: position.offset(), back: self.end() }
    }

    /// The elements up to that at the position, to be walked backwards.
    #[inline]
    pub fn iter_to(self, position: Position) -> Iter<'a> {
        let offset = position.offset();
        Iter { whole: self, front: HEADER_BYTES, back: self.behind(offset) }
    }

    /// The first element that is this string, of those that remain when `skip` are left out behind each that is looked at.
    #[inline]
    pub fn find(self, string: &[u8], skip: usize) -> Option<Position> {
        self.find_from(self.first()?, string, skip)
    }

    /// Does what [`find`](ListPackRef::find) does, from the position on.
    pub fn find_from(self, from: Position, string: &[u8], skip: usize) -> Option<Position> {
        // Asked for only when there is an integer to compare with.
        let mut integer: Option<Option<i64>> = None;
        let end = self.end();
        let mut offset = from.offset();
        while offset < end {
            let (element, length) = encoding::decode(&self.bytes[offset..]);
            let is_equal = match element {
                Element::Bytes(bytes) => bytes == string,
                Element::Integer(value) => {
                    *integer.get_or_insert_with(|| integer_of(string)) == Some(value)
                }
            };
            if is_equal {
                return Some(Position::new(offset));
            }
            offset += length + encoding::back_length_len(length);
            for _ in 0..skip {
                if end <= offset {
                    return None;
                }
                offset = self.behind(offset);
            }
        }
        None
    }

    /// The count that the header says, if it does.
    #[inline]
    pub(super) fn known_len(self) -> Option<usize> {
        let count = u16::from_le_bytes([self.bytes[4], self.bytes[5]]);
        (count != UNKNOWN_COUNT).then_some(usize::from(count))
    }

    pub(super) fn count_all(self) -> usize {
        let (mut offset, mut count) = (HEADER_BYTES, 0);
        while offset < self.end() {
            offset = self.behind(offset);
            count += 1;
        }
        count
    }

    /// All elements as they lie in memory.
    pub(super) fn element_bytes(self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..self.end()]
    }

    /// The offset of the byte behind all elements.
    #[inline]
    fn end(self) -> usize {
        self.bytes.len() - 1
    }

    /// The offset behind the element at the offset.
    #[inline]
    pub(super) fn behind(self, offset: usize) -> usize {
        let length = encoding::encoded_len(&self.bytes[offset..]);
        offset + length + encoding::back_length_len(length)
    }

    /// The offset of the element before the offset, if there is one.
    #[inline]
    fn before(self, offset: usize) -> Option<usize> {
        (HEADER_BYTES < offset).then(|| offset - encoding::len_of_last(&self.bytes[..offset]))
    }
}

impl<'a> IntoIterator for ListPackRef<'a> {
    type Item = Element<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Elements of a list pack, in order.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    whole: ListPackRef<'a>,
    /// The offset of the next element from the front.
    front: usize,
    /// The offset behind the next one from the back.
    back: usize,
}

impl Iter<'_> {
    /// Where the element lies that comes next from the front.
    #[inline]
    pub fn position(&self) -> Option<Position> {
        (self.front < self.back).then_some(Position::new(self.front))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        if self.back <= self.front {
            return None;
        }
        let (element, length) = encoding::decode(&self.whole.bytes[self.front..]);
        self.front += length + encoding::back_length_len(length);
        Some(element)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.back <= self.front {
            return None;
        }
        self.back = self.whole.before(self.back)?;
        Some(encoding::decode(&self.whole.bytes[self.back..]).0)
    }
}

impl std::iter::FusedIterator for Iter<'_> {}
