//! What a worker does by the clock, `hz` times a second.

use std::sync::atomic::Ordering;

use super::Worker;
use super::connection::State;
use super::round::Life;
use crate::clock::Moment;
use crate::log;

/// When things are due.
pub(super) struct Timers {
    /// In ms of the monotonic clock.
    next_tick_ms: u64,
    /// Some calls wait for a pause to end.
    pause_is_awaited: bool,
    /// They may try again.
    resume: bool,
    /// The place of the client to look at next.
    next_client: usize,
}

impl Timers {
    pub(super) fn new(now: Moment) -> Timers {
        Timers {
            next_tick_ms: now.monotonic_ms(),
            pause_is_awaited: false,
            resume: false,
            next_client: 0,
        }
    }

    /// How long nothing is due. `pause_end_ms` is the unix time in ms at which a pause ends.
    pub(super) fn wait_ms(&self, now: Moment, pause_end_ms: i64) -> u64 {
        let tick_ms = self.next_tick_ms.saturating_sub(now.monotonic_ms());
        if self.resume {
            0
        } else if self.pause_is_awaited {
            let pause_end_ms = u64::try_from(pause_end_ms).unwrap_or(0);
            tick_ms.min(pause_end_ms.saturating_sub(now.unix_ms()))
        } else {
            tick_ms
        }
    }

    /// Notes that calls of a connection wait for a pause to end.
    pub(super) fn await_end_of_pause(&mut self) {
        self.pause_is_awaited = true;
    }

    /// Lets calls that were paused try again.
    pub(super) fn resume(&mut self) {
        self.resume = true;
    }

    /// Whether the next tick is due; then the one after it is `tick_ms` later.
    fn tick(&mut self, now: Moment, tick_ms: u64) -> bool {
        let is_due = self.next_tick_ms <= now.monotonic_ms();
        if is_due {
            self.next_tick_ms = now.monotonic_ms() + tick_ms;
        }
        is_due
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
        self.resume_paused();
        let hz = u64::from(self.worker.config.process.hz.max(1));
        let tick_ms = (1000 / hz).max(1);
        if !self.timers.tick(now, tick_ms) {
            return;
        }
        if self.engine.switches.cron_paused.load(Ordering::Relaxed) {
            return;
        }
        self.check_clients(tick_ms);
        self.worker.tick();
        // A quarter of the time, as Redis documents it for an effort of 1.
        self.worker.expire_actively(tick_ms * 1_000_000 / 4);
    }

    /// Goes on with the calls that wait for a pause to end, if it has.
    fn resume_paused(&mut self) {
        let is_over = self.engine.pause.end_ms() <= self.worker.now_ms();
        let resume = std::mem::take(&mut self.timers.resume);
        if self.timers.pause_is_awaited && (is_over || resume) {
            // Those that have to wait again say so.
            self.timers.pause_is_awaited = false;
            for place in 0..self.connections.len() {
                self.resume(place);
            }
        }
    }
}
