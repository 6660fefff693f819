//! How one element lies in memory.
//!
//! | first byte  | what it is                                     | head   |
//! |-------------|------------------------------------------------|--------|
//! | `0vvvvvvv`  | an integer from 0 to 127                       | 1 byte |
//! | `10llllll`  | a string of less than 64 bytes                 | 1      |
//! | `110vvvvv`  | an integer of 13 bits, its high ones here      | 2      |
//! | `1110llll`  | a string of less than 4096 bytes, alike        | 2      |
//! | `11110000`  | a string whose length is the `u32` behind (LE) | 5      |
//! | `11110001`  | an integer of 16 bits behind (LE)              | 3      |
//! | `11110010`  | ... of 24 bits                                 | 4      |
//! | `11110011`  | ... of 32 bits                                 | 5      |
//! | `11110100`  | ... of 64 bits                                 | 9      |
//! | `11111111`  | no element: the end of the list pack           | 1      |
//!
//! Behind head and data follows how long both are, in groups of 7 bits, the lowest in the last byte. All but the first byte of these
//! have their high bit set, which says to a reader that comes from the end that there is another one to the left.
//! The bounds of its own length are Redis's, where the largest number of two to four groups takes a group more.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "what is read here was checked or written by this module; a mistake ends in a panic, not in bad memory"
)]

use super::{Element, integer_of};

/// Total bytes and count.
pub(super) const HEADER_BYTES: usize = 6;
/// The last byte of a list pack.
pub(super) const END: u8 = 0xff;
/// The count in the header if it does not say how many elements there are.
pub(super) const UNKNOWN_COUNT: u16 = u16::MAX;

pub(super) const STRING_32: u8 = 0xf0;
pub(super) const INTEGER_16: u8 = 0xf1;
pub(super) const INTEGER_24: u8 = 0xf2;
pub(super) const INTEGER_32: u8 = 0xf3;
pub(super) const INTEGER_64: u8 = 0xf4;

/// An element in the form that it has in memory, ready to be copied to its place.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    head: [u8; 9],
    head_len: u8,
    back_len: u8,
    back: [u8; 5],
    data: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// A string, as an integer if it is one.
    #[inline]
    pub fn of(string: &'a [u8]) -> Encoded<'a> {
        match integer_of(string) {
            Some(integer) => Encoded::of_integer(integer),
            None => Encoded::of_string(string),
        }
    }

    /// An element of a list pack.
    #[inline]
    pub fn of_element(element: Element<'a>) -> Encoded<'a> {
        match element {
            Element::Bytes(string) => Encoded::of_string(string),
            Element::Integer(integer) => Encoded::of_integer(integer),
        }
    }

    /// An integer.
    #[inline]
    pub fn of_integer(integer: i64) -> Encoded<'a> {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = integer.to_le_bytes();
        let (head, head_len) = match integer {
            0..=127 => ([b0, 0, 0, 0, 0, 0, 0, 0, 0], 1),
            -4096..=4095 => ([0xc0 | b1 & 0x1f, b0, 0, 0, 0, 0, 0, 0, 0], 2),
            -0x8000..=0x7fff => ([INTEGER_16, b0, b1, 0, 0, 0, 0, 0, 0], 3),
            -0x80_0000..=0x7f_ffff => ([INTEGER_24, b0, b1, b2, 0, 0, 0, 0, 0], 4),
            -0x8000_0000..=0x7fff_ffff => ([INTEGER_32, b0, b1, b2, b3, 0, 0, 0, 0], 5),
            _ => ([INTEGER_64, b0, b1, b2, b3, b4, b5, b6, b7], 9),
        };
        Encoded { head, head_len, back_len: 1, back: [head_len, 0, 0, 0, 0], data: &[] }
    }

    #[inline]
    fn of_string(data: &'a [u8]) -> Encoded<'a> {
        let [b0, b1, b2, b3, ..] = data.len().to_le_bytes();
        let (head, head_len) = match data.len() {
            0..64 => ([0x80 | b0, 0, 0, 0, 0, 0, 0, 0, 0], 1),
            64..4096 => ([0xe0 | b1, b0, 0, 0, 0, 0, 0, 0, 0], 2),
            _ => ([STRING_32, b0, b1, b2, b3, 0, 0, 0, 0], 5),
        };
        let (back, back_len) = back_length(data.len() + usize::from(head_len));
        Encoded { head, head_len, back_len, back, data }
    }

    /// The size of the whole in memory.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        usize::from(self.head_len) + self.data.len() + usize::from(self.back_len)
    }

    /// Adds it at the end, where there should be capacity.
    #[inline]
    pub(super) fn append_to(&self, bytes: &mut Vec<u8>) {
        if self.head_len == 1 {
            bytes.push(self.head[0]);
        } else {
            bytes.extend_from_slice(&self.head[..usize::from(self.head_len)]);
        }
        bytes.extend_from_slice(self.data);
        if self.back_len == 1 {
            bytes.push(self.back[0]);
        } else {
            bytes.extend_from_slice(&self.back[..usize::from(self.back_len)]);
        }
    }

    /// Writes it, and gives what is behind it.
    #[inline]
    pub(super) fn write_to<'r>(&self, room: &'r mut [u8]) -> &'r mut [u8] {
        let (head, room) = room.split_at_mut(usize::from(self.head_len));
        write_few(head, &self.head);
        let (data, room) = room.split_at_mut(self.data.len());
        data.copy_from_slice(self.data);
        let (back, room) = room.split_at_mut(usize::from(self.back_len));
        write_few(back, &self.back);
        room
    }
}

