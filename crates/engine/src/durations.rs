//! How long calls of a command took: how many of them fell into each of a row of steps.
//!
//! Up to 255 nanoseconds each has a step of its own; above, steps are as wide as the highest power of two that leaves at least 128 of them
//! to each doubling. Those are the steps of a histogram of two significant digits, which Redis keeps of the same durations:
//! what is told of them is told as there. To count a duration takes no more than a few instructions, and touches one number.

/// A second; longer calls count as this.
const LONGEST_NS: u64 = 1_000_000_000;
/// As many steps lie between a power of two and the next one, as a power of two.
const STEPS_BITS: u32 = 7;
/// Durations below this have a step of their own.
const EXACT_NS: u64 = 2 << STEPS_BITS;
/// How many steps there are.
const STEPS: usize = step_of(LONGEST_NS) + 1;

/// How many calls took how long.
#[derive(Clone, Debug)]
pub(crate) struct Durations {
    /// By step.
    counts: Box<[u64]>,
}

impl Durations {
    /// Of no call.
    pub(crate) fn new() -> Durations {
        Durations { counts: vec![0; STEPS].into_boxed_slice() }
    }

    /// Counts a call. None takes no time at all.
    #[inline]
    pub(crate) fn record(&mut self, nanoseconds: u64) {
        let step = step_of(nanoseconds.clamp(1, LONGEST_NS));
        if let Some(count) = self.counts.get_mut(step) {
            *count += 1;
        }
    }

    /// Adds what others count.
    pub(crate) fn add(&mut self, other: &Durations) {
        for (sum, count) in self.counts.iter_mut().zip(&other.counts) {
            *sum += count;
        }
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many calls took no longer than what is not told apart from this.
    pub(crate) fn calls_within(&self, nanoseconds: u64) -> u64 {
        self.counts.iter().take(step_of(nanoseconds).saturating_add(1)).sum()
    }

    /// The duration in nanoseconds that so many percent of the calls did not exceed: the end of its step.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a count, which is not negative; conversions saturate"
        )]
        let wanted =
            (crate::vitals::float(self.calls()) * (percent / 100.0).min(1.0)).ceil() as u64;
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            wanted.max(1) <= seen
        });
        match found {
            Some(step) if 0.0 < percent => last_of(step),
            Some(step) => first_of(step),
            None => 0,
        }
    }
}

/// The longest duration that is not told apart from this one.
pub(crate) fn last_alike(nanoseconds: u64) -> u64 {
    last_of(step_of(nanoseconds))
}

/// The step that a duration falls into; beyond the last one if it is too long.
#[inline]
const fn step_of(nanoseconds: u64) -> usize {
    let width_bits = (nanoseconds | (EXACT_NS - 1)).ilog2() - STEPS_BITS;
    ((width_bits as usize) << STEPS_BITS) + steps_within(nanoseconds >> width_bits)
}

/// A number of steps that is below twice as many as there are to a doubling.
#[expect(clippy::cast_possible_truncation, reason = "it is small")]
const fn steps_within(steps: u64) -> usize {
    steps as usize
}

/// How wide a step is, as a power of two.
const fn width_bits(step: usize) -> usize {
    (step >> STEPS_BITS).saturating_sub(1)
}

fn first_of(step: usize) -> u64 {
    let bits = width_bits(step);
    ((step - (bits << STEPS_BITS)) as u64) << bits
}

fn last_of(step: usize) -> u64 {
    first_of(step) + ((1 << width_bits(step)) - 1)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Durations of all sizes.
    fn duration() -> impl Strategy<Value = u64> {
        (0..40_u32, any::<u64>()).prop_map(|(bits, random)| random >> (63 - bits))
    }

    proptest! {
        /// Every answer is that of a histogram of two significant digits.
        #[test]
        fn they_tell_what_a_histogram_of_two_digits_tells(
            durations in vec(duration(), 0..300),
            percents in vec(0.0..100.0_f64, 1..5),
            limits in vec(0..(1_u64 << 30), 1..5),
        ) {
            let mut histogram = Histogram::<u64>::new_with_bounds(1, LONGEST_NS, 2).expect("valid bounds");
            let (mut told, mut rest) = (Durations::new(), Durations::new());
            for (turn, &nanoseconds) in durations.iter().enumerate() {
                histogram.record(nanoseconds.clamp(1, LONGEST_NS)).expect("within bounds");
                if turn % 3 == 0 { rest.record(nanoseconds) } else { told.record(nanoseconds) }
            }
            told.add(&rest);
            prop_assert_eq!(told.calls(), histogram.len());
            for percent in percents.into_iter().chain([0.0, 50.0, 99.0, 99.9, 100.0]) {
                prop_assert_eq!(told.percentile(percent), histogram.value_at_percentile(percent), "p{}", percent);
            }
            for limit in limits.into_iter().chain(durations).map(|limit| limit.min(LONGEST_NS)) {
                prop_assert_eq!(last_alike(limit), histogram.highest_equivalent(limit));
                prop_assert_eq!(told.calls_within(limit), histogram.count_between(0, limit), "up to {}", limit);
            }
        }
    }

    #[test]
    fn steps_follow_on_one_another() {
        for step in 1..STEPS {
            assert_eq!(first_of(step), last_of(step - 1) + 1);
            assert_eq!((step_of(first_of(step)), step_of(last_of(step))), (step, step));
        }
        assert!((first_of(STEPS - 1)..=last_of(STEPS - 1)).contains(&LONGEST_NS));
    }
}
