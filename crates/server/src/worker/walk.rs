//! What a worker does for a snapshot that is being made: steps of its walk, at the end of a round.

use super::Worker;
use crate::clock::Moment;

/// The longest that a worker walks at a time, in microseconds: clients wait for it.
const LONGEST_US: u64 = 250;
/// The shortest, so that the walk goes on however short rounds are.
const SHORTEST_US: u64 = 50;
/// How long it waits for those who write what was shown, when they are behind.
const BEHIND_US: u64 = 500;
/// The part of the time of calls that is spent on walking as well.
const SHARE: u64 = 3;

impl Worker<'_> {
    /// Drives the walk on, for a part of the time that the round has taken, or for the longest if there is nothing else to do.
    #[inline]
    pub(super) fn walk_on(&mut self, begin: Moment) {
        if self.engine.saving.is_driven() {
            self.walk_for_a_while(begin);
        }
    }

    fn walk_for_a_while(&mut self, begin: Moment) {
        let begun_us = self.clock.read().monotonic_us;
        let called_us = begun_us.saturating_sub(begin.monotonic_us);
        let is_alone = self.poller.ready(0).is_none() && self.waiting.is_empty();
        let share_us = (called_us / SHARE).clamp(SHORTEST_US, LONGEST_US);
        let end_us = begun_us + if is_alone { LONGEST_US } else { share_us };
        while self.share.walk_on() && self.clock.read().monotonic_us < end_us {}
    }

    /// How long it waits for clients, given how long it would without the walk. One worker goes on walking instead.
    pub(super) fn until_walk_us(&self, timeout_us: u64) -> u64 {
        let saving = &self.engine.saving;
        if !saving.is_driven()
            || self.share.index != 0
            || self.share.config.persistence.save_delay_us != 0
        {
            timeout_us
        } else if saving.wants_steps() {
            0
        } else {
            timeout_us.min(BEHIND_US)
        }
    }
}
