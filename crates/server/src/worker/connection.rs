//! One client's connection.
//!
//! It holds little while it is idle: what is read goes through a buffer of the worker's, and only an incomplete request is kept
//! in one of its own (see `input`); replies go out through a buffer of the worker's too, and only what the socket doesn't take
//! stays here.
//!
//! ```text
//! Open -- its turn is over -----------------------------> Waiting ---- the next round ------> Open
//! Open -- a call that waits ---------------------------> Blocked ---- its wait has ended ---> Open
//! Open -- a pause --------------------------------------> Paused ----- the pause is over ---> Open
//! Open -- too many replies are not sent ----------------> Congested -- half of them are ----> Open
//! Open -- PSYNC, SYNC ----------------------------------> Replicating, and it is no longer this worker's
//! Open -- QUIT, no protocol, the client has finished ---> Closing ---- all of them are -----> closed
//! ```

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;

use engine::session::Session;
use resp::{Output, RequestParser};

use super::input::LongArgument;
use super::poller::Interest;
use crate::tls::Channel;

/// A connection and its state.
pub(super) struct Connection {
    pub(super) socket: OwnedFd,
    /// What encrypts it, if anything does.
    pub(super) channel: Option<Box<Channel>>,
    pub(super) session: Session,
    pub(super) parser: RequestParser,
    /// Bytes received and not executed yet.
    pub(super) input: Vec<u8>,
    /// The argument that follows `input`, if it is long.
    pub(super) long: Option<Box<LongArgument>>,
    /// Replies that the socket has not taken yet.
    pub(super) output: Output,
    pub(super) interest: Interest,
    pub(super) state: State,
    /// It was given something to send, which is not written yet.
    pub(super) is_receiving: bool,
    /// Others were told of something in its buffers.
    pub(super) was_noted: bool,
    /// Whether its replies wait.
    pub(super) holding: Holding,
    /// When its wait ends at the latest, in microseconds of the monotonic clock.
    pub(super) deadline_us: Option<u64>,
    /// Unix time in ms since which its output is over the soft limit; 0 if it is not.
    pub(super) over_soft_limit_since_ms: i64,
}

/// Whether the replies of a connection wait: see [`super::commit`].
#[derive(Default)]
pub(super) struct Holding {
    /// Until the stream of effects is acknowledged up to here.
    pub(super) until: Option<u64>,
    /// It stands among those that are held.
    pub(super) is_noted: bool,
    /// It was found that they need not.
    pub(super) is_cleared: bool,
    /// It has sent something meanwhile, which is read later.
    pub(super) is_early: bool,
}

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// It reads, executes, writes.
    Open,
    /// It has sent more than is executed in one turn, and goes on in the next round.
    Waiting,
    /// A call of its waits for what it asked for; what it sends after that is not read until then.
    Blocked,
    /// Its calls wait until a pause is over.
    Paused,
    /// It reads no more until its replies are sent: too many are waiting.
    Congested,
    /// It executes nothing more, and is closed when its replies are sent.
    Closing,
    /// It is about to be handed over to whoever serves replicas.
    Replicating,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd, session: Session) -> Connection {
        Connection {
            socket,
            channel: None,
            session,
            parser: RequestParser::new(),
            input: Vec::new(),
            long: None,
            output: Output::new(),
            interest: Interest::READ,
            state: State::Open,
            is_receiving: false,
            was_noted: false,
            holding: Holding::default(),
            deadline_us: None,
            over_soft_limit_since_ms: 0,
        }
    }

    /// What to wait for next.
    pub(super) fn wants(&self) -> Interest {
        Interest {
            // One that waits for its turn reads soon: not worth two system calls.
            read: matches!(self.state, State::Open | State::Waiting) && !self.holding.is_early,
            write: self.has_pending() && self.holding.until.is_none(),
            // A client that gives up waiting must not keep its place. One that has sent all that it
            // wants and only reads still gets its replies.
            hang_up: matches!(self.state, State::Blocked | State::Paused),
        }
    }

    /// Whether something is to be sent.
    pub(super) fn has_pending(&self) -> bool {
        !self.output.is_empty() || self.channel.as_ref().is_some_and(|it| it.pending() != 0)
    }

    /// Bytes that are to be sent.
    pub(super) fn pending(&self) -> usize {
        self.output.len() + self.channel.as_ref().map_or(0, |channel| channel.pending())
    }

    /// Whether its buffers are empty, as they are after most calls, and it keeps nothing else.
    pub(super) fn is_quiet(&self) -> bool {
        let is_open = self.state == State::Open;
        let is_at_rest = self.channel.as_ref().is_none_or(|channel| channel.is_quiet());
        let is_empty = self.input.is_empty() && self.output.is_empty() && is_at_rest;
        is_empty && is_open && self.session.memory() == 0
    }

    /// Notes that the client has sent something or taken a reply.
    pub(super) fn note_activity(&self, now_ms: i64) {
        self.session.record.last_call_ms.store(now_ms, Relaxed);
    }

    /// Notes what others may see of its buffers.
    pub(super) fn note_buffers(&self) {
        let record = &self.session.record;
        let (arrived, memory) =
            self.long.as_ref().map_or((0, 0), |long| (long.arrived(), long.memory()));
        let held = self.input.len() + arrived;
        record.query_buffer.store(held, Relaxed);
        record.query_buffer_free.store(self.input.capacity() + memory - held, Relaxed);
        let sealed = self.channel.as_ref().map_or(0, |channel| channel.pending());
        record.output.store(self.output.len() + sealed, Relaxed);
        record.output_memory.store(self.output.memory() + sealed, Relaxed);
        record.memory.store(self.memory(), Relaxed);
        record.paused.store(self.state == State::Paused, Relaxed);
        record.closing.store(self.state == State::Closing, Relaxed);
    }

    /// Bytes of memory it takes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Connection>()
            + self.channel.as_ref().map_or(0, |channel| channel.memory())
            + self.input.capacity()
            + self.long.as_ref().map_or(0, |long| long.memory())
            + self.output.memory()
            + self.parser.memory()
            + self.session.memory()
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
