//! What a worker does by the clock: `hz` times a second, when a pause is over, and when waits
//! end.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;

use super::Worker;
use super::connection::State;
use super::poller::Token;
use crate::clock::Moment;

/// When things are due.
pub(super) struct Timers {
    /// In microseconds of the monotonic clock: the other one may jump.
    next_tick_us: u64,
    /// A connection may be waiting for a pause to end.
    is_paused: bool,
    /// Connections that wait for a pause are to try again at once.
    resumes: bool,
    /// The place of the client to look at next.
    next_client: usize,
    /// When the waits of connections end, in microseconds of the monotonic clock, soonest first.
    deadlines: BTreeSet<(u64, Token)>,
}

impl Timers {
    pub(super) fn new(now_us: u64) -> Timers {
        Timers {
            next_tick_us: now_us,
            is_paused: false,
            resumes: false,
            next_client: 0,
            deadlines: BTreeSet::new(),
        }
    }

    /// Notes that a connection waits for a pause to end.
    pub(super) fn note_pause(&mut self) {
        self.is_paused = true;
    }

    /// Notes when the wait of a connection ends.
    pub(super) fn add_deadline(&mut self, deadline_us: u64, token: Token) {
        self.deadlines.insert((deadline_us, token));
    }

    /// A wait has ended before its time.
    pub(super) fn remove_deadline(&mut self, deadline_us: u64, token: Token) {
        self.deadlines.remove(&(deadline_us, token));
    }

    /// Takes out a connection whose wait ends now.
    pub(super) fn pop_deadline(&mut self, now_us: u64) -> Option<Token> {
        let first = self.deadlines.first().filter(|(deadline_us, _)| *deadline_us <= now_us)?;
        let token = first.1;
        self.deadlines.pop_first();
        Some(token)
    }

    /// Lets connections that were paused try again.
    pub(super) fn resume(&mut self) {
        self.resumes = true;
    }
}

impl Worker<'_> {
    /// How long nothing is due, in microseconds.
    pub(super) fn idle_us(&self, now: Moment) -> u64 {
        let deadline_us = self.timers.deadlines.first().map_or(u64::MAX, |first| first.0);
        let next_us = self.timers.next_tick_us.min(deadline_us);
        let tick_us = next_us.saturating_sub(now.monotonic_us);
        if self.timers.is_paused { tick_us.min(self.pause_us(now)) } else { tick_us }
    }

    /// How long a pause still takes.
    fn pause_us(&self, now: Moment) -> u64 {
        let end_us = self.engine.pause.end_ms().saturating_mul(1000);
        u64::try_from(end_us).unwrap_or(0).saturating_sub(now.unix_us)
    }

    /// Does what is due at the beginning of the round.
    pub(super) fn run_timers(&mut self, now: Moment) {
        self.end_late_waits(now);
        if self.share.is_barred() {
            return;
        }
        if self.timers.is_paused && (self.timers.resumes || self.pause_us(now) == 0) {
            self.timers.is_paused = false;
            for token in self.places.which(|connection| connection.state == State::Paused) {
                self.share.make_way();
                self.resume(token, State::Paused);
            }
        }
        self.timers.resumes = false;
        if now.monotonic_us < self.timers.next_tick_us {
            return;
        }
        let hz = u64::from(self.share.config.process.hz.max(1));
        let tick_us = (1_000_000 / hz).max(1);
        self.timers.next_tick_us = now.monotonic_us + tick_us;
        self.open_door();
        self.ahead.rest();
        if self.engine.switches.cron_paused.load(Relaxed) {
            return;
        }
        self.check_clients(tick_us);
        self.limit_clients(true);
        if self.share.is_barred() {
            return;
        }
        self.share.tick();
        // A quarter of the time, as Redis documents it for an effort of 1.
        self.share.expire_actively(tick_us * 1000 / 4);
    }

    /// Looks at some of the clients, all of them once a second: are they idle for too long, or over a limit?
    fn check_clients(&mut self, tick_us: u64) {
        /// So few are looked at all at once.
        const AT_LEAST: usize = 5;
        const SECOND_US: usize = 1_000_000;
        let places = self.places.count();
        let share = usize::try_from(tick_us).unwrap_or(SECOND_US).min(SECOND_US);
        let count = (places * share / SECOND_US).max(AT_LEAST).min(places);
        for _ in 0..count {
            let place = self.timers.next_client % places;
            self.timers.next_client = place + 1;
            self.check_client(place);
        }
    }

    fn check_client(&mut self, place: usize) {
        let Some(token) = self.places.at(place) else { return };
        let Some(mut connection) = self.places.take(token) else { return };
        if self.is_to_close(&mut connection) {
            self.end(token, connection);
        } else {
            self.places.put_back(token, connection);
        }
    }
}
