//! How long calls of a command took, in a histogram of two significant digits: those that Redis tells of the same durations.

use hdrhistogram::Histogram;

/// A second; longer calls count as this.
const LONGEST_NS: u64 = 1_000_000_000;
/// Significant digits, as Redis's.
const DIGITS: u8 = 2;

/// How many calls took how long.
#[derive(Clone, Debug)]
pub(crate) struct Durations(Box<Histogram<u64>>);

impl Durations {
    /// Of no call.
    pub(crate) fn new() -> Durations {
        match Histogram::new_with_bounds(1, LONGEST_NS, DIGITS) {
            Ok(histogram) => Durations(Box::new(histogram)),
            Err(error) => unreachable!("the bounds are valid: {error}"),
        }
    }

    /// Counts a call. None takes no time at all.
    #[inline]
    pub(crate) fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds.max(1));
    }

    /// Adds what others count.
    pub(crate) fn add(&mut self, other: &Durations) {
        let added = self.0.add(&*other.0);
        debug_assert!(added.is_ok(), "all have the same bounds");
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.0.len()
    }

    /// How many calls took no longer than what is not told apart from this.
    pub(crate) fn calls_within(&self, nanoseconds: u64) -> u64 {
        self.0.count_between(0, nanoseconds)
    }

    /// The duration in nanoseconds that so many percent of the calls did not exceed: the end of its step.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        self.0.value_at_percentile(percent)
    }

    /// The longest duration that is not told apart from this one.
    pub(crate) fn last_alike(&self, nanoseconds: u64) -> u64 {
        self.0.highest_equivalent(nanoseconds)
    }
}
