//! What a worker does by the clock, `hz` times a second.

use super::Worker;
use crate::clock::Moment;

/// When things are due.
pub(super) struct Timers {
    /// Unix time in ms.
    next_tick_ms: u64,
    paused: Vec<usize>,
    resume: bool,
}

impl Timers {
    pub(super) fn new(now_ms: u64) -> Timers {
        Timers { next_tick_ms: now_ms, paused: Vec::new(), resume: false }
    }

    /// How long nothing is due.
    pub(super) fn wait_ms(&self, now_ms: u64) -> u64 {
        if self.resume { 0 } else { self.next_tick_ms.saturating_sub(now_ms) }
    }

    /// Notes that the connection at a place waits for a pause to end.
    pub(super) fn paused(&mut self, place: usize) {
        self.paused.push(place);
    }

    /// Lets connections that were paused try again.
    pub(super) fn resume(&mut self) {
        self.resume = true;
    }
}

impl Worker<'_> {
    pub(super) fn run_timers(&mut self, now: Moment) {
        let now_ms = now.unix_ms();
        if now_ms < self.timers.next_tick_ms && !self.timers.resume {
            return;
        }
        let hz = u64::from(self.worker.config.process.hz.max(1));
        let tick_ms = (1000 / hz).max(1);
        self.timers.next_tick_ms = now_ms + tick_ms;
        self.timers.resume = false;
        for place in std::mem::take(&mut self.timers.paused) {
            self.resume(place);
        }
        // A quarter of the time, as Redis documents it for an effort of 1.
        self.worker.expire_actively(tick_ms * 1_000_000 / 4);
    }
}