/// Writes as many bytes as there is room for: nearly always one.
#[inline]
fn write_few(room: &mut [u8], bytes: &[u8]) {
    match room {
        [byte] => *byte = bytes[0],
        room => room.copy_from_slice(&bytes[..room.len()]),
    }
}

/// The element that the bytes start with, and the length of its head and data.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> (Element<'_>, usize) {
    let first = bytes[0];
    match first {
        0..0x80 => (Element::Integer(i64::from(first)), 1),
        0x80..0xc0 => {
            let behind = 1 + usize::from(first & 0x3f);
            (Element::Bytes(&bytes[1..behind]), behind)
        }
        0xc0..0xe0 => {
            // Shifted up and down again for the sign.
            let value = i16::from_be_bytes([first, bytes[1]]) << 3 >> 3;
            (Element::Integer(i64::from(value)), 2)
        }
        0xe0..0xf0 => {
            let behind = 2 + usize::from(u16::from_be_bytes([first & 0x0f, bytes[1]]));
            (Element::Bytes(&bytes[2..behind]), behind)
        }
        _ => decode_wide(bytes),
    }
}

fn decode_wide(bytes: &[u8]) -> (Element<'_>, usize) {
    match *bytes {
        [STRING_32, b0, b1, b2, b3, ..] => {
            let behind = 5 + u32::from_le_bytes([b0, b1, b2, b3]) as usize;
            (Element::Bytes(&bytes[5..behind]), behind)
        }
        [INTEGER_16, b0, b1, ..] => (integer_element(i16::from_le_bytes([b0, b1])), 3),
        [INTEGER_24, b0, b1, b2, ..] => {
            (integer_element(i32::from_le_bytes([0, b0, b1, b2]) >> 8), 4)
        }
        [INTEGER_32, b0, b1, b2, b3, ..] => {
            (integer_element(i32::from_le_bytes([b0, b1, b2, b3])), 5)
        }
        [INTEGER_64, b0, b1, b2, b3, b4, b5, b6, b7, ..] => {
            (Element::Integer(i64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7])), 9)
        }
        _ => malformed(),
    }
}

#[inline]
fn integer_element<'a>(value: impl Into<i64>) -> Element<'a> {
    Element::Integer(value.into())
}

/// The length of head and data of the element that the bytes start with.
#[inline]
pub(super) fn encoded_len(bytes: &[u8]) -> usize {
    let first = bytes[0];
    match first {
        0..0x80 => 1,
        0x80..0xc0 => 1 + usize::from(first & 0x3f),
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 2 + usize::from(u16::from_be_bytes([first & 0x0f, bytes[1]])),
        INTEGER_16 => 3,
        INTEGER_24 => 4,
        INTEGER_32 => 5,
        INTEGER_64 => 9,
        STRING_32 => 5 + u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize,
        _ => malformed(),
    }
}

/// The bytes that say how long head and data of an element are, and their number.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "groups of seven bits")]
pub(super) fn back_length(length: usize) -> ([u8; 5], u8) {
    let group = |shift: u32| (length >> shift) as u8 & 0x7f;
    let more = |shift: u32| group(shift) | 0x80;
    match back_length_len(length) {
        1 => ([group(0), 0, 0, 0, 0], 1),
        2 => ([group(7), more(0), 0, 0, 0], 2),
        3 => ([group(14), more(7), more(0), 0, 0], 3),
        4 => ([group(21), more(14), more(7), more(0), 0], 4),
        _ => ([group(28), more(21), more(14), more(7), more(0)], 5),
    }
}

/// The number of bytes that say how long head and data of an element are.
#[inline]
pub(super) const fn back_length_len(length: usize) -> usize {
    match length {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// The size in memory of the element that ends where the bytes end.
#[inline]
pub(super) fn len_of_last(bytes: &[u8]) -> usize {
    let last = bytes[bytes.len() - 1];
    if last < 0x80 {
        return usize::from(last) + 1;
    }
    let mut length = 0;
    for (group, byte) in bytes.iter().rev().take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * group);
        if *byte < 0x80 {
            return length + group + 1;
        }
    }
    malformed()
}

#[cold]
#[expect(clippy::panic, reason = "bytes that were claimed to be a list pack and are not")]
fn malformed() -> ! {
    panic!("malformed list pack")
}
