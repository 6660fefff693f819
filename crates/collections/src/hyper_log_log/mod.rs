//! `HyperLogLog`: how many different elements there were, within a percent, in at most 12 KiB.
//!
//! The values are strings of bytes that Redis reads and writes as well, so everything here is laid out, computed and rounded as
//! it does. An element's hash chooses one of 16,384 registers and a number; a register holds the largest number it has seen.
//!
//! ```text
//!  0    4          5        8                                16
//! +------+----------+--------+-------------------------------+------------------------------
//! | HYLL | encoding | zeros  | cached estimate, u64, little  | registers
//! +------+----------+--------+-------------------------------+------------------------------
//!          0: dense            highest bit: it is outdated
//!          1: sparse
//! ```
//!
//! [Dense](dense) registers take six bits each. While most are zero, runs of equal ones are noted instead: [sparse].
//!
//! The bytes may come from anybody. Each length is checked before it is used, and what does not make 16,384 registers is
//! [`Corrupt`].

pub mod dense;
mod estimate;
mod hashing;
pub mod sparse;

#[cfg(test)]
mod tests;

pub use estimate::Histogram;
pub use hashing::Place;

/// How many registers there are.
pub const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of a hash that choose the register.
const INDEX_BITS: u32 = 14;
/// Bytes before the registers.
const HEADER: usize = 16;
const MAGIC: &[u8; 4] = b"HYLL";
/// Where the encoding stands, and what it is.
const ENCODING: usize = 4;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// Where the cached estimate stands.
const CACHE: std::ops::Range<usize> = 8..16;
const OUTDATED: u64 = 1 << 63;

/// The bytes have the header of a `HyperLogLog`, but its registers are not what they should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the registers of a HyperLogLog are corrupt")]
pub struct Corrupt;

/// The bytes are no `HyperLogLog`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("these bytes are no HyperLogLog")]
pub struct Foreign;

/// How the registers are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// Six bits each.
    Dense,
    /// Runs of equal ones.
    Sparse,
}

/// The registers one by one, for what several values are merged in.
pub type Registers = [u8; REGISTERS];

/// A value that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct HyperLogLogRef<'a> {
    encoding: Encoding,
    cache: u64,
    registers: &'a [u8],
}

impl<'a> HyperLogLogRef<'a> {
    /// Looks at bytes that have the right header and, if dense, the right length.
    pub fn new(bytes: &'a [u8]) -> Result<HyperLogLogRef<'a>, Foreign> {
        let (header, registers) = bytes.split_first_chunk::<HEADER>().ok_or(Foreign)?;
        let encoding = match header.get(ENCODING) {
            Some(&DENSE) if registers.len() == dense::BYTES => Encoding::Dense,
            Some(&SPARSE) => Encoding::Sparse,
            Some(_) | None => return Err(Foreign),
        };
        let cache = header.get(CACHE).and_then(|bytes| bytes.first_chunk()).ok_or(Foreign)?;
        if !header.starts_with(MAGIC) {
            return Err(Foreign);
        }
        Ok(HyperLogLogRef { encoding, cache: u64::from_le_bytes(*cache), registers })
    }

    /// How the registers are kept.
    pub fn encoding(self) -> Encoding {
        self.encoding
    }

    /// The estimate, if it was noted after the last change.
    pub fn cached(self) -> Option<u64> {
        (self.cache & OUTDATED == 0).then_some(self.cache)
    }

    /// How many different elements there were.
    pub fn estimate(self) -> Result<u64, Corrupt> {
        let histogram = match self.encoding {
            Encoding::Dense => dense::histogram(self.registers),
            Encoding::Sparse => sparse::histogram(self.registers)?,
        };
        Ok(histogram.estimate())
    }

    /// Raises `registers` to those of this value, where they are lower. If it is corrupt some may have been.
    pub fn merge_into(self, registers: &mut Registers) -> Result<(), Corrupt> {
        match self.encoding {
            Encoding::Dense => {
                dense::merge_into(self.registers, registers);
                Ok(())
            }
            Encoding::Sparse => sparse::merge_into(self.registers, registers),
        }
    }

    /// The runs of a sparse value.
    pub fn runs(self) -> Option<sparse::Runs<'a>> {
        match self.encoding {
            Encoding::Dense => None,
            Encoding::Sparse => Some(sparse::Runs::new(self.registers)),
        }
    }

    /// Whether an element would change a dense value; of a sparse one it may.
    pub fn may_change(self, place: Place) -> bool {
        match self.encoding {
            Encoding::Dense => dense::register(self.registers, place.index) < place.count,
            Encoding::Sparse => true,
        }
    }
}

