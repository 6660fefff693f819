//! Reading a set of integers, wherever its bytes lie.

/// A set of integers that lies somewhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntSetRef<'a> {
    bytes: &'a [u8],
}

/// How many bytes each integer takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Width {
    Two,
    Four,
    Eight,
}

/// The integers, by their width.
#[derive(Clone, Copy)]
enum Values<'a> {
    Two(&'a [[u8; 2]]),
    Four(&'a [[u8; 4]]),
    Eight(&'a [[u8; 8]]),
}

impl<'a> IntSetRef<'a> {
    /// Reads bytes that [`as_bytes`](IntSetRef::as_bytes) gave at some time.
    #[inline]
    pub fn from_trusted(bytes: &'a [u8]) -> IntSetRef<'a> {
        debug_assert!(HEADER_BYTES <= bytes.len());
        IntSetRef { bytes }
    }

    /// The whole, as files and replicas get it.
    #[inline]
    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// How many integers there are.
    #[inline]
    pub fn len(self) -> usize {
        match self.values() {
            Values::Two(values) => values.len(),
            Values::Four(values) => values.len(),
            Values::Eight(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.bytes.len() <= HEADER_BYTES
    }

    /// The integer with this index, in ascending order.
    #[inline]
    pub fn nth(self, index: usize) -> Option<i64> {
        match self.values() {
            Values::Two(values) => values.get(index).map(|bytes| two(*bytes)),
            Values::Four(values) => values.get(index).map(|bytes| four(*bytes)),
            Values::Eight(values) => values.get(index).map(|bytes| i64::from_le_bytes(*bytes)),
        }
    }

    /// The least.
    pub fn first(self) -> Option<i64> {
        self.nth(0)
    }

    /// The greatest.
    pub fn last(self) -> Option<i64> {
        self.nth(self.len().checked_sub(1)?)
    }

    /// Whether this integer is among them.
    #[inline]
    pub fn contains(self, value: i64) -> bool {
        self.search(value).is_ok()
    }

    /// All of them, in ascending order.
    #[inline]
    pub fn iter(self) -> Iter<'a> {
        Iter { set: self, front: 0, back: self.len() }
    }

    /// Where an integer is, or where it would be.
    #[inline]
    pub(super) fn search(self, value: i64) -> Result<usize, usize> {
        // Those that are filled in order are filled fast.
        if self.last().is_none_or(|last| last < value) {
            return Err(self.len());
        }
        match self.values() {
            Values::Two(values) => values.binary_search_by(|bytes| two(*bytes).cmp(&value)),
            Values::Four(values) => values.binary_search_by(|bytes| four(*bytes).cmp(&value)),
            Values::Eight(values) => {
                values.binary_search_by(|bytes| i64::from_le_bytes(*bytes).cmp(&value))
            }
        }
    }

    #[inline]
    pub(super) fn width(self) -> Width {
        // The lowest byte says it all.
        match self.bytes.first() {
            Some(8) => Width::Eight,
            Some(4) => Width::Four,
            Some(_) | None => Width::Two,
        }
    }

    #[inline]
    fn values(self) -> Values<'a> {
        let values = self.bytes.get(HEADER_BYTES..).unwrap_or_default();
        match self.width() {
            Width::Two => Values::Two(values.as_chunks().0),
            Width::Four => Values::Four(values.as_chunks().0),
            Width::Eight => Values::Eight(values.as_chunks().0),
        }
    }
}

impl<'a> IntoIterator for IntSetRef<'a> {
    type Item = i64;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Width {
    /// The least that an integer needs.
    #[inline]
    pub(super) fn of(value: i64) -> Width {
        if i16::try_from(value).is_ok() {
            Width::Two
        } else if i32::try_from(value).is_ok() {
            Width::Four
        } else {
            Width::Eight
        }
    }

    /// What stands for it in a header, which is its number of bytes.
    pub(super) fn code(self) -> u32 {
        match self {
            Width::Two => 2,
            Width::Four => 4,
            Width::Eight => 8,
        }
    }

    pub(super) fn of_code(code: u32) -> Option<Width> {
        [Width::Two, Width::Four, Width::Eight].into_iter().find(|width| width.code() == code)
    }

    #[inline]
    pub(super) fn bytes(self) -> usize {
        self.code() as usize
    }

    /// Writes an integer that has at most this width.
    pub(super) fn append(self, value: i64, bytes: &mut Vec<u8>) {
        bytes.extend(value.to_le_bytes().into_iter().take(self.bytes()));
    }
}

/// Integers in ascending order.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    set: IntSetRef<'a>,
    /// The index of the next from the front.
    front: usize,
    /// The index behind the next from the back.
    back: usize,
}

impl Iterator for Iter<'_> {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        if self.back <= self.front {
            return None;
        }
        let value = self.set.nth(self.front);
        self.front = self.front.saturating_add(1);
        value
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.back.saturating_sub(self.front);
        (left, Some(left))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<i64> {
        if self.back <= self.front {
            return None;
        }
        self.back = self.back.saturating_sub(1);
        self.set.nth(self.back)
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl std::iter::FusedIterator for Iter<'_> {}

#[inline]
fn two(bytes: [u8; 2]) -> i64 {
    i64::from(i16::from_le_bytes(bytes))
}

#[inline]
fn four(bytes: [u8; 4]) -> i64 {
    i64::from(i32::from_le_bytes(bytes))
}

/// Width and count.
pub(super) const HEADER_BYTES: usize = 8;
