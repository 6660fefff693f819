//! One replica's connection: what it is sent, and what it says.
//!
//! ```text
//!  Waiting -- a snapshot begins --> Saving ---- the file is there -----> File --- all is sent --+
//!     |                                                                                         v
//!     |                       or --> Streaming -- all is sent --> Transmitted -- it says so --> Online
//!     +-- what it misses is in the backlog ---------------------------------------------------> Online
//! ```

use std::fs::File;
use std::io::IoSlice;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ::replication::Backlog;
use engine::replication::{AttachedReplica, ReplicaPhase};
use resp::{Batch, ParseStatus, RequestLimits, RequestParser, Words};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use super::transfer::{Chunk, Transfer};
use crate::tls::{Arrival, Channel, Scratch};
use crate::worker::poller::Interest;

/// A replica's connection.
pub(super) struct Link {
    pub(super) socket: OwnedFd,
    /// What encrypts it, if anything does.
    pub(super) sealing: Option<Box<Sealing>>,
    pub(super) attached: Arc<AttachedReplica>,
    pub(super) stage: Stage,
    /// The offset of what it is sent next of the stream; none before that is known.
    pub(super) cursor: Option<u64>,
    /// It asked with SYNC: it is answered nothing, and acknowledges nothing.
    pub(super) is_old: bool,
    /// What it is sent before anything else.
    head: Vec<u8>,
    head_sent: usize,
    input: Vec<u8>,
    pub(super) interest: Interest,
    /// The socket takes no more at the moment.
    pub(super) is_blocked: bool,
    /// In ms of the monotonic clock: when it asked, and when it took something last.
    pub(super) asked_ms: u64,
    pub(super) progress_ms: u64,
    ending: Ending,
    /// Since when it is over the soft limit of what may wait for it.
    pub(super) over_soft_limit_since_ms: Option<u64>,
}

/// Whether there will be more for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    NotYet,
    /// It is closed when all is sent.
    WhenSent,
    /// It was told that nothing more comes.
    Told,
}

/// What encrypts a connection, with what that works with.
pub(super) struct Sealing {
    channel: Box<Channel>,
    scratch: Scratch,
}

impl Sealing {
    pub(super) fn new(channel: Box<Channel>) -> Sealing {
        Sealing { channel, scratch: Scratch::default() }
    }
}

/// What it is sent.
pub(super) enum Stage {
    /// Nothing, before a snapshot begins.
    Waiting,
    /// Nothing, before the snapshot is whole.
    Saving,
    /// The snapshot, from a file.
    File { file: Arc<File>, position: u64, end: u64 },
    /// The snapshot, as it is made: the number of the chunk, and how much of that was sent.
    Streaming { transfer: Arc<Transfer>, number: u64, sent: usize, mark: [u8; 40] },
    /// Nothing, before it says that it has loaded the snapshot.
    Transmitted,
    /// The stream.
    Online,
}

/// How a connection is after it was served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Served {
    Goes,
    /// All of the snapshot was sent just now.
    Transmitted,
    Ends,
}

/// What a replica says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Acknowledged {
    pub(super) offset: u64,
    pub(super) durable: Option<u64>,
}

/// Bytes of a file that are read at once.
const FILE_BYTES: usize = 256 << 10;
/// So many slices are written at once.
const SLICES: usize = 64;
/// After so many bytes others have their turn.
const TURN_BYTES: usize = 4 << 20;
/// A replica says little: one that sends more without saying anything is none.
const INPUT_BYTES: usize = 1 << 20;

impl Link {
    pub(super) fn new(
        socket: OwnedFd,
        attached: Arc<AttachedReplica>,
        is_old: bool,
        input: Vec<u8>,
        now_ms: u64,
    ) -> Link {
        Link {
            socket,
            sealing: None,
            attached,
            stage: Stage::Waiting,
            cursor: None,
            is_old,
            head: Vec::new(),
            head_sent: 0,
            input,
            interest: Interest::READ,
            is_blocked: false,
            asked_ms: now_ms,
            progress_ms: now_ms,
            ending: Ending::NotYet,
            over_soft_limit_since_ms: None,
        }
    }

    pub(super) fn is_online(&self) -> bool {
        matches!(self.stage, Stage::Online)
    }

    /// Whether it is to be closed when all is sent.
    pub(super) fn closes(&self) -> bool {
        self.ending == Ending::WhenSent
    }

