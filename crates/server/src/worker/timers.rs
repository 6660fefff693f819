//! What a worker does by the clock, `hz` times a second.

use std::sync::atomic::Ordering;

use super::Worker;
use super::connection::State;
use super::round::Life;
use crate::clock::Moment;
use crate::log;

/// When things are due.
pub(super) struct Timers {
    /// Unix time in ms.
    next_tick_ms: u64,
    paused: Vec<usize>,
    resume: bool,
    /// The place of the client to look at next.
    next_client: usize,
}

impl Timers {
    pub(super) fn new(now_ms: u64) -> Timers {
        Timers { next_tick_ms: now_ms, paused: Vec::new(), resume: false, next_client: 0 }
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
    /// Looks at some of the clients, all of them once a second: are they idle for too long, or over a limit?
    fn check_clients(&mut self, tick_ms: u64) {
        /// So few are looked at all at once.
        const AT_LEAST: usize = 5;
        let places = self.connections.len();
        let share = usize::try_from(tick_ms).unwrap_or(1000).min(1000);
        let count = (places * share / 1000).max(AT_LEAST).min(places);
        for _ in 0..count {
            let place = self.timers.next_client % places;
            self.timers.next_client = place + 1;
            if self.is_to_close(place) {
                self.close(place);
            }
        }
    }

    fn is_to_close(&mut self, place: usize) -> bool {
        let Some(mut connection) =
            self.connections.get_mut(place).and_then(|slot| slot.connection.take())
        else {
            return false;
        };
        let idle_ms =
            self.worker.now_ms() - connection.session.record.last_call_ms.load(Ordering::Relaxed);
        let limit_ms = i64::from(self.worker.config.network.timeout_s) * 1000;
        let idle = 0 < limit_ms && limit_ms < idle_ms && connection.state != State::Paused;
        if idle {
            log::verbose("Closing idle client");
        }
        let over =
            !connection.output.is_empty() && self.check_output_limit(&mut connection) == Life::Ends;
        self.connections[place].connection = Some(connection);
        idle || over
    }

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
        if self.engine.switches.cron_paused.load(Ordering::Relaxed) {
            return;
        }
        self.check_clients(tick_ms);
        self.worker.tick();
        // A quarter of the time, as Redis documents it for an effort of 1.
        self.worker.expire_actively(tick_ms * 1_000_000 / 4);
    }
}
