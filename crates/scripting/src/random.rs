//! Random numbers for scripts: one sequence, the same after every start of the server, which all scripts take from.
//!
//! A linear congruential generator of 48 bits, the one that POSIX describes for `lrand48`.

const MULTIPLIER: u64 = 0x5_deec_e66d;
const INCREMENT: u64 = 0xb;
const MASK: u64 = (1 << 48) - 1;
/// What stands below the seed.
const LOW: u64 = 0x330e;
/// The state before anybody sets a seed.
const FIRST: u64 = 0x1234_abcd_330e;

/// The largest number, and how many there are less one.
pub(crate) const LARGEST: u32 = i32::MAX.unsigned_abs();

/// The state of the generator.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Default for Random {
    fn default() -> Random {
        Random { state: FIRST }
    }
}

impl Random {
    pub(crate) fn new(seed: u32) -> Random {
        Random { state: u64::from(seed) << 16 | LOW }
    }

    /// A number of 31 bits.
    pub(crate) fn number(&mut self) -> u32 {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        u32::try_from(self.state >> 17).unwrap_or(LARGEST)
    }

    /// A number from 0 to below 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        f64::from(self.number().checked_rem(LARGEST).unwrap_or(0)) / f64::from(LARGEST)
    }
}