    /// It gets nothing more, and is closed when all is sent.
    pub(super) fn close_when_sent(&mut self) {
        self.ending = Ending::WhenSent;
    }

    /// Goes on to another stage.
    pub(super) fn enter(&mut self, stage: Stage, now_ms: u64) {
        let phase = match &stage {
            Stage::Waiting | Stage::Saving | Stage::Streaming { .. } => {
                ReplicaPhase::WaitsForSnapshot
            }
            Stage::File { .. } => ReplicaPhase::ReceivesSnapshot,
            Stage::Transmitted | Stage::Online => ReplicaPhase::Online,
        };
        self.stage = stage;
        self.progress_ms = now_ms;
        self.attached.set_phase(phase);
    }

    /// Sends this before anything else.
    pub(super) fn say(&mut self, bytes: &[u8]) {
        if self.head_sent == self.head.len() {
            self.head.clear();
            self.head_sent = 0;
        }
        self.head.extend_from_slice(bytes);
    }

    /// Bytes of the stream that wait for it.
    pub(super) fn pending(&self, end: u64) -> u64 {
        self.cursor.map_or(0, |cursor| end.saturating_sub(cursor))
    }

    /// Whether there is something to send.
    pub(super) fn has_output(&self, end: u64) -> bool {
        self.head_sent < self.head.len()
            || self.is_sealing()
            || match &self.stage {
                Stage::Waiting | Stage::Saving | Stage::Transmitted => false,
                Stage::File { .. } => true,
                Stage::Streaming { transfer, number, .. } => {
                    !matches!(transfer.chunk(*number), Chunk::Later)
                }
                Stage::Online => self.cursor.is_some_and(|cursor| cursor < end),
            }
    }

    /// Whether encrypted bytes wait for the socket.
    fn is_sealing(&self) -> bool {
        self.sealing.as_ref().is_some_and(|sealing| sealing.channel.pending() != 0)
    }

