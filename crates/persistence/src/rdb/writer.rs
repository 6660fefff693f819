//! Writing the pieces that RDB is made of, into memory.
//!
//! A string takes one of these forms, marked by the two highest bits of its first byte:
//!
//! | mark      | form                                                       |
//! |-----------|------------------------------------------------------------|
//! | 0, 1, 2   | a length and the bytes                                     |
//! | 3, then 0 | the decimal form of an integer of one byte, which follows  |
//! | 3, then 1 | the same of two bytes, little-endian                       |
//! | 3, then 2 | the same of four bytes, little-endian                      |
//! | 3, then 3 | compressed: both lengths, then the bytes as LZF packs them |
//!
//! To compress takes longer than all the rest, and whoever has locks to give back can leave it to another ([`Writer::deferring`]): then strings
//! that are worth it are kept as they are, and where they lie is noted.

use std::ops::Range;

/// Bytes that are written at the end.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    compress: Compress,
    /// Strings without a head, which are still to be compressed: where they lie, in order.
    deferred: Vec<Range<usize>>,
}

/// When long strings are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Compress {
    #[default]
    Never,
    Now,
    /// By [`Writer::complete`].
    Later,
}

impl Writer {
    /// Writes behind `bytes`; `compress` says whether long strings are.
    pub fn new(bytes: Vec<u8>, compress: bool) -> Writer {
        let compress = if compress { Compress::Now } else { Compress::Never };
        Writer { bytes, compress, deferred: Vec::new() }
    }

    /// Writes behind `bytes`, and leaves it to [`complete`](Writer::complete) to compress long strings, if they are to be.
    pub fn deferring(bytes: Vec<u8>, compress: bool) -> Writer {
        let compress = if compress { Compress::Later } else { Compress::Never };
        Writer { bytes, compress, deferred: Vec::new() }
    }

    /// Whether it has no memory yet.
    pub fn is_unused(&self) -> bool {
        self.bytes.capacity() == 0
    }

    /// Bytes that what was written takes.
    pub fn memory(&self) -> usize {
        let notes = self.deferred.len().saturating_mul(size_of::<Range<usize>>());
        self.bytes.len().saturating_add(notes)
    }

    /// Appends what another one has written, which defers as this one does.
    pub fn append(&mut self, other: &Writer) {
        let shift = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.deferred.extend(
            other
                .deferred
                .iter()
                .map(|string| string.start.saturating_add(shift)..string.end.saturating_add(shift)),
        );
    }

    /// Gives all that was written from `start` on, in order and in parts of about `piece` bytes, and what was deferred compressed;
    /// up to `end`, which must not lie within a string.
    pub fn complete<E>(
        &self,
        (start, end): (usize, usize),
        piece: usize,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let within = |range: Range<usize>| self.bytes.get(range).unwrap_or_default();
        let first = self.deferred.partition_point(|string| string.start < start);
        let deferred = self.deferred.get(first..).unwrap_or_default();
        let mut whole = Writer::new(Vec::new(), true);
        let mut from = start;
        for string in deferred.iter().take_while(|string| string.start < end) {
            if whole.bytes.capacity() == 0 {
                whole.bytes.reserve(piece.saturating_mul(2));
            }
            whole.raw(within(from..string.start));
            whole.string(within(string.clone()));
            from = string.end;
            if piece <= whole.bytes.len() {
                take(&whole.bytes)?;
                whole.clear();
            }
        }
        if !whole.bytes.is_empty() {
            take(&whole.bytes)?;
        }
        if from < end { take(within(from..end)) } else { Ok(()) }
    }

