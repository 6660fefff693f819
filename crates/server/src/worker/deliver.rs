//! Handing on what was published to the connections of this worker.
//!
//! It is done between two connections, when all are in their places. What several publications have for a client goes out
//! in one write. For that it is gathered in the client's output, but no more than the memory for it may take; what many clients are
//! sent alike is put together once, and written to each from there (see [`Bundle`]).

use engine::pubsub::Bundle;

use super::Worker;
use super::connection::{Connection, State};
use super::poller::Token;
use super::round::{Life, life};
use super::write::{Sent, transmit_bytes};

/// Bytes gathered for all connections together before they are written.
const GATHERED_BYTES: usize = 4 << 20;
/// Posts worked through before they are written.
const GATHERED_POSTS: usize = 256;
/// Bytes of room that a subscriber's connection keeps: most messages are short.
const ROOM_BYTES: usize = 512;
/// Connections written to before others may close the gates.
const WRITTEN: usize = 64;

impl Worker<'_> {
    /// Hands on everything that has been published so far, if all connections are in their places.
    #[inline]
    pub(super) fn deliver(&mut self) {
        if self.share.has_post() && self.ahead.is_empty() {
            self.deliver_all();
        }
    }

    fn deliver_all(&mut self) {
        let (mut bytes, mut posts) = (0, 0);
        loop {
            if let Some(bundle) = self.share.next_bundle() {
                self.deliver_bundle(&bundle);
                continue;
            }
            let Some((number, post)) = self.share.next_post() else { break };
            let (places, receiving) = (&mut self.places, &mut self.receiving);
            self.share.for_each_recipient(&post, &mut |place, delivered| {
                let token = Token(place);
                let Some(connection) = places.get_mut(token) else { return };
                if connection.state == State::Closing || !connection.session.awaits(number) {
                    return;
                }
                let before = connection.output.len();
                let Connection { session, output, .. } = connection;
                delivered.write_to(session, output);
                bytes += connection.output.len() - before;
                connection.holding.is_cleared = false;
                if !std::mem::replace(&mut connection.is_receiving, true) {
                    receiving.push(token);
                }
            });
            posts += 1;
            if GATHERED_BYTES <= bytes || GATHERED_POSTS <= posts {
                self.write_to_receivers();
                (bytes, posts) = (0, 0);
            }
        }
        self.write_to_receivers();
    }

    fn deliver_bundle(&mut self, bundle: &Bundle) {
        let recipients = self.share.recipients_of(bundle).to_vec();
        for (count, place) in recipients.into_iter().enumerate() {
            if count % WRITTEN == WRITTEN - 1 {
                self.share.make_way();
            }
            let token = Token(place);
            let Some(mut connection) = self.places.take(token) else { continue };
            let life = self.hand_on(&mut connection, bundle);
            if let Some(connection) = self.settle(token, connection, life) {
                self.keep(token, connection);
            }
        }
    }

    /// Sends a client its part of a bundle: from where it lies, if nothing is before it and nothing has to be sealed.
    fn hand_on(&mut self, connection: &mut Connection, bundle: &Bundle) -> Life {
        let bytes = connection.session.part_of(bundle);
        let life = life(connection);
        if connection.state == State::Closing || bytes.is_empty() || life == Life::Ends {
            return life;
        }
        connection.holding.is_cleared = false;
        if connection.channel.is_some() || connection.has_pending() || self.holds(connection) {
            connection.output.push(bytes);
            let life = self.flush(connection);
            connection.output.shrink_to(ROOM_BYTES.max(connection.output.len()));
            return life;
        }
        self.buffers.writes += 1;
        match transmit_bytes(&connection.socket, bytes) {
            Sent::Bytes(count) => {
                self.buffers.sent += count as u64;
                if count == bytes.len() {
                    return Life::Goes;
                }
                connection.output.push(bytes.get(count..).unwrap_or_default());
                self.check_output_limit(connection, true)
            }
            Sent::End => {
                self.log_end(connection);
                Life::Ends
            }
        }
    }

    fn write_to_receivers(&mut self) {
        let mut receiving = std::mem::take(&mut self.receiving);
        for (count, token) in receiving.drain(..).enumerate() {
            if count % WRITTEN == WRITTEN - 1 {
                self.share.make_way();
            }
            let Some(mut connection) = self.places.take(token) else { continue };
            connection.is_receiving = false;
            let mut life = life(&connection);
            if life == Life::Goes {
                life = self.flush(&mut connection);
                connection.output.shrink_to(ROOM_BYTES.max(connection.output.len()));
            }
            if let Some(connection) = self.settle(token, connection, life) {
                self.keep(token, connection);
            }
        }
        self.receiving = receiving;
    }
}