    /// Sends what there is, as far as the socket takes it and others need not wait for long. Gives how many bytes that were.
    pub(super) fn send(&mut self, backlog: Option<&Backlog>, now_ms: u64) -> (Served, u64) {
        let mut total = 0;
        self.is_blocked = false;
        let served = loop {
            if TURN_BYTES <= total {
                break Served::Goes;
            }
            match self.send_some(backlog) {
                Ok(Step::Sent(count)) => total += count,
                Ok(Step::Nothing) => {
                    self.is_blocked = self.is_sealing();
                    break Served::Goes;
                }
                Ok(Step::Transmitted) => break Served::Transmitted,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.is_blocked = true;
                    break Served::Goes;
                }
                Err(_) => break Served::Ends,
            }
        };
        if 0 < total {
            self.progress_ms = now_ms;
        }
        (served, total as u64)
    }

    fn send_some(&mut self, backlog: Option<&Backlog>) -> Result<Step, Errno> {
        if self.is_sealing() {
            // Encrypted before, and to go before anything else.
            match push(&self.socket, &mut self.sealing, &[]) {
                Ok(_) => {}
                Err(Errno::AGAIN) if !self.is_sealing() => {}
                Err(error) => return Err(error),
            }
        }
        let rest = self.head.get(self.head_sent..).unwrap_or_default();
        if !rest.is_empty() {
            let count = push(&self.socket, &mut self.sealing, rest)?;
            self.head_sent += count;
            return Ok(Step::Sent(count));
        }
        match &mut self.stage {
            Stage::Waiting | Stage::Saving | Stage::Transmitted => Ok(Step::Nothing),
            Stage::File { file, position, end } => {
                let sealing = &mut self.sealing;
                send_file(file, position, *end, |bytes| push(&self.socket, sealing, bytes))
            }
            Stage::Streaming { transfer, number, sent, mark } => match transfer.chunk(*number) {
                Chunk::Later => Ok(Step::Nothing),
                Chunk::End => {
                    let mark = *mark;
                    self.stage = Stage::Transmitted;
                    self.say(&mark);
                    Ok(Step::Transmitted)
                }
                Chunk::Some(chunk) => {
                    let rest = chunk.get(*sent..).unwrap_or_default();
                    let count = push(&self.socket, &mut self.sealing, rest)?;
                    *sent += count;
                    if chunk.len() <= *sent {
                        *number += 1;
                        *sent = 0;
                    }
                    Ok(Step::Sent(count))
                }
            },
            Stage::Online => {
                let (Some(backlog), Some(cursor)) = (backlog, &mut self.cursor) else {
                    return Ok(Step::Nothing);
                };
                let mut slices = [IoSlice::new(&[]); SLICES];
                let filled = backlog.slices(*cursor, &mut slices);
                if filled == 0 {
                    return Ok(Step::Nothing);
                }
                // SIGPIPE is ignored by the process.
                let slices = slices.get(..filled).unwrap_or_default();
                let count = if self.sealing.is_some() {
                    let first: &[u8] = slices.first().map_or(&[], |slice| slice);
                    push(&self.socket, &mut self.sealing, first)?
                } else {
                    rustix::io::writev(&self.socket, slices)?
                };
                *cursor += count as u64;
                Ok(Step::Sent(count))
            }
        }
    }

    /// Reads what it says: how far it is. The last word counts. `Err` if it is gone.
    pub(super) fn receive(&mut self) -> Result<Option<Acknowledged>, Gone> {
        let mut said = None;
        loop {
            self.input.reserve(4096);
            if let Some(sealing) = &mut self.sealing {
                let Sealing { channel, scratch } = &mut **sealing;
                let input = &mut self.input;
                match channel.receive(&self.socket, scratch, |it| input.extend_from_slice(it)) {
                    Ok(Arrival::Bytes(_)) => {}
                    Ok(Arrival::Nothing) => break,
                    Ok(Arrival::End) | Err(_) => return Err(Gone),
                }
                said = self.listen()?.or(said);
                if INPUT_BYTES < self.input.len() {
                    return Err(Gone);
                }
                continue;
            }
            match rustix::io::read(&self.socket, rustix::buffer::spare_capacity(&mut self.input)) {
                Ok(0) => return Err(Gone),
                Ok(_) => {}
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => continue,
                Err(_) => return Err(Gone),
            }
            said = self.listen()?.or(said);
            if INPUT_BYTES < self.input.len() {
                return Err(Gone);
            }
        }
        Ok(said)
    }

    /// Takes out what it has said in whole requests.
    pub(super) fn listen(&mut self) -> Result<Option<Acknowledged>, Gone> {
        let mut batch = Batch::new();
        let status = RequestParser::new().parse(
            &self.input,
            0,
            &mut batch,
            &RequestLimits::default(),
            usize::MAX,
        );
        let requests = (0..batch.len()).map(|index| batch.words(index, &self.input));
        let said = requests.filter_map(acknowledged).next_back();
        let consumed = batch.consumed();
        self.input.drain(..consumed.min(self.input.len()));
        if matches!(status, ParseStatus::Failed(_)) {
            return Err(Gone);
        }
        Ok(said)
    }

    /// Says that nothing more comes.
    pub(super) fn finish(&mut self) {
        if self.ending != Ending::Told {
            self.ending = Ending::Told;
            if let Some(sealing) = &mut self.sealing {
                sealing.channel.close(&self.socket, &mut sealing.scratch);
            }
            // If it fails, the other side is gone.
            let _gone = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write);
        }
    }

    /// What to wait for.
    pub(super) fn wants(&self) -> Interest {
        Interest { read: true, write: self.is_blocked, hang_up: true }
    }

    /// Notes what others may see of what waits for it.
    pub(super) fn note_buffers(&self, end: u64) {
        let pending = usize::try_from(self.pending(end)).unwrap_or(usize::MAX);
        let record = &self.attached.client;
        record.output.store(pending, Relaxed);
        record.output_memory.store(self.head.capacity(), Relaxed);
        record
            .memory
            .store(size_of::<Link>() + self.head.capacity() + self.input.capacity(), Relaxed);
    }
}

/// It is gone, or says what no replica says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Gone;

/// What one system call did.
enum Step {
    Sent(usize),
    Nothing,
    Transmitted,
}

/// Sends bytes, encrypted if need be, as far as the socket takes them; an error if it takes none.
fn push(
    socket: &OwnedFd,
    sealing: &mut Option<Box<Sealing>>,
    bytes: &[u8],
) -> Result<usize, Errno> {
    let Some(sealing) = sealing else { return send(socket, bytes, SendFlags::NOSIGNAL) };
    let Sealing { channel, scratch } = &mut **sealing;
    match channel.send(socket, bytes, scratch) {
        Ok(0) => Err(Errno::AGAIN),
        Ok(count) => Ok(count),
        Err(_) => Err(Errno::PIPE),
    }
}

