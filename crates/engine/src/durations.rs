//! How long calls of a command took, in a histogram of two significant digits: those that Redis tells of the same durations.
//!
//! Calls that take least are those that must not be held up by being counted. What is shorter than 256 nanoseconds is not rounded by such a
//! histogram, so it is counted beside it by its nanoseconds, which takes an addition, and put together with the rest for who asks.

use hdrhistogram::Histogram;

/// A second; longer calls count as this.
const LONGEST_NS: u64 = 1_000_000_000;
/// Significant digits, as Redis's.
const DIGITS: u8 = 2;
/// Durations below this are told apart to the nanosecond by that many digits.
const EXACT_NS: usize = 256;

/// How many calls took how long.
#[derive(Clone, Debug)]
pub(crate) struct Durations {
    /// Those that are exact, by their nanoseconds.
    exact: Box<[u64; EXACT_NS]>,
    /// All others.
    longer: Box<Histogram<u64>>,
}

impl Durations {
    /// Of no call.
    pub(crate) fn new() -> Durations {
        match Histogram::new_with_bounds(1, LONGEST_NS, DIGITS) {
            Ok(longer) => Durations { exact: Box::new([0; EXACT_NS]), longer: Box::new(longer) },
            Err(error) => unreachable!("the bounds are valid: {error}"),
        }
    }

    /// Counts a call. None takes no time at all.
    #[inline]
    pub(crate) fn record(&mut self, nanoseconds: u64) {
        let nanoseconds = nanoseconds.max(1);
        let place = usize::try_from(nanoseconds).unwrap_or(EXACT_NS);
        match self.exact.get_mut(place) {
            Some(count) => *count += 1,
            None => self.longer.saturating_record(nanoseconds),
        }
    }

    /// Adds what others count.
    pub(crate) fn add(&mut self, other: &Durations) {
        for (sum, count) in self.exact.iter_mut().zip(&*other.exact) {
            *sum += count;
        }
        let added = self.longer.add(&*other.longer);
        debug_assert!(added.is_ok(), "all have the same bounds");
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.exact.iter().sum::<u64>() + self.longer.len()
    }

    /// How many calls took no longer than what is not told apart from this.
    pub(crate) fn calls_within(&self, nanoseconds: u64) -> u64 {
        let places = usize::try_from(nanoseconds).map_or(EXACT_NS, |it| it.saturating_add(1));
        let exact: u64 = self.exact.iter().take(places).sum();
        exact + self.longer.count_between(0, nanoseconds)
    }

    /// The duration in nanoseconds that so many percent of the calls did not exceed: the end of its step.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        let mut all = Histogram::clone(&self.longer);
        for (nanoseconds, count) in (0..).zip(&*self.exact).filter(|(_, count)| **count != 0) {
            all.saturating_record_n(nanoseconds, *count);
        }
        all.value_at_percentile(percent)
    }

    /// The longest duration that is not told apart from this one.
    pub(crate) fn last_alike(&self, nanoseconds: u64) -> u64 {
        self.longer.highest_equivalent(nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Durations of all sizes.
    fn duration() -> impl Strategy<Value = u64> {
        (0..40_u32, any::<u64>()).prop_map(|(bits, random)| random >> (63 - bits))
    }

    proptest! {
        /// Every answer is that of one histogram of all.
        #[test]
        fn they_tell_what_one_histogram_tells(
            durations in vec(duration(), 0..300),
            percents in vec(0.0..100.0_f64, 1..5),
            limits in vec(0..(1_u64 << 30), 1..5),
        ) {
            let mut histogram = Histogram::<u64>::new_with_bounds(1, LONGEST_NS, DIGITS).expect("valid bounds");
            let (mut told, mut rest) = (Durations::new(), Durations::new());
            for (turn, &nanoseconds) in durations.iter().enumerate() {
                histogram.saturating_record(nanoseconds.max(1));
                if turn % 3 == 0 { rest.record(nanoseconds) } else { told.record(nanoseconds) }
            }
            told.add(&rest);
            prop_assert_eq!(told.calls(), histogram.len());
            for percent in percents.into_iter().chain([0.0, 50.0, 99.0, 99.9, 100.0]) {
                prop_assert_eq!(told.percentile(percent), histogram.value_at_percentile(percent), "p{}", percent);
            }
            for limit in limits.into_iter().chain(durations).map(|limit| limit.min(LONGEST_NS)) {
                prop_assert_eq!(told.last_alike(limit), histogram.highest_equivalent(limit));
                prop_assert_eq!(told.calls_within(limit), histogram.count_between(0, limit), "up to {}", limit);
            }
        }
    }
}