    /// What was written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Forgets what was written, but not its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.deferred.clear();
    }

    /// Writes bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes a byte.
    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Writes a number of bytes or elements.
    pub fn length(&mut self, length: u64) {
        /// Below this, one byte does.
        const ONE: u64 = 1 << 6;
        /// Below this, two do.
        const TWO: u64 = 1 << 14;
        if length < ONE {
            self.raw(&length.to_le_bytes()[..1]);
        } else if length < TWO {
            let marked = u16::try_from(length).unwrap_or(u16::MAX) | 1 << 14;
            self.raw(&marked.to_be_bytes());
        } else if let Ok(length) = u32::try_from(length) {
            self.byte(0x80);
            self.raw(&length.to_be_bytes());
        } else {
            self.byte(0x81);
            self.raw(&length.to_be_bytes());
        }
    }

    /// Writes a string.
    pub fn string(&mut self, string: &[u8]) {
        /// The longest decimal form of an integer of four bytes.
        const INTEGER: usize = 11;
        /// What is shorter is not worth compressing.
        const SHORT: usize = 20;
        if string.len() <= INTEGER
            && let Some(number) = canonical_integer(string)
        {
            self.small_integer(number);
            return;
        }
        if SHORT < string.len() {
            match self.compress {
                Compress::Never => {}
                Compress::Later => {
                    let start = self.bytes.len();
                    self.raw(string);
                    self.deferred.push(start..self.bytes.len());
                    return;
                }
                // Not worth it unless it saves some bytes.
                Compress::Now => {
                    if let Some(packed) =
                        collections::lzf::compress(string, string.len().saturating_sub(4))
                    {
                        self.byte(0xc3);
                        self.length(packed.len() as u64);
                        self.length(string.len() as u64);
                        self.raw(&packed);
                        return;
                    }
                }
            }
        }
        self.length(string.len() as u64);
        self.raw(string);
    }

    /// Writes the decimal form of an integer as a string.
    pub fn integer(&mut self, number: i64) {
        if let Ok(number) = i32::try_from(number) {
            self.small_integer(number);
        } else {
            let mut decimal = itoa::Buffer::new();
            let text = decimal.format(number).as_bytes();
            self.length(text.len() as u64);
            self.raw(text);
        }
    }

    fn small_integer(&mut self, number: i32) {
        if let Ok(number) = i8::try_from(number) {
            self.byte(0xc0);
            self.raw(&number.to_le_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.byte(0xc1);
            self.raw(&number.to_le_bytes());
        } else {
            self.byte(0xc2);
            self.raw(&number.to_le_bytes());
        }
    }

    /// Writes a double of eight bytes.
    pub fn double(&mut self, number: f64) {
        self.raw(&number.to_le_bytes());
    }

    /// Writes a time: unix time in ms.
    pub fn milliseconds(&mut self, time: i64) {
        self.raw(&time.to_le_bytes());
    }
}

/// The number whose decimal form a string is, if it would be written the same way and four bytes hold it.
fn canonical_integer(string: &[u8]) -> Option<i32> {
    let number: i32 = str::from_utf8(string).ok()?.parse().ok()?;
    (itoa::Buffer::new().format(number).as_bytes() == string).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn strings() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let repeated = (any::<u8>(), 0..200_usize).prop_map(|(byte, count)| vec![byte; count]);
        let any = prop::collection::vec(any::<u8>(), 0..60);
        prop::collection::vec(prop_oneof![repeated, any], 0..30)
    }

    fn write(writer: &mut Writer, strings: &[Vec<u8>]) {
        for string in strings {
            writer.byte(7);
            writer.string(string);
        }
    }

    proptest! {
        /// What is compressed later is what would have been written at once.
        #[test]
        fn what_is_deferred_is_completed(
            first in strings(), second in strings(), piece in 1..300_usize, compress: bool,
        ) {
            let mut expected = Writer::new(Vec::new(), compress);
            write(&mut expected, &first);
            write(&mut expected, &second);
            let mut deferring = Writer::deferring(Vec::new(), compress);
            write(&mut deferring, &first);
            let place = deferring.bytes().len();
            let mut other = Writer::deferring(Vec::new(), compress);
            write(&mut other, &second);
            deferring.append(&other);
            let mut completed = Vec::new();
            for part in [(0, place), (place, deferring.bytes().len())] {
                let complete: Result<(), ()> = deferring.complete(part, piece, |bytes| {
                    completed.extend_from_slice(bytes);
                    Ok(())
                });
                prop_assert_eq!(complete, Ok(()));
            }
            prop_assert_eq!(completed.as_slice(), expected.bytes());
            prop_assert!(deferring.bytes().len() <= deferring.memory());
        }
    }
}
