//! Connections whose clients wait for what a call has asked for.
//!
//! Whoever ends a wait hands the client's reply to its worker: by mail, or directly if it is the same one. The worker sends it
//! at the end of its round, and goes on with what the client has sent meanwhile.

use engine::Served;

use super::Worker;
use super::connection::{Connection, State};
use super::mailbox::Mail;
use super::poller::Token;
use super::round::{Life, life};
use crate::clock::Moment;

impl Worker<'_> {
    /// Tells the workers of clients whose waits were ended here.
    #[inline]
    pub(super) fn dispatch(&mut self) {
        if self.share.has_served() {
            self.dispatch_all();
        }
    }

    #[cold]
    fn dispatch_all(&mut self) {
        for served in self.share.take_served() {
            match self.mailboxes.get(served.worker()) {
                Some(mailbox) if served.worker() != self.share.index => {
                    mailbox.send(Mail::Served(served));
                }
                _ => self.served.push(served),
            }
        }
    }

    /// Answers clients whose waits have ended, and goes on with them. What that ends in turn is for the next round.
    pub(super) fn answer_served(&mut self) {
        for served in std::mem::take(&mut self.served) {
            self.share.make_way();
            if self.share.is_barred() {
                // When the script has ended that keeps the gates closed.
                self.served.push(served);
            } else {
                self.answer_one(served);
            }
        }
    }

    fn answer_one(&mut self, served: Served) {
        // It may be gone.
        let Some(token) = self.places.of_client(served.client()) else { return };
        let Some(mut connection) = self.places.take(token) else { return };
        let Connection { session, output, state, .. } = &mut *connection;
        let closes = served.closes();
        if *state == State::Blocked && self.share.end_wait(session, served, output) {
            if closes {
                return self.dismiss(token, connection);
            }
            return self.unblock(token, connection);
        }
        self.places.put_back(token, connection);
    }

    /// Answers a connection whose wait has ended, and closes it.
    #[cold]
    fn dismiss(&mut self, token: Token, mut connection: Box<Connection>) {
        self.forget_deadline(token, &mut connection);
        connection.state = State::Closing;
        connection.input = Vec::new();
        let life = self.flush(&mut connection);
        self.put_back(token, connection, life);
    }

    /// Goes on with a connection whose wait has ended and whose reply is pending.
    fn unblock(&mut self, token: Token, mut connection: Box<Connection>) {
        self.forget_deadline(token, &mut connection);
        connection.note_activity(self.share.now_ms());
        let life = match life(&connection) {
            Life::Goes => self.go_on(&mut connection),
            Life::Ends => Life::Ends,
        };
        self.put_back(token, connection, life);
    }

    /// Ends the waits whose time is up.
    pub(super) fn end_late_waits(&mut self, now: Moment) {
        loop {
            self.share.make_way();
            if self.share.is_barred() {
                return;
            }
            let Some(token) = self.timers.pop_deadline(now.monotonic_us) else { return };
            let Some(mut connection) = self.places.take(token) else { continue };
            connection.deadline_us = None;
            let Connection { session, output, state, .. } = &mut *connection;
            if *state == State::Blocked && self.share.time_out(session, output) {
                self.unblock(token, connection);
            } else {
                self.places.put_back(token, connection);
            }
        }
    }

    /// Notes when the wait of a connection ends that has just been blocked.
    pub(super) fn note_deadline(&mut self, token: Token, connection: &mut Connection) {
        if connection.deadline_us.is_some() {
            return;
        }
        let Some(limit_ms) = connection.session.wait_limit_ms() else { return };
        // Not the time at which the round began: a wait is not shorter than was asked for.
        let now_us = self.clock.read().monotonic_us;
        let deadline_us = now_us.saturating_add(limit_ms.saturating_mul(1000));
        connection.deadline_us = Some(deadline_us);
        self.timers.add_deadline(deadline_us, token);
    }

    /// The wait of a connection is over, or the connection is.
    pub(super) fn forget_deadline(&mut self, token: Token, connection: &mut Connection) {
        if let Some(deadline_us) = connection.deadline_us.take() {
            self.timers.remove_deadline(deadline_us, token);
        }
    }
}
