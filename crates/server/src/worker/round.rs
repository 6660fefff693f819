//! Serving a connection that is ready: read once, execute all complete requests, write once.

use std::sync::atomic::Ordering::Relaxed;

use engine::Next;
use resp::limits::INLINE_BYTES;
use resp::{ParseStatus, Reply, ReplyError, RequestLimits, RequestParser};

use super::connection::{Connection, State};
use super::poller::Readiness;
use super::read::{Received, receive};
use super::write::{Sent, transmit};
use super::{READ_BYTES, Worker, token};
use crate::log;

/// Requests parsed before they are executed: enough to look ahead, few enough that one client's turn stays short.
const BATCH: usize = 256;
/// Bytes of pending replies at which a connection is not read from any more. With the default limits of the output buffer nothing
/// else would bound the memory of a client that sends requests and never reads.
const CONGESTION_BYTES: usize = 256 << 20;

/// Whether a connection lives on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Goes,
    Ends,
}

impl Worker<'_> {
    /// Serves the connection that a token names, if it is still there.
    pub(super) fn serve(&mut self, raw: u64, readiness: Readiness) {
        let place = usize::try_from(raw & 0xffff_ffff).unwrap_or(usize::MAX);
        let Some(slot) = self.connections.get_mut(place) else { return };
        if u64::from(slot.generation) != raw >> 32 {
            return;
        }
        // Taken out while it is served, so that the worker can be used beside it.
        let Some(mut connection) = slot.connection.take() else { return };
        if connection.session.record.killed.load(Relaxed) {
            self.put_back(place, connection, Life::Ends);
            return;
        }
        let mut life = Life::Goes;
        if readiness.writable && !connection.output.is_empty() {
            life = self.flush(&mut connection);
            if connection.state == State::Congested
                && connection.output.len() < CONGESTION_BYTES / 2
            {
                connection.state = State::Open;
                life = self.proceed(&mut connection);
            }
        }
        if life == Life::Goes && readiness.readable {
            life = match connection.state {
                State::Open => self.read(&mut connection),
                // It waits for nothing else: the other side has closed, and its calls are not wanted any more.
                State::Paused => Life::Ends,
                State::Congested | State::Closing => Self::check_hang_up(&connection),
            };
        }
        self.put_back(place, connection, life);
    }

    /// Goes on with the connection at a place, if its calls waited for a pause to end.
    pub(super) fn resume(&mut self, place: usize) {
        let Some(slot) = self.connections.get_mut(place) else { return };
        let is_paused = |connection: &mut Box<Connection>| connection.state == State::Paused;
        let Some(mut connection) = slot.connection.take_if(is_paused) else { return };
        connection.state = State::Open;
        let life = self.proceed(&mut connection);
        self.put_back(place, connection, life);
    }

    fn put_back(&mut self, place: usize, mut connection: Box<Connection>, life: Life) {
        let interest = connection.wants();
        let mut ends = life == Life::Ends
            || connection.session.record.killed.load(Relaxed)
            || connection.state == State::Closing && connection.output.is_empty();
        if !ends && interest != connection.interest {
            connection.interest = interest;
            let token = token(self.connections[place].generation, place);
            ends = self.poller.change(&connection.socket, token, interest).is_err();
        }
        if connection.state == State::Paused {
            self.timers.await_end_of_pause();
        }
        if !connection.is_quiet() {
            Worker::note(&connection);
            connection.was_noted = true;
        } else if connection.was_noted {
            Worker::note(&connection);
            connection.was_noted = false;
        }
        self.connections[place].connection = Some(connection);
        if ends {
            self.close(place);
        }
    }

    /// A connection that is not read from is still to be noticed when it is gone.
    fn check_hang_up(connection: &Connection) -> Life {
        let mut byte = [0; 1];
        match rustix::net::recv(&connection.socket, &mut byte, rustix::net::RecvFlags::PEEK) {
            Ok((_, 0)) => Life::Ends,
            Ok(_) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Life::Goes,
            Err(_) => Life::Ends,
        }
    }

    fn read(&mut self, connection: &mut Connection) -> Life {
        let received = if connection.input.is_empty() {
            let mut input = std::mem::take(&mut self.buffers.input);
            input.clear();
            let received = receive(&connection.socket, &mut input);
            self.buffers.input = input;
            received
        } else {
            if connection.input.capacity() - connection.input.len() < READ_BYTES / 4 {
                connection.input.reserve(READ_BYTES);
            }
            receive(&connection.socket, &mut connection.input)
        };
        match received {
            Received::Bytes(count) => {
                connection.session.record.last_call_ms.store(self.worker.now_ms(), Relaxed);
                self.buffers.received += count as u64;
                self.buffers.reads += 1;
            }
            Received::Nothing => return Life::Goes,
            Received::End => return Life::Ends,
        }
        self.proceed(connection)
    }

    /// Executes what has been received, and writes the replies.
    fn proceed(&mut self, connection: &mut Connection) -> Life {
        // What has just been read is in the worker's buffer if the connection had nothing left over.
        let own = !connection.input.is_empty();
        let mut input =
            std::mem::take(if own { &mut connection.input } else { &mut self.buffers.input });
        if connection.output.is_empty() {
            std::mem::swap(&mut connection.output, &mut self.buffers.output);
        }
        let (consumed, missing) = self.execute(connection, &input);
        if own {
            input.drain(..consumed);
            if input.is_empty() {
                // An idle connection holds no buffer.
                input = Vec::new();
            }
            connection.input = input;
        } else {
            let rest = input.get(consumed..).unwrap_or_default();
            if !rest.is_empty() && connection.state != State::Closing {
                connection
                    .input
                    .reserve_exact(rest.len() + missing.clamp(READ_BYTES / 4, 16 << 20));
                connection.input.extend_from_slice(rest);
            }
            input.clear();
            self.buffers.input = input;
        }
        if self.is_over_query_limit(connection) {
            return Life::Ends;
        }
        let life = self.flush(connection);
        if connection.output.is_empty() {
            std::mem::swap(&mut connection.output, &mut self.buffers.output);
            connection.output = resp::Output::new();
            self.buffers.output.shrink_to(4 * READ_BYTES);
        }
        life
    }

    /// Executes the complete requests in `input`; gives how many bytes they were, and how many are known to be missing of the next.
    fn execute(&mut self, connection: &mut Connection, input: &[u8]) -> (usize, usize) {
        let mut batch = std::mem::take(&mut self.buffers.batch);
        let mut from = 0;
        let mut missing = 0;
        loop {
            let authenticated = connection.session.authenticated;
            let limits = RequestLimits {
                bulk_bytes: usize::try_from(self.worker.config.limits.bulk_bytes)
                    .unwrap_or(usize::MAX),
                inline_bytes: INLINE_BYTES,
                authenticated,
            };
            let at_most = if authenticated { BATCH } else { 1 };
            let status = connection.parser.parse(input, from, &mut batch, &limits, at_most);
            super::CURRENT.set(connection.session.id());
            let ran =
                self.worker.run(&mut connection.session, &batch, input, &mut connection.output);
            super::CURRENT.set(0);
            if ran.executed < batch.len() {
                // What was not executed is parsed anew, if ever.
                connection.parser = RequestParser::new();
                from = ran.executed.checked_sub(1).map_or(from, |last| batch.end(last));
            } else {
                from = batch.consumed();
            }
            match ran.next {
                Next::Continue => {}
                Next::Close => {
                    connection.state = State::Closing;
                    break;
                }
                Next::Postpone => {
                    connection.state = State::Paused;
                    break;
                }
            }
            match status {
                ParseStatus::Full => {}
                ParseStatus::NeedsInput { missing: bytes } => {
                    missing = bytes;
                    break;
                }
                ParseStatus::Failed(error) => {
                    if connection.session.wants_replies() {
                        let error = ReplyError::from(error);
                        Reply::new(&mut connection.output, connection.session.protocol)
                            .error(&error);
                    }
                    connection.state = State::Closing;
                    break;
                }
            }
            if CONGESTION_BYTES <= connection.output.len() {
                connection.state = State::Congested;
                break;
            }
        }
        self.buffers.batch = batch;
        (from, missing)
    }

    fn flush(&mut self, connection: &mut Connection) -> Life {
        if connection.output.is_empty() {
            return Life::Goes;
        }
        self.buffers.writes += 1;
        match transmit(&connection.socket, &mut connection.output) {
            Sent::Bytes(count) => {
                self.buffers.sent += count as u64;
                if connection.output.is_empty() {
                    Life::Goes
                } else {
                    self.check_output_limit(connection)
                }
            }
            Sent::End => Life::Ends,
        }
    }

    /// Whether a client has more waiting than it may; then it is to be closed.
    fn is_over_query_limit(&mut self, connection: &Connection) -> bool {
        let limit =
            usize::try_from(self.worker.config.limits.query_buffer_bytes).unwrap_or(usize::MAX);
        // Positions in the buffer are 32 bits wide.
        let limit = limit.min(u32::MAX as usize);
        if connection.input.len() <= limit {
            return false;
        }
        let client = self.worker.describe_client(&connection.session);
        log::warning(format_args!("Closing client that reached max query buffer length: {client}"));
        self.worker.count(|numbers| numbers.client_query_buffer_limit_disconnections += 1);
        true
    }

    /// Whether a client that does not take its replies is within its limits.
    pub(super) fn check_output_limit(&mut self, connection: &mut Connection) -> Life {
        let limit = &self.worker.config.limits.output_buffer.normal;
        let pending = connection.output.len() as u64;
        let now_ms = self.worker.now_ms();
        let over = |bytes: u64| 0 < bytes && bytes < pending;
        let since = if over(limit.soft_bytes) {
            *connection.over_soft_limit_since_ms.get_or_insert(now_ms)
        } else {
            connection.over_soft_limit_since_ms = None;
            now_ms
        };
        let soft = over(limit.soft_bytes) && i64::from(limit.soft_s) * 1000 < now_ms - since;
        if !soft && !over(limit.hard_bytes) {
            return Life::Goes;
        }
        let client = self.worker.describe_client(&connection.session);
        log::warning(format_args!(
            "Client {client} closed for overcoming of output buffer limits."
        ));
        self.worker.count(|numbers| numbers.client_output_buffer_limit_disconnections += 1);
        Life::Ends
    }

    /// Notes what others may see of the connection's buffers.
    fn note(connection: &Connection) {
        let record = &connection.session.record;
        record.query_buffer.store(connection.input.len(), Relaxed);
        record
            .query_buffer_free
            .store(connection.input.capacity() - connection.input.len(), Relaxed);
        record.output.store(connection.output.len(), Relaxed);
        record.output_memory.store(connection.output.memory(), Relaxed);
        record.memory.store(connection.memory(), Relaxed);
        record.paused.store(connection.state == State::Paused, Relaxed);
        record.closing.store(connection.state == State::Closing, Relaxed);
    }
}
