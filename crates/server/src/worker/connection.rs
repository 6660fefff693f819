//! One client's connection.
//!
//! It holds little while it is idle: what is read goes through a buffer of the worker's, and only an incomplete request is kept
//! in one of its own; replies go out through a buffer of the worker's too, and only what the socket doesn't take stays here.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use engine::session::Session;
use resp::{Output, RequestParser};

use super::poller::Interest;

/// A connection and its state.
pub(super) struct Connection {
    pub(super) socket: OwnedFd,
    pub(super) session: Session,
    pub(super) parser: RequestParser,
    /// Bytes received and not executed yet.
    pub(super) input: Vec<u8>,
    /// Replies that the socket has not taken yet.
    pub(super) output: Output,
    pub(super) interest: Interest,
    pub(super) state: State,
    /// Unix time in ms since which its output is over the soft limit.
    pub(super) over_soft_limit_since_ms: Option<i64>,
    /// Others were told of something in its buffers.
    pub(super) was_noted: bool,
}

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// It reads, executes, writes.
    Open,
    /// Its calls wait until a pause is over.
    Paused,
    /// It reads no more until its replies are sent: too many are waiting.
    Congested,
    /// It executes nothing more, and is closed when its replies are sent.
    Closing,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd, session: Session) -> Connection {
        Connection {
            socket,
            session,
            parser: RequestParser::new(),
            input: Vec::new(),
            output: Output::new(),
            interest: Interest::Read,
            state: State::Open,
            over_soft_limit_since_ms: None,
            was_noted: false,
        }
    }

    /// What to wait for next.
    pub(super) fn wants(&self) -> Interest {
        let writes = !self.output.is_empty();
        match self.state {
            State::Open if writes => Interest::ReadAndWrite,
            State::Open => Interest::Read,
            State::Paused if writes => Interest::WriteAndHangUp,
            State::Paused => Interest::HangUp,
            State::Congested | State::Closing if writes => Interest::Write,
            State::Congested | State::Closing => Interest::Nothing,
        }
    }

    /// Whether its buffers are empty, as they are after most calls.
    pub(super) fn is_quiet(&self) -> bool {
        self.input.is_empty() && self.output.is_empty() && self.state == State::Open
    }

    /// Bytes of memory it takes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Connection>()
            + self.input.capacity()
            + self.output.memory()
            + self.parser.memory()
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
