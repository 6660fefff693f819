//! Runs of equal registers, for as long as most are zero.
//!
//! ```text
//! 00llllll            1 to 64 registers of 0        l is their number less 1
//! 01llllll llllllll   1 to 16,384 registers of 0    l likewise, the high bits first
//! 1vvvvvll            1 to 4 registers of 1 to 32   v is what is in them less 1
//! ```
//!
//! Which runs a value consists of depends on the order in which its registers were raised. To give the same bytes as Redis,
//! [`raise`] splits and merges exactly the runs that it would.

use super::estimate::Histogram;
use super::{Corrupt, HEADER, Place, REGISTERS, Registers};

/// The longest run of zeros in one byte.
const ZEROS: u16 = 64;
/// The longest run of other numbers.
const EQUALS: u16 = 4;
/// The largest number that a run may be of.
const MOST: u8 = 32;

/// Equal registers that follow one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// How many.
    pub length: u16,
    /// What is in them.
    pub count: u8,
    /// Whether it is written in the form for long runs of zeros, whatever its length.
    pub long: bool,
}

impl Run {
    /// The run at the beginning of some bytes.
    #[inline]
    fn read(bytes: &[u8]) -> Option<Result<Run, Corrupt>> {
        let (&first, rest) = bytes.split_first()?;
        let length = u16::from(first & 0x3f).wrapping_add(1);
        Some(Ok(match first >> 6 {
            0 => Run { length, count: 0, long: false },
            1 => match rest.first() {
                Some(&second) => {
                    let length = u16::from_be_bytes([first & 0x3f, second]).wrapping_add(1);
                    Run { length, count: 0, long: true }
                }
                None => return Some(Err(Corrupt)),
            },
            _ => {
                let count = (first >> 2 & 0x1f).wrapping_add(1);
                Run { length: u16::from(first & 3).wrapping_add(1), count, long: false }
            }
        }))
    }

    /// How many bytes it takes.
    #[inline]
    fn size(self) -> usize {
        if self.long { 2 } else { 1 }
    }
}

/// The runs of a value, in order; nothing follows one that is cut off.
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    bytes: &'a [u8],
}

impl<'a> Runs<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Runs<'a> {
        Runs { bytes }
    }
}

impl Iterator for Runs<'_> {
    type Item = Result<Run, Corrupt>;

    #[inline]
    fn next(&mut self) -> Option<Result<Run, Corrupt>> {
        let run = Run::read(self.bytes)?;
        let size = run.map_or(self.bytes.len(), Run::size);
        self.bytes = self.bytes.get(size..).unwrap_or_default();
        Some(run)
    }
}

/// The one run of a value without elements: as many zeros as there are registers.
pub(super) const EMPTY: [u8; 2] = [0x7f, 0xff];

/// How many registers have which number.
pub(super) fn histogram(bytes: &[u8]) -> Result<Histogram, Corrupt> {
    let mut histogram = Histogram::new();
    let mut total = 0_usize;
    for run in Runs::new(bytes) {
        let run = run?;
        histogram.note(run.count, run.length);
        total = total.saturating_add(usize::from(run.length));
    }
    if total == REGISTERS { Ok(histogram) } else { Err(Corrupt) }
}

/// Raises registers to these, where they are lower.
pub(super) fn merge_into(bytes: &[u8], registers: &mut Registers) -> Result<(), Corrupt> {
    let mut rest = registers.as_mut_slice();
    for run in Runs::new(bytes) {
        let run = run?;
        let (head, tail) = rest.split_at_mut_checked(usize::from(run.length)).ok_or(Corrupt)?;
        if 0 < run.count {
            for register in head {
                *register = (*register).max(run.count);
            }
        }
        rest = tail;
    }
    if rest.is_empty() { Ok(()) } else { Err(Corrupt) }
}

/// What an attempt to raise a register came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Raised {
    /// It was as high.
    Nothing,
    /// It was lower.
    One,
    /// Nothing was done: the number is too large for a run, or the runs would be too long.
    TooLong,
}

/// Raises a register of a value, with its header, that may have `limit_bytes` afterwards.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    place: Place,
    limit_bytes: usize,
) -> Result<Raised, Corrupt> {
    if MOST < place.count {
        return Ok(Raised::TooLong);
    }
    let Found { previous, at, first, run } = find(bytes, place.index)?;
    if place.count <= run.count {
        return Ok(Raised::Nothing);
    }
    let mut new = Written::default();
    let before = place.index.saturating_sub(first);
    let behind = run.length.saturating_sub(before).saturating_sub(1);
    new.push(before, run.count);
    new.push(1, place.count);
    new.push(behind, run.count);
    let new = new.as_bytes();
    let growth = new.len().saturating_sub(run.size());
    if 0 < growth && limit_bytes < bytes.len().saturating_add(growth) {
        return Ok(Raised::TooLong);
    }
    let end = at.saturating_add(run.size());
    match bytes.get_mut(at..end) {
        Some(old) if growth == 0 && old.len() == new.len() => old.copy_from_slice(new),
        Some(_) => drop(bytes.splice(at..end, new.iter().copied())),
        None => return Err(Corrupt),
    }
    merge_neighbours(bytes, previous);
    Ok(Raised::One)
}

/// Where a register is.
struct Found {
    /// Where the run before begins, or this one if it is the first.
    previous: usize,
    /// Where the run begins.
    at: usize,
    /// Its first register.
    first: u16,
    run: Run,
}

fn find(bytes: &[u8], index: u16) -> Result<Found, Corrupt> {
    let (mut previous, mut at, mut first) = (HEADER, HEADER, 0_u16);
    let runs = Runs::new(bytes.get(HEADER..).unwrap_or_default());
    for run in runs {
        let run = run?;
        let next = first.saturating_add(run.length);
        if index < next {
            return Ok(Found { previous, at, first, run });
        }
        (previous, at, first) = (at, at.saturating_add(run.size()), next);
    }
    Err(Corrupt)
}

/// Merges runs of the same number, from `at` on, as far as what was split can reach.
fn merge_neighbours(bytes: &mut Vec<u8>, mut at: usize) {
    /// The run before, three that one was split into, and the one behind.
    const REACH: usize = 5;
    for _ in 0..REACH {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(Ok(run)) = Run::read(rest) else { return };
        if 0 < run.count
            && let Some(Ok(next)) = Run::read(rest.get(1..).unwrap_or_default())
            && next.count == run.count
        {
            let length = run.length.saturating_add(next.length);
            if length <= EQUALS
                && let Some(byte) = bytes.get_mut(at)
            {
                *byte = equal(length, run.count);
                bytes.remove(at.saturating_add(1));
                // What it has become may be merged with the one behind.
                continue;
            }
        }
        at = at.saturating_add(run.size());
    }
}

/// Runs as bytes: those that one is split into.
#[derive(Default)]
struct Written {
    /// Two runs of zeros and one number between them.
    bytes: [u8; 5],
    length: usize,
}

impl Written {
    fn push(&mut self, length: u16, count: u8) {
        if length == 0 {
            return;
        }
        let [high, low] = length.wrapping_sub(1).to_be_bytes();
        if 0 < count {
            self.push_byte(equal(length, count));
        } else if length <= ZEROS {
            self.push_byte(low);
        } else {
            self.push_byte(0x40 | high);
            self.push_byte(low);
        }
    }

    fn push_byte(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length = self.length.saturating_add(1);
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// A run of one to four registers of 1 to 32.
fn equal(length: u16, count: u8) -> u8 {
    let [low, _] = length.wrapping_sub(1).to_le_bytes();
    0x80 | count.wrapping_sub(1).wrapping_shl(2) | low
}
