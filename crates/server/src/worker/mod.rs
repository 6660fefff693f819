//! A worker: one thread, one event loop, its connections.
//!
//! A round: wait until something is ready, enter the gate, serve every connection that is ready (read once, execute the
//! complete requests, write once), then those that have more to execute than one turn allows, look after timers, leave the
//! gate. Nothing in a round waits, and what one connection can make of a round is bounded, so that the others are served.
//!
//! Invariants:
//! - A connection is in its place, or in the hands of the one function that serves it and puts it back or ends it.
//! - Whoever names a connection does it by its token, so nobody reaches its successor.
//! - A client that was killed calls nothing any more: whoever begins to serve it looks first.

mod accept;
mod ahead;
mod attend;
mod blocking;
mod bounds;
mod commit;
mod connection;
mod deliver;
mod input;
mod mailbox;
mod places;
pub(crate) mod poller;
mod read;
mod replicate;
mod round;
mod sealed;
mod timers;
mod walk;
mod write;

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use engine::clients::ClientId;
use engine::session::Session;
use engine::{Engine, Served, Time};
use resp::{Batch, Output};

pub(crate) use mailbox::{Mail, Mailbox};

use crate::append_only::AppendOnly;
use crate::clock::{Clock, Moment};
use crate::log;
use crate::replication::Replication;
use crate::tls::{Scratch, Terms};
use connection::{Connection, State};
use places::Places;
use poller::{Interest, Poller, Token};

/// Bytes read at once: several pipelines, and it stays in the second level of cache.
const READ_BYTES: usize = 64 << 10;

/// One worker with all that belongs to it.
pub(crate) struct Worker<'e> {
    engine: &'e Engine,
    /// Of the engine.
    share: Box<engine::Worker<'e>>,
    /// What takes the place of the share while that executes calls; nothing while it does.
    stand_in: Option<Box<engine::Worker<'e>>>,
    /// Clients that have left while a script kept the engine from taking leave of them.
    departed: Vec<Session>,
    clock: Clock,
    poller: Poller,
    mailboxes: Arc<[Mailbox]>,
    places: Places,
    /// Connections that have more to execute than one turn allows.
    waiting: Vec<Token>,
    /// Connections that were given something to send, which is not written yet.
    receiving: Vec<Token>,
    listeners: Vec<Listener>,
    door: accept::Door,
    buffers: Buffers,
    /// For connections that are encrypted.
    scratch: Scratch,
    ahead: ahead::Lookahead,
    timers: timers::Timers,
    /// Clients of this worker whose waits have ended.
    served: Vec<Served>,
    append_only: Arc<AppendOnly>,
    replication: Arc<Replication>,
    held: commit::Held,
    /// Bytes by which connections have grown since it was last looked at what all of them take.
    grown: usize,
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

/// A socket that accepts.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) socket: Arc<OwnedFd>,
    pub(crate) kind: ListenerKind,
}

/// What comes in at a listener.
#[derive(Clone, Debug)]
pub(crate) enum ListenerKind {
    /// Plain bytes over TCP.
    Tcp,
    /// Encrypted ones, on the terms that hold when a client comes.
    Tls(Arc<Terms>),
    /// Plain bytes through a Unix socket.
    Unix,
}

/// Tokens of connections are below; above are the mailbox and the listeners.
const MAILBOX: Token = Token(u64::MAX);
const LISTENERS: u64 = u64::MAX - 4096;

/// How long calls wait that find too much of a snapshot unwritten, before they are tried again.
const CROWDED_US: u64 = 500;