fn send_file(
    file: &File,
    position: &mut u64,
    end: u64,
    push: impl FnOnce(&[u8]) -> Result<usize, Errno>,
) -> Result<Step, Errno> {
    let rest = usize::try_from(end.saturating_sub(*position)).unwrap_or(usize::MAX);
    if rest == 0 {
        return Ok(Step::Transmitted);
    }
    let mut bytes = vec![0; rest.min(FILE_BYTES)];
    let read = rustix::io::pread(file, &mut bytes, *position)?;
    if read == 0 {
        // It is shorter than it was: nobody but this process has it.
        return Err(Errno::IO);
    }
    let count = push(bytes.get(..read).unwrap_or_default())?;
    *position += count as u64;
    Ok(Step::Sent(count))
}

/// What a request acknowledges, if it is `REPLCONF ACK offset [FACK offset]`.
fn acknowledged(words: Words<'_>) -> Option<Acknowledged> {
    let is = |index: usize, keyword: &[u8]| {
        words.get(index).is_some_and(|word| word.eq_ignore_ascii_case(keyword))
    };
    let number = |index: usize| {
        words.get(index).and_then(resp::number::parse_integer).and_then(|it| u64::try_from(it).ok())
    };
    if !is(0, b"REPLCONF") || !is(1, b"ACK") {
        return None;
    }
    let durable = if is(3, b"FACK") { number(4) } else { None };
    Some(Acknowledged { offset: number(2)?, durable })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;

    use engine::clients::{Clients, Peer};
    use engine::replication::Announced;

    use super::*;

    fn link() -> (Link, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        ours.set_nonblocking(true).expect("it does not block");
        let record = Clients::default().add(Peer::default(), 0, 0);
        let attached = AttachedReplica::new(record, Announced::default(), 0);
        (Link::new(ours.into(), Arc::new(attached), false, Vec::new(), 0), theirs)
    }

    #[test]
    fn the_last_word_of_a_replica_counts() {
        let (mut link, mut replica) = link();
        assert_eq!(link.receive(), Ok(None));
        let mut bytes = Vec::new();
        resp::value::encode_request(&["REPLCONF", "ACK", "5"], &mut bytes);
        resp::value::encode_request(&["replconf", "ack", "70", "fack", "60"], &mut bytes);
        resp::value::encode_request(&["PING"], &mut bytes);
        let (first, rest) = bytes.split_at(bytes.len() - 7);
        replica.write_all(first).expect("it is read");
        let said = Acknowledged { offset: 70, durable: Some(60) };
        assert_eq!(link.receive(), Ok(Some(said)));
        replica.write_all(rest).expect("it is read");
        assert_eq!(link.receive(), Ok(None), "the rest of what says nothing");
        for wrong in ["REPLCONF ACK -1\r\n", "REPLCONF ACK x\r\n", "REPLCONF ACK\r\n", "\r\n"] {
            replica.write_all(wrong.as_bytes()).expect("it is read");
            assert_eq!(link.receive(), Ok(None), "{wrong}");
        }
        replica.write_all(b"*1\r\nnonsense\r\n").expect("it is read");
        assert_eq!(link.receive(), Err(Gone));
    }

    #[test]
    fn a_replica_that_has_left_is_gone() {
        let (mut link, replica) = link();
        drop(replica);
        assert_eq!(link.receive(), Err(Gone));
    }

    #[test]
    fn the_answer_comes_before_the_stream_and_the_stream_from_where_it_is() {
        let (mut link, mut replica) = link();
        let mut backlog = Backlog::new(10);
        backlog.append(b"0123456789".to_vec());
        link.say(b"+CONTINUE\r\n");
        link.cursor = Some(14);
        assert!(link.has_output(20));
        link.enter(Stage::Online, 1);
        assert_eq!(link.pending(20), 6);
        assert_eq!(link.send(Some(&backlog), 2), (Served::Goes, 17));
        let mut read = [0; 17];
        replica.read_exact(&mut read).expect("it was sent");
        assert_eq!(&read, b"+CONTINUE\r\n456789");
        assert!(!link.has_output(20));
    }
}
