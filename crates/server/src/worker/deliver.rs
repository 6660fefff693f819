//! Handing on what was published to the connections of this worker.
//!
//! It is done between two connections, when all are in their places. What clients are sent alike lies in one place
//! ([`Bundle`]) and is written to each from there: if there is nothing else for them at the moment, and always if they are many.
//! Otherwise what several publications have for a client is gathered in its output, so that it goes out in one write, but no more
//! than the memory for it may take.

use engine::pubsub::{Bundle, Parcel, Post};
use smallvec::SmallVec;

use super::Worker;
use super::connection::{Connection, State};
use super::poller::Token;
use super::round::{Life, life};
use super::write::{Sent, transmit_bytes};

/// Bytes gathered for all connections together before they are written.
const GATHERED_BYTES: usize = 4 << 20;
/// Messages worked through before they are written.
const GATHERED_MESSAGES: usize = 256;
/// Bytes of room that a subscriber's connection keeps: most messages are short.
const ROOM_BYTES: usize = 512;
/// Connections written to before others may close the gates.
const WRITTEN: usize = 64;
/// Subscribers for whom nothing is gathered: to copy for fewer takes little memory, and gathers what comes to them by several
/// channels.
const MANY: usize = 256;

/// What is gathered and not written.
#[derive(Default)]
struct Gathered {
    bytes: usize,
    messages: usize,
}

impl Worker<'_> {
    /// Hands on everything that has been published so far, if all connections are in their places.
    #[inline]
    pub(super) fn deliver(&mut self) {
        if self.share.has_post() && self.ahead.is_empty() {
            self.deliver_all();
        }
    }

    fn deliver_all(&mut self) {
        let mut gathered = Gathered::default();
        while let Some(parcel) = self.share.next_parcel() {
            match parcel {
                Parcel::Bundle(bundle) => {
                    self.deliver_bundle(&bundle, &mut gathered);
                    self.share.recycle(bundle);
                }
                Parcel::Post(number, post) => self.gather_post(number, &post, &mut gathered),
            }
            if GATHERED_BYTES <= gathered.bytes || GATHERED_MESSAGES <= gathered.messages {
                self.write_to_receivers();
                gathered = Gathered::default();
            }
        }
        self.write_to_receivers();
    }

    fn gather_post(&mut self, number: u64, post: &Post, gathered: &mut Gathered) {
        let (places, receiving) = (&mut self.places, &mut self.receiving);
        self.share.for_each_recipient(post, &mut |place, delivered| {
            let token = Token(place);
            let Some(connection) = places.get_mut(token) else { return };
            if connection.state == State::Closing || !connection.session.awaits(number) {
                return;
            }
            let before = connection.output.len();
            let Connection { session, output, .. } = connection;
            delivered.write_to(session, output);
            gathered.bytes += connection.output.len() - before;
            note_receiving(connection, token, receiving);
        });
        gathered.messages += 1;
    }

    fn deliver_bundle(&mut self, bundle: &Bundle, gathered: &mut Gathered) {
        /// More take an allocation.
        const FEW: usize = 16;
        let recipients = self.share.recipients_of(bundle);
        let is_alone = self.receiving.is_empty() && !self.share.has_post();
        if !is_alone && recipients.len() < MANY {
            return self.gather_bundle(bundle, gathered);
        }
        let recipients: SmallVec<[u64; FEW]> = SmallVec::from_slice(recipients);
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

    fn gather_bundle(&mut self, bundle: &Bundle, gathered: &mut Gathered) {
        for place in self.share.recipients_of(bundle) {
            let token = Token(*place);
            let Some(connection) = self.places.get_mut(token) else { continue };
            let bytes = connection.session.part_of(bundle);
            if connection.state == State::Closing || bytes.is_empty() {
                continue;
            }
            gathered.bytes += bytes.len();
            connection.output.push(bytes);
            note_receiving(connection, token, &mut self.receiving);
        }
        gathered.messages += bundle.messages();
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

/// Notes a connection that was given something to send.
fn note_receiving(connection: &mut Connection, token: Token, receiving: &mut Vec<Token>) {
    connection.holding.is_cleared = false;
    if !std::mem::replace(&mut connection.is_receiving, true) {
        receiving.push(token);
    }
}
