//! Whether bytes from outside are a list pack: every length is compared with what is there, and nothing is believed.

use super::ListPack;
use super::encoding::{
    END, HEADER_BYTES, INTEGER_16, INTEGER_24, INTEGER_32, INTEGER_64, STRING_32, UNKNOWN_COUNT,
    back_length,
};

/// What is wrong with bytes that should have been a list pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// Too few bytes for a list pack, or more than it may have.
    #[error("a list pack has {0} bytes")]
    Size(usize),
    /// The header says another size.
    #[error("a list pack of {actual} bytes says that it has {said}")]
    TotalBytes {
        /// What the header says.
        said: u32,
        /// What there is.
        actual: usize,
    },
    /// The header says another number of elements.
    #[error("a list pack of {actual} elements says that it has {said}")]
    Count {
        /// What the header says.
        said: u16,
        /// What there is.
        actual: usize,
    },
    /// An element is of no known kind or does not fit in.
    #[error("a list pack's element at byte {0} is malformed or cut")]
    Element(usize),
    /// The length behind an element is not the element's.
    #[error("a list pack's element at byte {0} is not followed by its length")]
    BackLength(usize),
    /// The end is not where it should be.
    #[error("a list pack has no end")]
    End,
}

/// Looks at all bytes. Gives the number of elements.
pub(super) fn check(bytes: &[u8]) -> Result<u32, Corrupt> {
    let [t0, t1, t2, t3, c0, c1, elements @ .., END] = bytes else {
        return Err(if bytes.len() < ListPack::EMPTY_BYTES {
            Corrupt::Size(bytes.len())
        } else {
            Corrupt::End
        });
    };
    if ListPack::MOST_BYTES < bytes.len() {
        return Err(Corrupt::Size(bytes.len()));
    }
    let said = u32::from_le_bytes([*t0, *t1, *t2, *t3]);
    if usize::try_from(said) != Ok(bytes.len()) {
        return Err(Corrupt::TotalBytes { said, actual: bytes.len() });
    }
    let actual = count(elements)?;
    let said = u16::from_le_bytes([*c0, *c1]);
    if said != UNKNOWN_COUNT && usize::from(said) != actual {
        return Err(Corrupt::Count { said, actual });
    }
    u32::try_from(actual).map_err(|_| Corrupt::Size(bytes.len()))
}

fn count(elements: &[u8]) -> Result<usize, Corrupt> {
    let mut rest = elements;
    let mut count = 0_usize;
    while !rest.is_empty() {
        let at = HEADER_BYTES.saturating_add(elements.len().saturating_sub(rest.len()));
        let length = length(rest).ok_or(Corrupt::Element(at))?;
        let behind = rest.get(length..).ok_or(Corrupt::Element(at))?;
        let (back, back_len) = back_length(length);
        let back = back.get(..usize::from(back_len)).ok_or(Corrupt::BackLength(at))?;
        rest = behind.strip_prefix(back).ok_or(Corrupt::BackLength(at))?;
        count = count.saturating_add(1);
    }
    Ok(count)
}

/// The length of head and data as the head says it, if it is a head.
fn length(bytes: &[u8]) -> Option<usize> {
    match *bytes {
        [0..0x80, ..] => Some(1),
        [first @ 0x80..0xc0, ..] => usize::from(first & 0x3f).checked_add(1),
        [0xc0..0xe0, ..] => Some(2),
        [first @ 0xe0..=0xef, low, ..] => {
            usize::from(u16::from_be_bytes([first & 0x0f, low])).checked_add(2)
        }
        [STRING_32, b0, b1, b2, b3, ..] => {
            usize::try_from(u32::from_le_bytes([b0, b1, b2, b3])).ok()?.checked_add(5)
        }
        [INTEGER_16, ..] => Some(3),
        [INTEGER_24, ..] => Some(4),
        [INTEGER_32, ..] => Some(5),
        [INTEGER_64, ..] => Some(9),
        _ => None,
    }
}
