//! A worker: one thread, one event loop, its connections.
//!
//! A round: wait until something is ready, enter the gate, serve every connection that is ready (read once, execute all
//! complete requests, write once), look after timers, leave the gate. Nothing in a round waits.

mod accept;
mod connection;
mod mailbox;
mod poller;
mod read;
mod round;
mod timers;
mod write;

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use engine::clients::ClientId;
use engine::{Engine, Time};
use resp::{Batch, Output};

pub(crate) use mailbox::{Mail, Mailbox};

use crate::clock::Clock;
use crate::log;
use connection::Connection;
use poller::{Interest, Poller, Token};

/// Bytes read at once: several pipelines, and it stays in the second level of cache.
const READ_BYTES: usize = 64 << 10;

/// One worker with all that belongs to it.
pub(crate) struct Worker<'e> {
    engine: &'e Engine,
    worker: engine::Worker<'e>,
    clock: Clock,
    poller: Poller,
    mailboxes: Arc<[Mailbox]>,
    /// By place; a place is used again when its connection is closed.
    connections: Vec<Slot>,
    free: Vec<usize>,
    /// Where clients are, for those who know only their ids.
    places: std::collections::HashMap<ClientId, usize>,
    listeners: Vec<Listener>,
    /// The worker that gets the next connection.
    next_worker: usize,
    buffers: Buffers,
    timers: timers::Timers,
    stopping: bool,
}

/// What connections borrow while they are served.
struct Buffers {
    input: Vec<u8>,
    output: Output,
    batch: Batch,
    /// Counted in this round.
    received: u64,
    sent: u64,
    reads: u64,
    writes: u64,
}

/// A place for a connection. Its generation tells an event for a connection that is gone from one for its successor.
struct Slot {
    generation: u32,
    connection: Option<Box<Connection>>,
}

/// A socket that accepts.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) socket: Arc<OwnedFd>,
    pub(crate) is_unix: bool,
}

/// Tokens of connections are below; above are the mailbox and the listeners.
const MAILBOX: Token = Token(u64::MAX);
const LISTENERS: u64 = u64::MAX - 4096;

impl<'e> Worker<'e> {
    /// The worker with the given number. The one with `listeners` accepts connections and shares them out.
    pub(crate) fn new(
        engine: &'e Engine,
        worker: engine::Worker<'e>,
        mailboxes: Arc<[Mailbox]>,
        listeners: Vec<Listener>,
        clock: Clock,
    ) -> std::io::Result<Worker<'e>> {
        let poller = Poller::new()?;
        if let Some(mailbox) = mailboxes.get(worker.index) {
            poller.add(mailbox, MAILBOX, Interest::Read)?;
        }
        for (listener, token) in listeners.iter().zip(LISTENERS..) {
            poller.add(&listener.socket, Token(token), Interest::Read)?;
        }
        Ok(Worker {
            engine,
            timers: timers::Timers::new(clock.read()),
            worker,
            clock,
            poller,
            mailboxes,
            connections: Vec::new(),
            free: Vec::new(),
            places: std::collections::HashMap::new(),
            listeners,
            next_worker: 0,
            buffers: Buffers {
                input: Vec::with_capacity(READ_BYTES),
                output: Output::new(),
                batch: Batch::new(),
                received: 0,
                sent: 0,
                reads: 0,
                writes: 0,
            },
            stopping: false,
        })
    }

    /// Serves until the process ends.
    pub(crate) fn run(&mut self) -> std::io::Result<()> {
        while !self.stopping {
            let now = self.clock.read();
            self.poller.wait(self.timers.wait_ms(now, self.engine.pause.end_ms()))?;
            self.round();
        }
        Ok(())
    }

    fn round(&mut self) {
        let begin = self.clock.read();
        self.worker.begin_round(Time { unix_us: i64::try_from(begin.unix_us).unwrap_or(i64::MAX) });
        let mut index = 0;
        while let Some(readiness) = self.poller.ready(index) {
            match readiness.token {
                MAILBOX => self.read_mail(),
                Token(token) if LISTENERS <= token => self.accept(token - LISTENERS),
                Token(token) => self.serve(token, readiness),
            }
            index += 1;
        }
        self.run_timers(begin);
        self.worker.end_round();
        self.count_round(begin.monotonic_us);
    }

    fn count_round(&mut self, begin_us: u64) {
        let buffers = &mut self.buffers;
        let elapsed = self.clock.read().monotonic_us.saturating_sub(begin_us);
        self.engine.statistics[self.worker.index].update(|numbers| {
            numbers.net_input_bytes += std::mem::take(&mut buffers.received);
            numbers.net_output_bytes += std::mem::take(&mut buffers.sent);
            numbers.reads_processed += std::mem::take(&mut buffers.reads);
            numbers.writes_processed += std::mem::take(&mut buffers.writes);
            numbers.event_loop_cycles += 1;
            numbers.event_loop_us += elapsed;
        });
    }

    fn read_mail(&mut self) {
        let Some(mailbox) = self.mailboxes.get(self.worker.index) else { return };
        for mail in mailbox.take() {
            match mail {
                Mail::Adopt(socket, record) => self.adopt(socket, record),
                Mail::Close(id) => {
                    if let Some(&place) = self.places.get(&id) {
                        self.close(place);
                    }
                }
                Mail::Listen(listeners) => self.listen(listeners),
                Mail::Resume => self.timers.resume(),
                Mail::Stop => self.stopping = true,
            }
        }
    }

    /// Accepts from these sockets instead of those before.
    fn listen(&mut self, listeners: Vec<Listener>) {
        for listener in std::mem::replace(&mut self.listeners, listeners) {
            if let Err(error) = self.poller.remove(&listener.socket) {
                log::warning(format_args!("Error forgetting a listening socket: {error}"));
            }
        }
        for (listener, token) in self.listeners.iter().zip(LISTENERS..) {
            if let Err(error) = self.poller.add(&listener.socket, Token(token), Interest::Read) {
                log::warning(format_args!("Error registering a listening socket: {error}"));
            }
        }
    }

    /// Closes a connection at once; replies not sent yet are lost.
    fn close(&mut self, place: usize) {
        let Some(connection) =
            self.connections.get_mut(place).and_then(|slot| slot.connection.take())
        else {
            return;
        };
        // Closing the descriptor removes it from the poller, too.
        let id = connection.session.id();
        self.places.remove(&id);
        self.free.push(place);
        self.engine.clients.remove(id);
    }
}

thread_local! {
    /// The client that this thread serves; 0 if none.
    static CURRENT: Cell<ClientId> = const { Cell::new(0) };
}

/// The client that the calling thread serves, for a report of a crash; 0 if it serves none.
pub(crate) fn current_client() -> ClientId {
    CURRENT.get()
}

/// The token of the connection at a place.
fn token(generation: u32, place: usize) -> Token {
    Token(u64::from(generation) << 32 | place as u64)
}
