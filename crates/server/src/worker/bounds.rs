//! What one client may take of the server: bytes that it has sent, and bytes that it does not take.

use std::sync::atomic::Ordering::Relaxed;

use engine::clients::ClientKind;
use resp::ProtocolError;

use super::Worker;
use super::connection::{Connection, State};
use super::round::Life;
use crate::log;

/// Bytes of pending replies at which a connection is not read from any more. With the default limits of the output buffer nothing
/// else would bound the memory of a client that sends requests and never reads. So high, because a client may send all of a
/// long pipeline before it reads the first reply, and would wait for ever for a server that waits for it.
const CONGESTION_BYTES: usize = 256 << 20;

/// The same for a client that has not authenticated. There is nothing that it could ask much for in good faith.
const STRANGER_CONGESTION_BYTES: usize = 1 << 20;

/// Bytes of pending replies at which this connection is not read from any more.
pub(super) fn congestion_bytes(connection: &Connection) -> usize {
    if connection.session.authenticated { CONGESTION_BYTES } else { STRANGER_CONGESTION_BYTES }
}

/// How long a connection that is to be closed, and only waits for its client to take what is left, may make no progress.
const CLOSING_PATIENCE_MS: i64 = 60_000;

/// How long the handshake of an encrypted connection may take. Until it is done nobody knows who it is.
const HANDSHAKE_PATIENCE_MS: i64 = 10_000;

/// Bytes of a query buffer that are logged.
const SHOWN_BYTES: usize = 64;