impl<'e> Worker<'e> {
    /// The worker with the given number. The one with `listeners` accepts connections and shares them out.
    pub(crate) fn new(
        engine: &'e Engine,
        share: engine::Worker<'e>,
        mailboxes: Arc<[Mailbox]>,
        listeners: Vec<Listener>,
        (append_only, replication): (Arc<AppendOnly>, Arc<Replication>),
        clock: Clock,
    ) -> std::io::Result<Worker<'e>> {
        let poller = Poller::new()?;
        if let Some(mailbox) = mailboxes.get(share.index) {
            poller.add(mailbox, MAILBOX, Interest::READ)?;
        }
        for (listener, token) in listeners.iter().zip(LISTENERS..) {
            poller.add(&listener.socket, Token(token), Interest::READ)?;
        }
        Ok(Worker {
            engine,
            timers: timers::Timers::new(clock.read().monotonic_us),
            stand_in: Some(Box::new(engine::Worker::stand_in(engine, share.index))),
            share: Box::new(share),
            departed: Vec::new(),
            clock,
            poller,
            mailboxes,
            places: Places::default(),
            waiting: Vec::new(),
            receiving: Vec::new(),
            listeners,
            door: accept::Door::default(),
            buffers: Buffers {
                input: Vec::with_capacity(READ_BYTES),
                output: Output::new(),
                batch: Batch::new(),
                received: 0,
                sent: 0,
                reads: 0,
                writes: 0,
            },
            scratch: Scratch::default(),
            ahead: ahead::Lookahead::new(),
            served: Vec::new(),
            append_only,
            replication,
            held: commit::Held::default(),
            grown: 0,
            stopping: false,
        })
    }

    /// Serves until the process ends.
    pub(crate) fn run(&mut self) -> std::io::Result<()> {
        let mut now = self.clock.read();
        while !self.stopping {
            let is_idle = self.waiting.is_empty() && self.served.is_empty();
            let timeout_us = if is_idle {
                self.idle_us(now)
            } else if self.engine.saving.is_crowded() {
                // Calls that have to wait for the disk are tried again a little later.
                CROWDED_US
            } else {
                0
            };
            let timeout_us = self.until_walk_us(timeout_us);
            let timeout_us = if self.is_gathering() { 0 } else { self.patience_us(timeout_us) };
            self.poller.wait(timeout_us)?;
            now = self.round();
        }
        Ok(())
    }

    /// One round; the time at its end.
    fn round(&mut self) -> Moment {
        let begin = self.clock.read();
        self.engine.statistics[self.share.index].begin_round(begin.monotonic_us);
        self.share.begin_round(Time { unix_us: i64::try_from(begin.unix_us).unwrap_or(i64::MAX) });
        self.take_leave();
        if self.share.have_rights_changed() {
            self.close_excluded();
        }
        let several = self.poller.ready(1).is_some();
        let mut index = 0;
        while let Some(readiness) = self.poller.ready(index) {
            self.share.make_way();
            match readiness.token {
                MAILBOX => self.read_mail(),
                Token(token) if LISTENERS <= token => self.accept(token - LISTENERS),
                _ if several => self.look_ahead(readiness),
                _ => self.serve(readiness),
            }
            self.deliver();
            self.commit_much();
            index += 1;
        }
        self.catch_up();
        self.deliver();
        // Those that have to wait once more are for the next round.
        for token in std::mem::take(&mut self.waiting) {
            self.share.make_way();
            self.resume(token, State::Waiting);
            self.deliver();
            self.commit_much();
        }
        if !self.share.is_barred() {
            self.run_timers(begin);
        }
        self.dispatch();
        self.answer_served();
        self.share.broadcast();
        self.deliver();
        if !self.gathers(begin, index) {
            self.commit();
        }
        self.keep_pace();
        self.walk_on(begin);
        self.limit_clients(false);
        self.share.end_round();
        self.replication.nudge(self.engine);
        self.count_round(begin)
    }

    fn count_round(&mut self, begin: Moment) -> Moment {
        let buffers = &mut self.buffers;
        let end = self.clock.read();
        self.engine.statistics[self.share.index].end_round();
        self.engine.statistics[self.share.index].update(|numbers| {
            numbers.net_input_bytes += std::mem::take(&mut buffers.received);
            numbers.net_output_bytes += std::mem::take(&mut buffers.sent);
            numbers.reads_processed += std::mem::take(&mut buffers.reads);
            numbers.writes_processed += std::mem::take(&mut buffers.writes);
            numbers.event_loop_cycles += 1;
            numbers.event_loop_us += end.monotonic_us.saturating_sub(begin.monotonic_us);
        });
        end
    }

    fn read_mail(&mut self) {
        let Some(mailbox) = self.mailboxes.get(self.share.index) else { return };
        for mail in mailbox.take() {
            match mail {
                Mail::Adopt(newcomer) => self.adopt(newcomer),
                Mail::Close(id) => {
                    if let Some(token) = self.places.of_client(id) {
                        self.close(token);
                    }
                }
                Mail::Listen(listeners) => self.listen(listeners),
                Mail::Served(served) => self.served.push(served),
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
            if let Err(error) = self.poller.add(&listener.socket, Token(token), Interest::READ) {
                log::warning(format_args!("Error registering a listening socket: {error}"));
            }
        }
    }

    /// Closes connections that listen to what their users may not listen to any more.
    #[cold]
    fn close_excluded(&mut self) {
        let share = &self.share;
        for token in self.places.which(|connection| !share.may_listen(&connection.session)) {
            self.close(token);
        }
    }

    /// Closes a connection at once; replies not sent yet are lost.
    fn close(&mut self, token: Token) {
        if let Some(connection) = self.places.take(token) {
            self.end(token, connection);
        }
    }

    /// Closes a connection that was taken out of its place.
    fn end(&mut self, token: Token, mut connection: Box<Connection>) {
        self.forget_deadline(token, &mut connection);
        self.places.forget(token, &connection);
        self.bid_farewell(&mut connection);
        self.engine.clients.remove(connection.session.id());
        if self.share.is_barred() {
            let Connection { session, .. } = *connection;
            self.departed.push(session);
            return;
        }
        self.share.forget(&mut connection.session);
        // Closing the descriptor removes it from the poller, too.
        drop(connection);
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
