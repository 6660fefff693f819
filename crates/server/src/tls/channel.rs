//! A client's encrypted connection: bytes from its socket into plain ones, replies into records.
//!
//! ```text
//!   socket --> scratch.received --> record by record, decrypted --> the caller's sink
//!                 ^ partial: what is no complete record yet, between two reads
//!   output --> scratch.gathered, if it lies in small pieces --> scratch.sealed --> socket
//!                                                                 \ outgoing: what the socket has not taken
//! ```
//!
//! All that one read brings is decrypted at once, so that nothing waits here that the poller does not know of. Of what is to be sent,
//! at most a burst is encrypted ahead of the socket: the rest stays in the output, where it is counted and shared.
//!
//! A stranger, one whose handshake is not done, costs a bounded amount of memory; how long that may take is for the worker to say.

use std::io::IoSlice;
use std::os::fd::AsFd;
use std::sync::Arc;

use resp::Output;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use rustls::ServerConfig;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};

/// Read at once.
const READ_BYTES: usize = 64 << 10;
/// The longest plain text of a record.
const RECORD_BYTES: usize = 16 << 10;
/// Plain bytes that are encrypted, and then sent, at once.
const BURST_BYTES: usize = 4 * RECORD_BYTES;
/// What a record adds to its plain text, at most.
const OVERHEAD_BYTES: usize = 64;
/// The most that is kept of what is not complete: a message of a handshake comes in several records. The library itself
/// takes no longer ones.
const PARTIAL_BYTES: usize = 128 << 10;
/// Segments of an output that are looked at together.
const SLICES: usize = 64;
/// Plain bytes after which others have their turn.
const TURN_BYTES: usize = 1 << 20;

/// What the channels of a worker work with, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    received: Vec<u8>,
    gathered: Vec<u8>,
    sealed: Sealed,
}

/// Encrypted bytes; the buffer stays initialized beyond them.
#[derive(Debug, Default)]
struct Sealed {
    buffer: Vec<u8>,
    length: usize,
}

impl Sealed {
    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    /// Where so many bytes may go.
    fn room(&mut self, count: usize) -> &mut [u8] {
        let end = self.length.saturating_add(count);
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        self.buffer.get_mut(self.length..).unwrap_or_default()
    }

    /// So many were put there.
    fn advance(&mut self, count: usize) {
        self.length = self.length.saturating_add(count).min(self.buffer.len());
    }
}

/// Why a connection cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChannelError {
    /// What the client sent is not what the protocol allows, or its certificate is not good.
    #[error("{0}")]
    Protocol(#[from] rustls::Error),
    /// It sends a message without an end.
    #[error("a message is too long")]
    TooLong,
    /// It has been used for so long that its keys are worn out.
    #[error("the keys are exhausted")]
    Exhausted,
    /// The socket is gone.
    #[error("the connection is gone")]
    Gone,
}

/// What a read has brought.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// So many plain bytes.
    Bytes(usize),
    /// None yet.
    Nothing,
    /// The client sends nothing more, or is gone.
    End,
}

/// A client's encrypted connection.
pub(crate) struct Channel {
    connection: UnbufferedServerConnection,
    /// Received, and no complete record.
    partial: Vec<u8>,
    /// Encrypted, and not sent.
    outgoing: Vec<u8>,
    /// What the client is told in place of being served, once it can be.
    farewell: Option<&'static [u8]>,
    /// The library has found a fault, and must not be asked for anything more.
    has_failed: bool,
}

impl Channel {
    /// A connection that begins. With a `farewell` the client gets that line, and nothing else.
    pub(crate) fn new(
        terms: Arc<ServerConfig>,
        farewell: Option<&'static [u8]>,
    ) -> Result<Channel, ChannelError> {
        let connection = UnbufferedServerConnection::new(terms)?;
        Ok(Channel {
            connection,
            partial: Vec::new(),
            outgoing: Vec::new(),
            farewell,
            has_failed: false,
        })
    }

