//! Serving clients while this worker, or another one, is busy with a script.
//!
//! When a script has run for long its clients are to be told so. If it runs on another worker, this one does not enter its gate any
//! more and serves its connections as ever, with a share of the engine that refuses nearly every call. If it runs on this one,
//! the thread is deep in a call; its share is with that call, and a stand-in for it is here, which never enters. From time
//! to time the script has the worker serve what is ready.
//!
//! What needs the gate waits: timers, replies to clients that waited, and the leave that is taken of clients that are gone.

use engine::{Attendant, Ran, Time};
use resp::Batch;

use super::connection::{Connection, State};
use super::poller::Token;
use super::{CURRENT, LISTENERS, MAILBOX, READ_BYTES, Worker};

/// How long a worker that is kept out of its gate sleeps at most before it tries again.
const PATIENCE_US: u64 = 20_000;

impl Worker<'_> {
    /// Runs calls of a connection; if one of them takes long, the other connections are attended to.
    #[inline]
    pub(super) fn run_calls(
        &mut self,
        connection: &mut Connection,
        batch: &Batch,
        input: &[u8],
    ) -> Ran {
        let Connection { session, output, .. } = connection;
        let Some(stand_in) = self.stand_in.take() else {
            // This is the stand-in.
            return self.share.run(session, batch, input, output);
        };
        let mut share = std::mem::replace(&mut self.share, stand_in);
        let ran = engine::attended(self, || share.run(session, batch, input, output));
        self.stand_in = Some(std::mem::replace(&mut self.share, share));
        ran
    }

    /// How long to wait for sockets: not long while a script keeps the gates closed.
    #[inline]
    pub(super) fn patience_us(&self, timeout_us: u64) -> u64 {
        /// What is due has to wait for the script, too.
        const SHORTEST_US: u64 = 1000;
        if self.engine.is_busy() { timeout_us.clamp(SHORTEST_US, PATIENCE_US) } else { timeout_us }
    }

    /// Takes leave of clients that have left while that was not possible.
    #[inline]
    pub(super) fn take_leave(&mut self) {
        if !self.departed.is_empty() && !self.share.is_barred() {
            for mut session in std::mem::take(&mut self.departed) {
                self.share.forget(&mut session);
            }
        }
    }

    fn look_around(&mut self) {
        if self.poller.wait(0).is_err() {
            return;
        }
        let mut index = 0;
        while let Some(readiness) = self.poller.ready(index) {
            match readiness.token {
                MAILBOX => self.read_mail(),
                Token(token) if LISTENERS <= token => self.accept(token - LISTENERS),
                _ => self.serve(readiness),
            }
            index += 1;
        }
        for token in std::mem::take(&mut self.waiting) {
            self.resume(token, State::Waiting);
        }
        self.answer_ahead();
    }
}

impl Attendant for Worker<'_> {
    fn attend(&mut self) {
        let now = self.clock.read();
        self.share.begin_round(Time { unix_us: i64::try_from(now.unix_us).unwrap_or(i64::MAX) });
        // The round that goes on around this has not worked through what was ready for it.
        let ready = self.poller.take_ready();
        let current = CURRENT.get();
        if self.buffers.input.capacity() < READ_BYTES {
            // It is with the call that goes on.
            self.buffers.input = Vec::with_capacity(READ_BYTES);
        }
        self.look_around();
        CURRENT.set(current);
        self.poller.put_back_ready(ready);
    }
}
