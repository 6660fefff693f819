//! Serving a connection that is ready: read once, execute the complete requests, write once.

use std::sync::atomic::Ordering::Relaxed;

use engine::Next;
use resp::limits::{INLINE_BYTES, SUPPLIED_BYTES};
use resp::value::encode_request;
use resp::{Batch, Output, ParseStatus, Reply, ReplyError, RequestLimits, RequestParser};

use super::bounds::congestion_bytes;
use super::connection::{Connection, State};
use super::input::{self, LongArgument, SHORT_BYTES};
use super::poller::{Readiness, Token};
use super::read::{Received, receive};
use super::write::{Sent, transmit};
use super::{READ_BYTES, Worker};

/// Requests parsed before they are executed: enough to look ahead, few enough that one client's turn stays short.
const BATCH: usize = 256;
/// Requests executed before others have their turn; what one read brings is fewer, but for a long buffer that a long argument
/// has left behind.
const TURN_REQUESTS: usize = 64 * BATCH;
/// Bytes of replies after which others have their turn: a few short requests can ask for much.
const TURN_BYTES: usize = 1 << 20;

/// Whether a connection lives on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Goes,
    Ends,
}

/// How far the input was executed.
struct Executed {
    bytes: usize,
    /// How many more bytes the argument under way needs; 0 if that is not known.
    missing: usize,
    /// The input anew, if its first call waits and had arguments that were received apart.
    rewritten: Option<Vec<u8>>,
}

