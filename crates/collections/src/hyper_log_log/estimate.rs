//! How many different elements there were, from how many registers have which number.
//!
//! The estimator is that of Otmar Ertl, "New cardinality estimation algorithms for `HyperLogLog` sketches" (2017), which needs
//! no corrections for small and large numbers. The order of its operations decides on the last bit, so it is that of the
//! paper's algorithm 6, as in Redis.

use super::hashing::REST_BITS;
use super::{REGISTERS, Registers};

/// How many registers have which number.
#[derive(Clone, Debug)]
pub struct Histogram([u32; Histogram::NUMBERS]);

impl Histogram {
    /// A register has six bits.
    const NUMBERS: usize = 64;

    /// No register has any number yet.
    pub(super) fn new() -> Histogram {
        Histogram([0; Histogram::NUMBERS])
    }

    /// One of which the counts are known.
    pub(super) fn from_counts(counts: [u32; Histogram::NUMBERS]) -> Histogram {
        Histogram(counts)
    }

    /// That of registers one by one.
    pub fn of(registers: &Registers) -> Histogram {
        let mut histogram = Histogram::new();
        for register in registers {
            histogram.note(*register, 1);
        }
        histogram
    }

    /// Adds `length` registers that have a number.
    #[inline]
    pub(super) fn note(&mut self, number: u8, length: u16) {
        if let Some(count) = self.0.get_mut(usize::from(number)) {
            *count = count.saturating_add(u32::from(length));
        }
    }

    /// Adds the counts of another.
    pub(super) fn absorb(&mut self, other: &Histogram) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(count);
        }
    }

    /// How many different elements make such registers, most likely.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "there are 16,384 registers; the estimate is positive, and an infinite one is cut"
    )]
    pub fn estimate(&self) -> u64 {
        /// 1 / (2 ln 2), rounded as Redis writes it.
        const ALPHA: f64 = 0.721_347_520_444_481_7;
        let total = REGISTERS as f64;
        let with = |number: u32| -> f64 {
            let count = usize::try_from(number).ok().and_then(|number| self.0.get(number));
            f64::from(count.copied().unwrap_or_default())
        };
        let mut sum = total * tau((total - with(REST_BITS.saturating_add(1))) / total);
        for number in (1..=REST_BITS).rev() {
            sum = (sum + with(number)) * 0.5;
        }
        sum += total * sigma(with(0) / total);
        (ALPHA * total * total / sum).round() as u64
    }
}

/// x + sum over k of x^(2^k) 2^(k-1), until it no longer grows.
fn sigma(x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (x, 1.0, x);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if has_settled(before, sum) {
            return sum;
        }
    }
}

/// (1 - x - sum over k of (1 - x^(2^-k))^2 2^-k) / 3, until it no longer changes.
fn tau(x: f64) -> f64 {
    if x <= 0.0 || 1.0 <= x {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (x, 1.0, 1.0 - x);
    loop {
        root = root.sqrt();
        let before = sum;
        weight *= 0.5;
        let rest = 1.0 - root;
        sum -= rest * rest * weight;
        if has_settled(before, sum) {
            return sum / 3.0;
        }
    }
}

#[expect(clippy::float_cmp, reason = "what is added has become too small to make a difference")]
fn has_settled(before: f64, after: f64) -> bool {
    before == after
}
