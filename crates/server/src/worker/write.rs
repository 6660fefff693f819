//! Writing to a socket.

use std::io::IoSlice;
use std::os::fd::AsFd;

use resp::Output;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

/// Segments in one system call.
const SLICES: usize = 64;
/// After so many bytes others have their turn.
const TURN_BYTES: usize = 1 << 20;

/// How a write ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sent {
    /// So many bytes; what is left waits until the socket takes more.
    Bytes(usize),
    /// The other side is gone.
    End,
}

/// Writes bytes, as many as the socket takes at once.
pub(super) fn transmit_bytes(socket: impl AsFd, bytes: &[u8]) -> Sent {
    loop {
        match send(&socket, bytes, SendFlags::NOSIGNAL) {
            Ok(count) => return Sent::Bytes(count),
            Err(Errno::AGAIN) => return Sent::Bytes(0),
            Err(Errno::INTR) => {}
            Err(_) => return Sent::End,
        }
    }
}

/// Writes what is pending, as far as the socket takes it.
pub(super) fn transmit(socket: impl AsFd, output: &mut Output) -> Sent {
    let mut total = 0;
    while !output.is_empty() && total < TURN_BYTES {
        let outcome = if let Some(bytes) = output.as_slice() {
            send(&socket, bytes, SendFlags::NOSIGNAL)
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = output.io_slices(&mut slices);
            // SIGPIPE is ignored by the process.
            rustix::io::writev(&socket, slices.get(..filled).unwrap_or_default())
        };
        match outcome {
            Ok(count) => {
                total += count;
                output.advance(count);
            }
            Err(Errno::AGAIN) => break,
            Err(Errno::INTR) => {}
            Err(_) => return Sent::End,
        }
    }
    Sent::Bytes(total)
}
