//! A snapshot on its way to several sockets, as it is made.
//!
//! One thread makes it and pushes chunks, another one sends them; each replica is somewhere in the row. What all have is
//! forgotten. Whoever makes it waits while too much is underway. But while the server has gathered so much of the snapshot that
//! writes have to wait for it, a slow replica must not be what they wait for: then more may be underway.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::Replication;

/// Bytes of a chunk.
const CHUNK_BYTES: usize = 128 << 10;
/// Bytes underway.
const UNDERWAY_BYTES: usize = 16 << 20;
/// How long one waits who has nothing else to do, before he looks again whether writes wait.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(20);

/// See the module's page.
#[derive(Default)]
pub(super) struct Transfer {
    state: Mutex<State>,
    room: Condvar,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Arc<Vec<u8>>>,
    /// The number of the first of them.
    first: u64,
    bytes: usize,
    ended: bool,
    /// Nobody wants it any more.
    abandoned: bool,
}

/// What there is to send.
pub(super) enum Chunk {
    Some(Arc<Vec<u8>>),
    /// It is not there yet.
    Later,
    /// There is no more.
    End,
}

impl Transfer {
    /// The chunk with this number.
    pub(super) fn chunk(&self, number: u64) -> Chunk {
        let state = self.state.lock();
        let place = number.checked_sub(state.first).and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| state.chunks.get(place)) {
            Some(chunk) => Chunk::Some(Arc::clone(chunk)),
            None if state.ended => Chunk::End,
            None => Chunk::Later,
        }
    }

    /// Forgets the chunks before this one.
    pub(super) fn forget(&self, before: u64) {
        let mut state = self.state.lock();
        while state.first < before
            && let Some(chunk) = state.chunks.pop_front()
        {
            state.first += 1;
            state.bytes -= chunk.len();
        }
        drop(state);
        self.room.notify_one();
    }

    /// Nobody wants it any more.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock();
        state.abandoned = true;
        state.chunks.clear();
        state.bytes = 0;
        drop(state);
        self.room.notify_one();
    }
}

/// What makes a snapshot a row of chunks.
pub(super) struct Sender {
    pub(super) transfer: Arc<Transfer>,
    pub(super) replication: Arc<Replication>,
    pub(super) gathered: Vec<u8>,
    /// Bytes that may be underway while writes wait.
    pub(super) most_bytes: usize,
}

impl Sender {
    fn push(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.gathered, Vec::with_capacity(CHUNK_BYTES));
        let engine = self.replication.engine.get();
        let is_crowded = || engine.is_some_and(|engine| engine.saving.is_crowded());
        let mut state = self.transfer.state.lock();
        loop {
            if state.abandoned {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let limit = if is_crowded() { self.most_bytes } else { UNDERWAY_BYTES };
            if state.bytes < limit {
                break;
            }
            self.transfer.room.wait_for(&mut state, PATIENCE);
        }
        state.bytes += chunk.len();
        state.chunks.push_back(Arc::new(chunk));
        drop(state);
        self.replication.wake();
        Ok(())
    }

    /// Sends what is gathered, and says that there is no more.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if !self.gathered.is_empty() {
            self.push()?;
        }
        self.transfer.state.lock().ended = true;
        self.replication.wake();
        Ok(())
    }
}

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if CHUNK_BYTES <= self.gathered.len() {
            self.push()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(transfer: &Arc<Transfer>) -> Sender {
        let replication = Replication::new(Arc::new([]), crate::clock::Clock::start());
        Sender {
            transfer: Arc::clone(transfer),
            replication: Arc::new(replication.expect("a bell")),
            gathered: Vec::new(),
            most_bytes: UNDERWAY_BYTES,
        }
    }

    #[test]
    fn what_is_written_comes_in_chunks_until_the_end() {
        let transfer = Arc::new(Transfer::default());
        let mut sender = sender(&transfer);
        assert!(matches!(transfer.chunk(0), Chunk::Later));
        let bytes: Vec<u8> = (0..300_000_usize).map(|index| index.to_le_bytes()[0]).collect();
        for part in bytes.chunks(1000) {
            sender.write_all(part).expect("somebody wants it");
        }
        sender.finish().expect("somebody wants it");
        let mut read = Vec::new();
        let mut number = 0;
        while let Chunk::Some(chunk) = transfer.chunk(number) {
            read.extend_from_slice(&chunk);
            number += 1;
            transfer.forget(number);
        }
        assert!(matches!(transfer.chunk(number), Chunk::End));
        assert_eq!(read, bytes);
        assert_eq!(transfer.state.lock().bytes, 0);
    }

    #[test]
    fn whoever_makes_it_waits_for_those_who_take_it_and_learns_that_nobody_does() {
        let transfer = Arc::new(Transfer::default());
        let mut sender = sender(&transfer);
        let outcome = std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                let mut written = 0_usize;
                let chunk = vec![0; CHUNK_BYTES];
                loop {
                    match sender.write_all(&chunk) {
                        Ok(()) => written += CHUNK_BYTES,
                        Err(error) => return (written, error.kind()),
                    }
                }
            });
            assert!(harness::wait_until(|| UNDERWAY_BYTES <= transfer.state.lock().bytes));
            transfer.forget(1);
            assert!(harness::wait_until(|| UNDERWAY_BYTES <= transfer.state.lock().bytes));
            transfer.abandon();
            writing.join().expect("it ends")
        });
        assert!(UNDERWAY_BYTES < outcome.0);
        assert_eq!(outcome.1, io::ErrorKind::BrokenPipe);
    }
}
