//! Handing on what was published to the connections of this worker.
//!
//! It is done between two connections, when all are in their places. What several publications have for a client goes out
//! in one write; but no more is gathered before it is written than the memory for it may take.

use super::Worker;
use super::connection::{Connection, State};
use super::poller::Token;
use super::round::life;

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
        while let Some((number, post)) = self.share.next_post() {
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

    fn write_to_receivers(&mut self) {
        let mut receiving = std::mem::take(&mut self.receiving);
        for (count, token) in receiving.drain(..).enumerate() {
            if count % WRITTEN == WRITTEN - 1 {
                self.share.make_way();
            }
            let Some(mut connection) = self.places.take(token) else { continue };
            connection.is_receiving = false;
            let mut life = life(&connection);
            if life == super::round::Life::Goes {
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