impl Worker<'_> {
    /// Serves the connection that is ready, if it is still there.
    pub(super) fn serve(&mut self, readiness: Readiness) {
        let token = readiness.token;
        // Taken out while it is served, so that the worker can be used beside it.
        let Some(mut connection) = self.places.take(token) else { return };
        if connection.state == State::Waiting {
            // Its turn comes, and shows whatever there is.
            return self.places.put_back(token, connection);
        }
        if connection.holding.until.is_some() {
            // What it sends next is read when its replies are sent.
            connection.holding.is_early |= readiness.readable;
            let life = if readiness.hung_up { Life::Ends } else { life(&connection) };
            return self.put_back(token, connection, life);
        }
        let mut life = life(&connection);
        if life == Life::Goes && readiness.writable && connection.has_pending() {
            life = self.write(&mut connection);
        }
        if life == Life::Goes && (readiness.readable || readiness.hung_up) {
            life = match connection.state {
                State::Open => self.read(&mut connection),
                // Nothing that it has sent is executed any more, and nothing that it would be sent arrives.
                _ if readiness.hung_up => Life::Ends,
                State::Waiting
                | State::Blocked
                | State::Paused
                | State::Congested
                | State::Closing
                | State::Replicating => Life::Goes,
            };
        }
        self.put_back(token, connection, life);
    }

    /// Goes on with a connection that is in a state which is over now.
    pub(super) fn resume(&mut self, token: Token, state: State) {
        let Some(mut connection) = self.places.take(token) else { return };
        if connection.state != state {
            return self.places.put_back(token, connection);
        }
        let mut life = life(&connection);
        if life == Life::Goes {
            life = self.go_on(&mut connection);
        }
        self.put_back(token, connection, life);
    }

    /// Goes on with what a connection has kept.
    pub(super) fn go_on(&mut self, connection: &mut Connection) -> Life {
        connection.state = State::Open;
        // Before its client has a reply: then others see, too, that it is held back no longer.
        connection.session.record.paused.store(false, Relaxed);
        // Whatever is in it was received from another connection.
        self.buffers.input.clear();
        self.proceed(connection)
    }

    pub(super) fn put_back(&mut self, token: Token, connection: Box<Connection>, life: Life) {
        let Some(mut connection) = self.settle(token, connection, life) else { return };
        match connection.state {
            // It goes on when its replies may be sent.
            State::Waiting if connection.holding.until.is_some() => {}
            State::Waiting => self.waiting.push(token),
            State::Paused => self.timers.note_pause(),
            State::Blocked => self.note_deadline(token, &mut connection),
            State::Open | State::Congested | State::Closing | State::Replicating => {}
        }
        self.keep(token, connection);
    }

    /// Ends a connection, or sees to it that its socket is waited for.
    pub(super) fn settle(
        &mut self,
        token: Token,
        mut connection: Box<Connection>,
        mut life: Life,
    ) -> Option<Box<Connection>> {
        if connection.state == State::Replicating && life == Life::Goes {
            self.hand_over(token, connection);
            return None;
        }
        if connection.state == State::Closing && !connection.has_pending() {
            life = Life::Ends;
        }
        let interest = connection.wants();
        if life == Life::Goes && interest != connection.interest {
            connection.interest = interest;
            if self.poller.change(&connection.socket, token, interest).is_err() {
                life = Life::Ends;
            }
        }
        if life == Life::Ends {
            self.end(token, connection);
            return None;
        }
        self.note_held(token, &mut connection);
        Some(connection)
    }

    /// Puts a connection into its place, and notes what others may see of it.
    pub(super) fn keep(&mut self, token: Token, mut connection: Box<Connection>) {
        let is_quiet = connection.is_quiet();
        if !is_quiet || connection.was_noted {
            let memory = &connection.session.record.memory;
            let before = memory.load(Relaxed);
            connection.note_buffers();
            self.grown += memory.load(Relaxed).saturating_sub(before);
            connection.was_noted = !is_quiet;
        }
        self.places.put_back(token, connection);
    }

    /// Writes what is pending to a socket that takes more again.
    fn write(&mut self, connection: &mut Connection) -> Life {
        let before = connection.pending();
        let life = self.flush(connection);
        if life == Life::Ends {
            return life;
        }
        if connection.pending() < before {
            connection.note_activity(self.share.now_ms());
        }
        if connection.output.is_empty() {
            // An idle connection holds no buffer.
            connection.output = Output::new();
        }
        if connection.state == State::Congested
            && connection.output.len() < congestion_bytes(connection) / 2
        {
            return self.go_on(connection);
        }
        life
    }

    fn read(&mut self, connection: &mut Connection) -> Life {
        self.receive(connection).unwrap_or_else(|| self.proceed(connection))
    }

    /// Reads what a socket has; what becomes of the connection if there is nothing to go on with.
    pub(super) fn receive(&mut self, connection: &mut Connection) -> Option<Life> {
        if connection.long.is_some() {
            let held = connection.input.len();
            let outcome = self.receive_long(connection);
            if outcome.is_some() || held < connection.input.len() {
                return outcome;
            }
        }
        let received = if connection.input.len() <= SHORT_BYTES {
            let mut input = std::mem::take(&mut self.buffers.input);
            input.clear();
            input.extend_from_slice(&connection.input);
            let received = if connection.channel.is_none() {
                receive(&connection.socket, &mut input)
            } else {
                self.receive_sealed(connection, |_, plain| input.extend_from_slice(plain))
            };
            self.buffers.input = input;
            received
        } else {
            // There is room (see `input`); without any a read would look like the end.
            debug_assert!(connection.input.len() < connection.input.capacity());
            connection.input.reserve(1);
            if connection.channel.is_none() {
                receive(&connection.socket, &mut connection.input)
            } else {
                let mut input = std::mem::take(&mut connection.input);
                let received =
                    self.receive_sealed(connection, |_, plain| input.extend_from_slice(plain));
                connection.input = input;
                received
            }
        };
        let outcome = self.note_received(connection, received);
        if outcome.is_none() && connection.input.len() <= SHORT_BYTES {
            // It is at the front of the worker's buffer.
            connection.input = Vec::new();
        }
        outcome
    }

    /// Reads more of a long argument. If it is complete, the rest of the request is to be read next.
    fn receive_long(&mut self, connection: &mut Connection) -> Option<Life> {
        let received = if connection.channel.is_some() {
            self.receive_sealed(connection, |long, plain| {
                if let Some(long) = long {
                    long.append(plain);
                }
            })
        } else {
            let Connection { socket, long: Some(long), .. } = connection else { return None };
            receive(socket, long.room())
        };
        let is_complete = connection.long.as_ref().is_some_and(|long| long.is_complete());
        if let Some(life) = self.note_received(connection, received) {
            return Some(life);
        }
        if !is_complete {
            let is_over = self.is_over_query_limit(connection);
            return Some(if is_over { Life::Ends } else { Life::Goes });
        }
        if let Some(long) = connection.long.take() {
            let (argument, after) = long.finish();
            connection.parser.supply(argument);
            connection.input.extend_from_slice(&after);
        }
        None
    }

    /// What becomes of a connection that was read from, unless it goes on.
    fn note_received(&mut self, connection: &mut Connection, received: Received) -> Option<Life> {
        if received != Received::End
            && let Some(life) = self.turn_away(connection)
        {
            return Some(life);
        }
        match received {
            Received::Bytes(count) => {
                connection.note_activity(self.share.now_ms());
                self.buffers.received += count as u64;
                self.buffers.reads += 1;
                None
            }
            Received::Nothing => Some(Life::Goes),
            Received::End if !connection.has_pending() => {
                self.log_end(connection);
                Some(Life::Ends)
            }
            Received::End => {
                // It has said all that it wants to, and may still read.
                connection.state = State::Closing;
                connection.input = Vec::new();
                connection.long = None;
                Some(Life::Goes)
            }
        }
    }

    /// Executes what has been received just now, or kept, and writes the replies.
    pub(super) fn proceed(&mut self, connection: &mut Connection) -> Life {
        match self.advance(connection) {
            Life::Goes => self.answer(connection),
            Life::Ends => Life::Ends,
        }
    }

    /// Executes what has been received; the replies are pending then.
    pub(super) fn advance(&mut self, connection: &mut Connection) -> Life {
        // What has just been read is in the worker's buffer if the connection had little left over.
        let own = !connection.input.is_empty();
        let input =
            std::mem::take(if own { &mut connection.input } else { &mut self.buffers.input });
        if connection.output.is_empty() {
            self.make_room();
            std::mem::swap(&mut connection.output, &mut self.buffers.output);
        }
        connection.holding.is_cleared = false;
        let executed = self.execute(connection, &input);
        self.keep_rest(connection, input, own, executed);
        self.dispatch();
        if connection.session.record.killed.load(Relaxed) {
            return Life::Ends;
        }
        let reads = connection.state == State::Open;
        if reads && !connection.input.is_empty() && self.is_over_query_limit(connection) {
            return Life::Ends;
        }
        Life::Goes
    }

    /// Writes the replies, as far as the socket takes them.
    pub(super) fn answer(&mut self, connection: &mut Connection) -> Life {
        let life = self.flush(connection);
        if connection.output.is_empty() {
            std::mem::swap(&mut connection.output, &mut self.buffers.output);
            connection.output = Output::new();
            self.buffers.output.shrink_to(4 * READ_BYTES);
        } else {
            connection.output.divide(TURN_BYTES);
            let goes_on = matches!(connection.state, State::Open | State::Waiting);
            if goes_on && congestion_bytes(connection) <= connection.output.len() {
                connection.state = State::Congested;
            }
        }
        life
    }

    /// Keeps what was not executed. `own` is whether the input was the connection's and not the worker's.
    fn keep_rest(
        &mut self,
        connection: &mut Connection,
        mut input: Vec<u8>,
        own: bool,
        executed: Executed,
    ) {
        let mut reads = connection.state == State::Open && connection.long.is_none();
        if connection.state == State::Closing {
            // What it sent after that is nobody's business.
            input.clear();
            connection.long = None;
        }
        let used = executed.bytes.min(input.len());
        if reads
            && used < input.len()
            && let Some(length) = connection.parser.argument_under_way()
            && connection.parser.supplied_bytes() + length <= SUPPLIED_BYTES
        {
            let start = used + connection.parser.parsed();
            let long = LongArgument::begin(input.get(start..).unwrap_or_default(), length);
            if long.is_some() {
                input.truncate(start);
                reads = false;
                connection.long = long.map(Box::new);
            }
        }
        if own {
            input::advance(&mut input, used, executed.missing, reads);
            connection.input = input;
        } else {
            let rest = input.get(used..).unwrap_or_default();
            if !rest.is_empty() {
                connection.input = input::keep(rest, executed.missing, reads);
            }
            input.clear();
            self.buffers.input = input;
        }
        if let Some(input) = executed.rewritten {
            connection.input = input;
        }
    }

    /// Executes the complete requests in `input`, as many as one turn allows.
    fn execute(&mut self, connection: &mut Connection, input: &[u8]) -> Executed {
        let mut batch = std::mem::take(&mut self.buffers.batch);
        let mut done = Executed { bytes: 0, missing: 0, rewritten: None };
        let before = connection.output.len();
        let mut requests = 0;
        loop {
            let limits = self.request_limits(connection.session.authenticated);
            let at_most = if limits.authenticated { BATCH } else { 1 };
            let status = connection.parser.parse(input, done.bytes, &mut batch, &limits, at_most);
            super::CURRENT.set(connection.session.id());
            self.engine.statistics[self.share.index].serve(connection.session.id());
            let ran = self.run_calls(connection, &batch, input);
            super::CURRENT.set(0);
            if ran.executed < batch.len() {
                // What was not executed is parsed anew, if ever.
                connection.parser = RequestParser::new();
                if ran.executed == 0 && !batch.supplied().is_empty() {
                    done.rewritten = Some(rewrite(&batch, input));
                }
                done.bytes = ran.executed.checked_sub(1).map_or(done.bytes, |last| batch.end(last));
            } else {
                done.bytes = batch.consumed();
            }
            if let Some(state) = state_after(ran.next) {
                connection.state = state;
                if let (State::Blocked, ParseStatus::Failed(_)) = (state, &status) {
                    // That is told when it is its turn: then it is parsed anew.
                    connection.parser = RequestParser::new();
                }
                break;
            }
            match status {
                ParseStatus::Full => {}
                ParseStatus::NeedsInput { missing } => {
                    done.missing = missing;
                    break;
                }
                ParseStatus::Failed(error) => {
                    let request = input.get(done.bytes..).unwrap_or_default();
                    self.log_protocol_error(connection, error, request);
                    let error = ReplyError::from(error);
                    self.share.count_error(&error);
                    if connection.session.wants_replies() {
                        Reply::new(&mut connection.output, connection.session.protocol)
                            .error(&error);
                    }
                    connection.state = State::Closing;
                    break;
                }
            }
            if done.bytes == input.len() {
                break;
            }
            requests += batch.len();
            let replied = connection.output.len() - before;
            // What it has published is delivered before it publishes more.
            if TURN_REQUESTS <= requests || TURN_BYTES <= replied || self.share.has_post() {
                connection.state = State::Waiting;
                break;
            }
        }
        if !batch.supplied().is_empty() {
            // Whoever keeps one of them as a value is the only one to hold it from here on.
            batch.clear();
        }
        self.buffers.batch = batch;
        done
    }

    pub(super) fn request_limits(&self, authenticated: bool) -> RequestLimits {
        let bulk_bytes = self.share.config.limits.bulk_bytes;
        RequestLimits {
            bulk_bytes: usize::try_from(bulk_bytes).unwrap_or(usize::MAX),
            inline_bytes: INLINE_BYTES,
            authenticated,
        }
    }

    pub(super) fn flush(&mut self, connection: &mut Connection) -> Life {
        if !connection.has_pending() {
            return Life::Goes;
        }
        if self.holds(connection) {
            return self.check_output_limit(connection, true);
        }
        self.buffers.writes += 1;
        let sent = if connection.channel.is_none() {
            transmit(&connection.socket, &mut connection.output)
        } else {
            self.transmit_sealed(connection)
        };
        match sent {
            Sent::Bytes(count) => self.buffers.sent += count as u64,
            Sent::End => {
                self.log_end(connection);
                return Life::Ends;
            }
        }
        if connection.output.is_empty() && connection.over_soft_limit_since_ms == 0 {
            return Life::Goes;
        }
        self.check_output_limit(connection, true)
    }
}

/// The input with its first request written as if all of it had been received in one buffer.
#[cold]
fn rewrite(batch: &Batch, input: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = batch.words(0, input).iter().collect();
    let mut rewritten = Vec::new();
    encode_request(&words, &mut rewritten);
    rewritten.extend_from_slice(input.get(batch.end(0)..).unwrap_or_default());
    rewritten
}

/// The state of a connection that executes no more of what it has sent, for now.
fn state_after(next: Next) -> Option<State> {
    match next {
        Next::Continue => None,
        Next::Close => Some(State::Closing),
        Next::Replicate => Some(State::Replicating),
        Next::Postpone => Some(State::Paused),
        Next::Yield => Some(State::Waiting),
        Next::Block => Some(State::Blocked),
    }
}

/// A client that was killed calls nothing more.
pub(super) fn life(connection: &Connection) -> Life {
    if connection.session.record.killed.load(Relaxed) { Life::Ends } else { Life::Goes }
}