/// A value without elements.
pub fn empty() -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(SPARSE);
    bytes.resize(HEADER, 0);
    outdate(&mut bytes);
    bytes.extend_from_slice(&sparse::EMPTY);
    bytes
}

/// What an addition did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Added {
    /// Elements that changed a register.
    pub changes: u64,
    /// Whether it ended before the last element, since the registers are corrupt.
    pub corrupt: bool,
}

/// Adds elements to a value that may grow, and that becomes dense if as a sparse one it would have more than `limit_bytes`.
pub fn add(
    bytes: &mut Vec<u8>,
    places: impl IntoIterator<Item = Place>,
    limit_bytes: usize,
) -> Added {
    let mut added = Added::default();
    for place in places {
        let Ok(changed) = add_one(bytes, place, limit_bytes) else {
            added.corrupt = true;
            break;
        };
        added.changes = added.changes.saturating_add(u64::from(changed));
    }
    if 0 < added.changes {
        outdate(bytes);
    }
    added
}

fn add_one(bytes: &mut Vec<u8>, place: Place, limit_bytes: usize) -> Result<bool, Corrupt> {
    match HyperLogLogRef::new(bytes).map_err(|Foreign| Corrupt)?.encoding {
        Encoding::Dense => Ok(dense::raise(registers_mut(bytes), place)),
        Encoding::Sparse => match sparse::raise(bytes, place, limit_bytes)? {
            sparse::Raised::Nothing => Ok(false),
            sparse::Raised::One => Ok(true),
            sparse::Raised::TooLong => {
                make_dense(bytes)?;
                Ok(dense::raise(registers_mut(bytes), place))
            }
        },
    }
}

/// Adds elements to a dense value; gives how many changed a register.
pub fn add_dense(bytes: &mut [u8], places: impl IntoIterator<Item = Place>) -> u64 {
    let mut changes = 0_u64;
    for place in places {
        changes = changes.saturating_add(u64::from(dense::raise(registers_mut(bytes), place)));
    }
    if 0 < changes {
        outdate(bytes);
    }
    changes
}

/// Raises the registers of a value to those given, and makes it dense if that is wanted; its estimate is outdated then.
pub fn merge(
    bytes: &mut Vec<u8>,
    registers: &Registers,
    encoding: Encoding,
    limit_bytes: usize,
) -> Result<(), Corrupt> {
    if encoding == Encoding::Dense {
        make_dense(bytes)?;
    }
    let places = (0..).zip(registers).filter(|&(_, &count)| 0 < count);
    let places = places.map(|(index, &count)| Place { index, count });
    let added = add(bytes, places, limit_bytes);
    outdate(bytes);
    if added.corrupt { Err(Corrupt) } else { Ok(()) }
}

/// Makes a sparse value dense; says whether it was sparse. One that is corrupt stays as it is.
pub fn make_dense(bytes: &mut Vec<u8>) -> Result<bool, Corrupt> {
    let value = HyperLogLogRef::new(bytes).map_err(|Foreign| Corrupt)?;
    let Some(runs) = value.runs() else { return Ok(false) };
    // All else that the header says stays.
    let mut new = bytes.get(..HEADER).unwrap_or_default().to_vec();
    if let Some(encoding) = new.get_mut(ENCODING) {
        *encoding = DENSE;
    }
    new.resize(HEADER.saturating_add(dense::BYTES), 0);
    let mut index = 0_usize;
    for run in runs {
        let run = run?;
        let end = index.saturating_add(usize::from(run.length));
        if REGISTERS < end {
            return Err(Corrupt);
        }
        if 0 < run.count {
            for index in index..end {
                // It was compared with the number of registers, which fits.
                let index = u16::try_from(index).map_err(|_| Corrupt)?;
                dense::raise(registers_mut(&mut new), Place { index, count: run.count });
            }
        }
        index = end;
    }
    if index != REGISTERS {
        return Err(Corrupt);
    }
    *bytes = new;
    Ok(true)
}

/// Notes an estimate in the value that it is of.
pub fn cache(bytes: &mut [u8], estimate: u64) {
    if let Some(place) = bytes.get_mut(CACHE) {
        place.copy_from_slice(&(estimate & !OUTDATED).to_le_bytes());
    }
}

/// Notes that the estimate is of what the value was.
fn outdate(bytes: &mut [u8]) {
    // Only the highest bit is touched: the rest is part of the bytes that must equal Redis's.
    if let Some(last) = bytes.get_mut(CACHE.end.saturating_sub(1)) {
        *last |= 0x80;
    }
}

fn registers_mut(bytes: &mut [u8]) -> &mut [u8] {
    bytes.get_mut(HEADER..).unwrap_or_default()
}