    /// Whether the handshake is not done.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// The line that the client is to be told, as soon as it can be.
    pub(crate) fn take_farewell(&mut self) -> Option<&'static [u8]> {
        if self.is_handshaking() { None } else { self.farewell.take() }
    }

    /// Bytes that are encrypted and not sent.
    pub(crate) fn pending(&self) -> usize {
        self.outgoing.len()
    }

    /// Bytes of memory, as far as they are known: not those of the library.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Channel>() + self.partial.capacity() + self.outgoing.capacity()
    }

    /// Whether nothing is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.partial.is_empty() && self.outgoing.is_empty()
    }

    /// Reads what the socket has, and gives the plain bytes to `sink`. What the handshake wants to say is sent.
    pub(crate) fn receive(
        &mut self,
        socket: impl AsFd,
        scratch: &mut Scratch,
        sink: impl FnMut(&[u8]),
    ) -> Result<Arrival, ChannelError> {
        let Scratch { received, sealed, .. } = scratch;
        if self.has_failed {
            return Ok(Arrival::End);
        }
        received.clear();
        received.extend_from_slice(&self.partial);
        received.reserve(READ_BYTES);
        match rustix::io::read(&socket, spare_capacity(received)) {
            Ok(0) => return Ok(Arrival::End),
            Ok(_) => {}
            Err(Errno::AGAIN | Errno::INTR) => return Ok(Arrival::Nothing),
            Err(_) => return Err(ChannelError::Gone),
        }
        sealed.length = 0;
        let outcome = self.open(received, sealed, sink);
        if 0 < sealed.length {
            self.dispatch(&socket, sealed)?;
        }
        outcome
    }

    /// Decrypts what was received; keeps what is not complete.
    fn open(
        &mut self,
        received: &mut [u8],
        sealed: &mut Sealed,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<Arrival, ChannelError> {
        let (mut start, mut count, mut is_ended) = (0, 0_usize, false);
        loop {
            let pending = received.get_mut(start..).unwrap_or_default();
            let UnbufferedStatus { discard, state, .. } =
                self.connection.process_tls_records(pending);
            let state = match state {
                Ok(state) => state,
                Err(error) => {
                    self.take_alert(received.get_mut(start + discard..), sealed);
                    return Err(error.into());
                }
            };
            match state {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        start += record.discard;
                        count += record.payload.len();
                        sink(record.payload);
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => seal(sealed, |room| data.encode(room))?,
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::PeerClosed => is_ended = true,
                ConnectionState::Closed => {
                    is_ended = true;
                    break;
                }
                // Nothing is left that is complete. (Early data is not offered, so none comes.)
                ConnectionState::BlockedHandshake
                | ConnectionState::WriteTraffic(_)
                | ConnectionState::ReadEarlyData(_)
                | _ => {
                    start += discard;
                    break;
                }
            }
            start += discard;
        }
        let rest = received.get(start..).unwrap_or_default();
        if PARTIAL_BYTES < rest.len() {
            return Err(ChannelError::TooLong);
        }
        if !rest.is_empty() || self.partial.capacity() != 0 {
            self.partial = rest.to_vec();
        }
        Ok(match count {
            0 if is_ended => Arrival::End,
            0 => Arrival::Nothing,
            _ => Arrival::Bytes(count),
        })
    }

    /// After an error: what the client is to be told of it. The library wants to see what it has not worked through; it would
    /// find the error anew if it were asked once too often.
    fn take_alert(&mut self, rest: Option<&mut [u8]>, sealed: &mut Sealed) {
        let rest = rest.unwrap_or_default();
        self.has_failed = true;
        while self.connection.wants_write()
            && let Ok(ConnectionState::EncodeTlsData(mut data)) =
                self.connection.process_tls_records(rest).state
        {
            if seal(sealed, |room| data.encode(room)).is_err() {
                return;
            }
        }
    }

    /// Sends what is pending: of what was encrypted, and then of `output`, as far as the socket takes it. Says how many bytes of `output` were
    /// taken.
    pub(crate) fn transmit(
        &mut self,
        socket: impl AsFd,
        output: &mut Output,
        scratch: &mut Scratch,
    ) -> Result<usize, ChannelError> {
        let mut total = 0;
        if self.has_failed {
            // The alert, if there was no room for it before. Replies cannot follow it.
            self.drain(&socket)?;
            return Err(ChannelError::Gone);
        }
        while self.drain(&socket)?
            && !output.is_empty()
            && total < TURN_BYTES
            && !self.is_handshaking()
        {
            scratch.sealed.length = 0;
            total += self.encrypt_burst(output, scratch)?;
            self.dispatch(&socket, &scratch.sealed)?;
        }
        Ok(total)
    }

    /// Encrypts and sends the front of some bytes, if the socket has taken all that came before. Says how many were taken.
    pub(crate) fn send(
        &mut self,
        socket: impl AsFd,
        bytes: &[u8],
        scratch: &mut Scratch,
    ) -> Result<usize, ChannelError> {
        if self.has_failed {
            return Err(ChannelError::Gone);
        }
        if !self.drain(&socket)? || bytes.is_empty() {
            return Ok(0);
        }
        let count = bytes.len().min(BURST_BYTES);
        scratch.sealed.length = 0;
        self.encrypt(bytes.get(..count).unwrap_or_default(), &mut scratch.sealed)?;
        self.dispatch(&socket, &scratch.sealed)?;
        Ok(count)
    }

    /// Encrypts the front of an output: big pieces from where they lie, small ones put together, so that records are full.
    fn encrypt_burst(
        &mut self,
        output: &mut Output,
        scratch: &mut Scratch,
    ) -> Result<usize, ChannelError> {
        let Scratch { gathered, sealed, .. } = scratch;
        let mut total = 0;
        while total < BURST_BYTES && !output.is_empty() {
            let budget = BURST_BYTES - total;
            let count = if let Some(bytes) = output.as_slice() {
                let count = bytes.len().min(budget);
                self.encrypt(bytes.get(..count).unwrap_or_default(), sealed)?;
                count
            } else {
                self.encrypt_pieces(output, budget, gathered, sealed)?
            };
            output.advance(count);
            total += count;
        }
        Ok(total)
    }

    /// Encrypts full records of the first piece of an output, or one record of several pieces.
    fn encrypt_pieces(
        &mut self,
        output: &Output,
        budget: usize,
        gathered: &mut Vec<u8>,
        sealed: &mut Sealed,
    ) -> Result<usize, ChannelError> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = output.io_slices(&mut slices);
        let slices = slices.get(..filled).unwrap_or_default();
        let first: &[u8] = slices.first().map_or(&[], |slice| slice);
        if RECORD_BYTES <= first.len() {
            let whole = first.len().min(budget) / RECORD_BYTES * RECORD_BYTES;
            let count = if whole == 0 { first.len().min(budget) } else { whole };
            self.encrypt(first.get(..count).unwrap_or_default(), sealed)?;
            return Ok(count);
        }
        gathered.clear();
        for slice in slices {
            let room = RECORD_BYTES.min(budget) - gathered.len();
            gathered.extend_from_slice(slice.get(..room).unwrap_or(slice));
            if room <= slice.len() {
                break;
            }
        }
        self.encrypt(gathered, sealed)?;
        Ok(gathered.len())
    }

    /// Encrypts bytes, in as many records as they need.
    fn encrypt(&mut self, bytes: &[u8], sealed: &mut Sealed) -> Result<(), ChannelError> {
        let records = bytes.len().div_ceil(RECORD_BYTES).max(1);
        let mut needed = bytes.len() + records * OVERHEAD_BYTES;
        loop {
            // What was received in part is handed in each time: the library remembers how far into it it has come. All that could be
            // done with it was done when it was received, so nothing of it is used up here.
            match self.connection.process_tls_records(&mut self.partial).state? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    match traffic.encrypt(bytes, sealed.room(needed)) {
                        Ok(count) => {
                            sealed.advance(count);
                            return Ok(());
                        }
                        Err(EncryptError::InsufficientSize(size)) => needed = size.required_size,
                        Err(EncryptError::EncryptExhausted) => return Err(ChannelError::Exhausted),
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => seal(sealed, |room| data.encode(room))?,
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::PeerClosed => {}
                ConnectionState::ReadTraffic(_)
                | ConnectionState::ReadEarlyData(_)
                | ConnectionState::Closed
                | ConnectionState::BlockedHandshake
                | _ => return Err(ChannelError::Gone),
            }
        }
    }

    /// Tells the client that nothing more comes, if its socket takes that.
    pub(crate) fn close(&mut self, socket: impl AsFd, scratch: &mut Scratch) {
        let sealed = &mut scratch.sealed;
        sealed.length = 0;
        // What is in the way of it is not complete either.
        if !self.outgoing.is_empty() || self.is_handshaking() || self.has_failed {
            return;
        }
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) =
            self.connection.process_tls_records(&mut self.partial).state
            && let Ok(count) = traffic.queue_close_notify(sealed.room(OVERHEAD_BYTES))
        {
            sealed.advance(count);
            let _best_effort = send(&socket, sealed.bytes(), SendFlags::NOSIGNAL);
        }
    }

    /// Sends encrypted bytes, after those that wait; what the socket does not take waits.
    fn dispatch(&mut self, socket: impl AsFd, sealed: &Sealed) -> Result<(), ChannelError> {
        let mut bytes = sealed.bytes();
        if self.outgoing.is_empty() {
            bytes = push(&socket, bytes)?;
        }
        if !bytes.is_empty() {
            self.outgoing.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Sends encrypted bytes that wait; says whether none is left.
    fn drain(&mut self, socket: impl AsFd) -> Result<bool, ChannelError> {
        if self.outgoing.is_empty() {
            return Ok(true);
        }
        let left = push(&socket, &self.outgoing)?.len();
        if left == 0 {
            self.outgoing = Vec::new();
        } else {
            self.outgoing.drain(..self.outgoing.len() - left);
        }
        Ok(left == 0)
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Channel")
            .field("is_handshaking", &self.is_handshaking())
            .field("partial", &self.partial.len())
            .field("outgoing", &self.outgoing.len())
            .finish_non_exhaustive()
    }
}

/// Sends bytes as far as the socket takes them; those that are left.
fn push(socket: impl AsFd, mut bytes: &[u8]) -> Result<&[u8], ChannelError> {
    while !bytes.is_empty() {
        match send(&socket, bytes, SendFlags::NOSIGNAL) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::AGAIN) => break,
            Err(Errno::INTR) => {}
            Err(_) => return Err(ChannelError::Gone),
        }
    }
    Ok(bytes)
}

/// Puts a message of the protocol's own behind what is encrypted.
fn seal(
    sealed: &mut Sealed,
    mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>,
) -> Result<(), ChannelError> {
    let mut needed = RECORD_BYTES;
    loop {
        match encode(sealed.room(needed)) {
            Ok(count) => {
                sealed.advance(count);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(size)) if needed < size.required_size => {
                needed = size.required_size;
            }
            Err(_) => return Err(ChannelError::Gone),
        }
    }
}
