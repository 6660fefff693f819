//! Looking ahead across connections.
//!
//! A client that sends one request at a time gives the batch nothing to look ahead in: its key's bucket and entry would each be waited
//! for. So when several connections are ready, some are received from before the first is executed. While the system
//! calls for the others run, the memory that each will need is on its way: first its bucket, then its entry.

use keyspace::KeyHash;
use resp::{Batch, Output, RequestParser};

use super::Worker;
use super::connection::{Connection, State};
use super::poller::{Readiness, Token};
use super::round::{Life, life};

/// Connections that are received from before the first is executed. Their input must stay in the second level of cache.
const AHEAD: usize = 16;

/// A connection that has been received from.
pub(super) struct Received {
    token: Token,
    connection: Box<Connection>,
    /// What was received.
    input: Vec<u8>,
    /// Of the key of its first call.
    hash: Option<KeyHash>,
    /// What becomes of it.
    life: Life,
    is_executed: bool,
}

/// Bytes received from each: a pipeline is shorter, and what is longer is not waiting for memory.
const AHEAD_BYTES: usize = 16 << 10;

/// What looking ahead works with.
pub(super) struct Lookahead {
    received: Vec<Option<Received>>,
    /// Buffers for what is received, and for replies.
    inputs: Vec<Vec<u8>>,
    outputs: Vec<Output>,
    batch: Batch,
    /// Replies have needed much room since the last tick.
    is_roomy: bool,
}

impl Lookahead {
    pub(super) fn new() -> Lookahead {
        Lookahead {
            received: Vec::with_capacity(AHEAD),
            inputs: (0..AHEAD).map(|_| Vec::with_capacity(AHEAD_BYTES)).collect(),
            outputs: Vec::with_capacity(AHEAD),
            batch: Batch::new(),
            is_roomy: false,
        }
    }

    /// Gives the room for replies back, unless it was needed since the last time: at each tick.
    pub(super) fn rest(&mut self) {
        if !std::mem::replace(&mut self.is_roomy, false) {
            self.outputs.iter_mut().for_each(|output| output.shrink_to(AHEAD_BYTES));
        }
    }

    /// Whether every connection is in its place.
    pub(super) fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    fn take(&mut self, place: usize) -> Option<Received> {
        self.received.get_mut(place)?.take()
    }

    fn put_back(&mut self, place: usize, received: Received) {
        if let Some(slot) = self.received.get_mut(place) {
            *slot = Some(received);
        }
    }
}

impl Worker<'_> {
    /// Receives from a connection that is ready to be executed with others; any other is served at once.
    pub(super) fn look_ahead(&mut self, readiness: Readiness) {
        let token = readiness.token;
        let Some(mut connection) = self.places.take(token) else { return };
        let is_plain = connection.state == State::Open
            && connection.input.is_empty()
            && connection.output.is_empty()
            && readiness.readable
            && !readiness.hung_up;
        if !is_plain || life(&connection) == Life::Ends {
            self.places.put_back(token, connection);
            return self.serve(readiness);
        }
        let buffer = self.ahead.inputs.pop();
        let buffer = buffer.unwrap_or_else(|| Vec::with_capacity(AHEAD_BYTES));
        let own = std::mem::replace(&mut self.buffers.input, buffer);
        let outcome = self.receive(&mut connection);
        let input = std::mem::replace(&mut self.buffers.input, own);
        if let Some(life) = outcome {
            self.ahead.inputs.push(input);
            return self.put_back(token, connection, life);
        }
        let hash = self.foresee(&connection, &input);
        let received =
            Received { token, connection, input, hash, life: Life::Goes, is_executed: false };
        self.ahead.received.push(Some(received));
        if AHEAD <= self.ahead.received.len() {
            self.catch_up();
        }
    }

    /// Executes what was received, from all, and then writes the replies: a client that is woken finds more than its own.
    pub(super) fn catch_up(&mut self) {
        for ahead in self.ahead.received.iter().flatten() {
            if let Some(hash) = ahead.hash {
                self.share.prefetch_entry(&ahead.connection.session, hash);
            }
        }
        for place in 0..self.ahead.received.len() {
            // Those that were executed and answered while a script ran for long are gone.
            if let Some(mut ahead) = self.ahead.take(place) {
                self.advance_ahead(&mut ahead);
                self.ahead.put_back(place, ahead);
            }
        }
        self.answer_ahead();
        self.ahead.received.clear();
    }

    /// Executes what was received, as far as it was not, and writes the replies.
    pub(super) fn answer_ahead(&mut self) {
        for place in 0..self.ahead.received.len() {
            let Some(mut ahead) = self.ahead.take(place) else { continue };
            if !ahead.is_executed {
                self.advance_ahead(&mut ahead);
            }
            let Received { token, mut connection, mut life, .. } = ahead;
            if life == Life::Goes {
                // Its buffer goes back to the others, not to the worker.
                let own = std::mem::take(&mut self.buffers.output);
                life = self.answer(&mut connection);
                let output = std::mem::replace(&mut self.buffers.output, own);
                self.ahead.is_roomy |= AHEAD_BYTES < output.memory();
                self.ahead.outputs.push(output);
            }
            self.put_back(token, connection, life);
        }
        self.ahead.outputs.truncate(AHEAD);
    }

    fn advance_ahead(&mut self, ahead: &mut Received) {
        ahead.is_executed = true;
        // One that was executed before it may have killed it.
        ahead.life = life(&ahead.connection);
        if ahead.life == Life::Ends {
            self.ahead.inputs.push(std::mem::take(&mut ahead.input));
            return;
        }
        let output = self.ahead.outputs.pop().unwrap_or_default();
        std::mem::swap(&mut self.buffers.input, &mut ahead.input);
        let own = std::mem::replace(&mut self.buffers.output, output);
        ahead.life = self.advance(&mut ahead.connection);
        self.buffers.output = own;
        std::mem::swap(&mut self.buffers.input, &mut ahead.input);
        self.ahead.inputs.push(std::mem::take(&mut ahead.input));
    }

    /// Starts to fetch the bucket for the first call in `input`, if it is whole and has one key.
    fn foresee(&mut self, connection: &Connection, input: &[u8]) -> Option<KeyHash> {
        if !connection.session.authenticated {
            return None;
        }
        let limits = self.request_limits(true);
        let batch = &mut self.ahead.batch;
        // The connection was between two requests. Whatever is found here, its own parser finds again.
        let _status = RequestParser::new().parse(input, 0, batch, &limits, 1);
        (!batch.is_empty())
            .then(|| self.share.prefetch_bucket(&connection.session, batch.words(0, input)))
            .flatten()
    }
}
