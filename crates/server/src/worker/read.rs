//! Reading from a socket.

use std::os::fd::AsFd;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;

/// What a read found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Received {
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// The other side has closed, or is gone.
    End,
}

/// Appends what a socket has to a buffer, up to its spare capacity.
pub(super) fn receive(socket: impl AsFd, buffer: &mut Vec<u8>) -> Received {
    match rustix::io::read(socket, spare_capacity(buffer)) {
        Ok(0) => Received::End,
        Ok(count) => Received::Bytes(count),
        Err(Errno::AGAIN | Errno::INTR) => Received::Nothing,
        Err(_) => Received::End,
    }
}
