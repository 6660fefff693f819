//! Reading from and writing to connections that are encrypted.

use super::Worker;
use super::connection::{Connection, State};
use super::input::LongArgument;
use super::read::Received;
use super::round::Life;
use super::write::Sent;
use crate::log;
use crate::tls::{Arrival, ChannelError};

impl Worker<'_> {
    /// Reads what the socket of an encrypted connection has. The plain bytes go to `sink`, with the long argument under way.
    pub(super) fn receive_sealed(
        &mut self,
        connection: &mut Connection,
        mut sink: impl FnMut(Option<&mut LongArgument>, &[u8]),
    ) -> Received {
        let Connection { channel: Some(channel), socket, long, .. } = connection else {
            return Received::End;
        };
        let outcome = channel.receive(&*socket, &mut self.scratch, |plain| {
            sink(long.as_deref_mut(), plain);
        });
        match outcome {
            Ok(Arrival::Bytes(count)) => Received::Bytes(count),
            Ok(Arrival::Nothing) => Received::Nothing,
            Ok(Arrival::End) => Received::End,
            Err(error) => {
                log_failure(connection, &error);
                Received::End
            }
        }
    }

    /// Encrypts and writes what is pending, as far as the socket takes it.
    pub(super) fn transmit_sealed(&mut self, connection: &mut Connection) -> Sent {
        let Connection { channel: Some(channel), socket, output, .. } = connection else {
            return Sent::End;
        };
        match channel.transmit(&*socket, output, &mut self.scratch) {
            Ok(count) => Sent::Bytes(count),
            Err(error) => {
                log_failure(connection, &error);
                Sent::End
            }
        }
    }

    /// Tells a client that is not to be served why, as soon as it would be understood.
    #[inline]
    pub(super) fn turn_away(&mut self, connection: &mut Connection) -> Option<Life> {
        let line = connection.channel.as_mut()?.take_farewell()?;
        connection.output.push(line);
        connection.state = State::Closing;
        self.share.count(|numbers| numbers.rejected_connections += 1);
        Some(self.flush(connection))
    }

    /// Tells the client of an encrypted connection that this is its end.
    #[inline]
    pub(super) fn bid_farewell(&mut self, connection: &mut Connection) {
        if let Connection { channel: Some(channel), socket, .. } = connection {
            channel.close(&*socket, &mut self.scratch);
        }
    }
}

#[cold]
fn log_failure(connection: &Connection, error: &ChannelError) {
    let peer = &connection.session.record.peer;
    let (address, local) = (&peer.address, &peer.local_address);
    let shakes_hands = connection.channel.as_ref().is_some_and(|it| it.is_handshaking());
    if shakes_hands {
        log::warning(format_args!(
            "Error accepting a client connection: {error} (addr={address} laddr={local})"
        ));
    } else {
        log::verbose(format_args!("Reading from client: {error} (addr={address})"));
    }
}