impl Worker<'_> {
    /// Whether a client has sent more of an argument than it may; then it is to be closed. Arguments that are complete do
    /// not count: each is within a limit of its own.
    pub(super) fn is_over_query_limit(&self, connection: &Connection) -> bool {
        let long = connection.long.as_ref().map_or(0, |long| long.arrived());
        // Calls that wait for EXEC are not executed yet either.
        let queued = connection.session.queued_bytes();
        let pending =
            connection.input.len().saturating_sub(connection.parser.parsed()) + long + queued;
        if pending as u64 <= self.share.config.limits.query_buffer_bytes {
            return false;
        }
        self.log_query_limit(connection);
        true
    }

    #[cold]
    fn log_query_limit(&self, connection: &Connection) {
        let start = connection.parser.parsed();
        let shown = match &connection.long {
            Some(long) => long.bytes(),
            None => connection.input.get(start..).unwrap_or_default(),
        };
        let shown = shown.get(..SHOWN_BYTES).unwrap_or(shown).escape_ascii();
        log::warning(format_args!(
            "Closing client that reached max query buffer length: {} (qbuf initial bytes: \"{shown}\")",
            self.describe(connection)
        ));
        self.share.count(|numbers| numbers.client_query_buffer_limit_disconnections += 1);
    }

    /// Closes the clients that take most memory, if all together take too much.
    #[inline]
    pub(super) fn limit_clients(&mut self, at_tick: bool) {
        /// When clients of this worker have grown by this part of the limit, the next tick is not awaited.
        const PART: u64 = 16;
        if let Some(limit) = self.share.client_memory_limit()
            && (at_tick || limit / PART <= self.grown as u64)
        {
            self.grown = 0;
            self.share.evict_clients(limit);
        }
    }

    /// Whether a client that does not take its replies is within its limits. `at_once` is whether it has just called
    /// something, and not only let time pass.
    pub(super) fn check_output_limit(&self, connection: &mut Connection, at_once: bool) -> Life {
        let limits = &self.share.config.limits.output_buffer;
        let limit = match connection.session.record.kind() {
            ClientKind::Subscriber => &limits.pub_sub,
            ClientKind::Replica => &limits.replica,
            ClientKind::Normal | ClientKind::Primary => &limits.normal,
        };
        let pending = connection.pending() as u64;
        let is_over = |bytes: u64| 0 < bytes && bytes <= pending;
        if !is_over(limit.soft_bytes) {
            connection.over_soft_limit_since_ms = 0;
        } else if connection.over_soft_limit_since_ms == 0 {
            connection.over_soft_limit_since_ms = self.share.now_ms();
        }
        let since_ms = connection.over_soft_limit_since_ms;
        let is_over_soft = since_ms != 0
            && i64::from(limit.soft_s).saturating_mul(1000) < self.share.now_ms() - since_ms;
        if !is_over_soft && !is_over(limit.hard_bytes) {
            return Life::Goes;
        }
        self.log_output_limit(connection, at_once);
        Life::Ends
    }

    #[cold]
    fn log_output_limit(&self, connection: &Connection, at_once: bool) {
        let how = if at_once { "scheduled to be closed ASAP" } else { "closed" };
        log::warning(format_args!(
            "Client {} {how} for overcoming of output buffer limits.",
            self.describe(connection)
        ));
        self.share.count(|numbers| numbers.client_output_buffer_limit_disconnections += 1);
    }

    #[cold]
    pub(super) fn log_protocol_error(
        &self,
        connection: &Connection,
        error: ProtocolError,
        request: &[u8],
    ) {
        if !log::is_enabled(log::Level::Verbose) {
            return;
        }
        let shown = request.get(..SHOWN_BYTES).unwrap_or(request).escape_ascii();
        log::verbose(format_args!(
            "Protocol error ({}) from client: {}. Query buffer during protocol error: '{shown}'",
            reason(error),
            self.describe(connection)
        ));
    }

    /// A connection that its client has closed, or that broke.
    pub(super) fn log_end(&self, connection: &Connection) {
        if log::is_enabled(log::Level::Verbose) {
            log::verbose(format_args!("Client closed connection {}", self.describe(connection)));
        }
    }

    fn describe(&self, connection: &Connection) -> String {
        connection.note_buffers();
        self.share.describe_client(&connection.session)
    }

    /// Whether it is time to close a connection: its client has been silent for too long, or does not take its replies.
    pub(super) fn is_to_close(&self, connection: &mut Connection) -> bool {
        let idle_ms = self.share.now_ms() - connection.session.record.last_call_ms.load(Relaxed);
        let limit_ms = i64::from(self.share.config.network.timeout_s).saturating_mul(1000);
        // One that listens need not say anything.
        let record = &connection.session.record;
        let listens = record.is_subscriber() || record.monitors.load(Relaxed);
        let waits = listens || matches!(connection.state, State::Blocked | State::Paused);
        let is_idle = 0 < limit_ms && limit_ms < idle_ms && !waits;
        let is_stuck = connection.state == State::Closing && CLOSING_PATIENCE_MS < idle_ms;
        let age_ms = self.share.now_ms() - record.created_ms;
        let shakes_hands = connection.channel.as_ref().is_some_and(|it| it.is_handshaking());
        if shakes_hands && HANDSHAKE_PATIENCE_MS < age_ms {
            log::verbose(format_args!(
                "Closing a client that does not finish its handshake: {}",
                self.describe(connection)
            ));
            return true;
        }
        if is_idle || is_stuck {
            log::verbose("Closing idle client");
            return true;
        }
        connection.has_pending() && self.check_output_limit(connection, false) == Life::Ends
    }
}

/// What Redis logs about a request that breaks the protocol; other words than those for the client.
fn reason(error: ProtocolError) -> &'static str {
    match error {
        ProtocolError::InlineTooLong => "too big inline request",
        ProtocolError::CountTooLong => "too big mbulk count string",
        ProtocolError::LengthTooLong => "too big bulk count string",
        ProtocolError::InvalidCount => "invalid mbulk count",
        ProtocolError::InvalidLength => "invalid bulk length",
        ProtocolError::ExpectedDollar(_) => "expected $ but got something else",
        ProtocolError::UnbalancedQuotes => "unbalanced quotes in inline request",
        ProtocolError::UnauthenticatedCount => "unauth mbulk count",
        ProtocolError::UnauthenticatedLength => "unauth bulk length",
    }
}
