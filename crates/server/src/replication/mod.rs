//! Serving replicas: the stream of effects, and snapshots to begin with, over the network.
//!
//! ```text
//!  workers --> replication stream --> backlog --> replica 1 (at its own offset)
//!     |                                  |  +---> replica 2
//!     | a client asks for the data       |  +---> ...
//!     +--------> its connection ---------+
//!                                        snapshot thread --> transfer, or a file --> those who begin
//! ```
//!
//! One thread does all of it: a client that asks with PSYNC is handed over to it, socket and all. It takes what workers have
//! recorded into the [`::replication::Backlog`] and writes from there to each replica, without a copy; it reads how far they are, pings
//! them, and drops those that are too slow or silent. A worker wakes it at the end of a round in which something was recorded, but only
//! if it sleeps. After it has sent something it only *dozes* for a moment: it comes back by itself, and is rung for what cannot wait
//! (orders, questions, much that was recorded). So the first write is sent at once, and a busy server makes no system call for the
//! many that follow, which go out together.
//!
//! A **full sync** is a snapshot (see `saving`) with all gates closed at its beginning; its offset is the end of the stream at that
//! moment, and the stream goes on from there for whoever gets it. It goes to several replicas at once: as it is made, over
//! their sockets ([`transfer`]), or from a file that has no name any more. There is one at a time; who asks meanwhile waits for
//! the next.

mod answer;
mod failover;
mod full_sync;
mod link;
mod thread;
mod transfer;

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
use std::sync::{Arc, OnceLock};

use ::replication::SyncRequest;
use engine::Engine;
use engine::clients::ClientRecord;
use engine::replication::Announced;
use parking_lot::Mutex;

use crate::bell::Bell;
use crate::clock::Clock;
use crate::tls::Channel;
use crate::worker::Mailbox;

pub(crate) use thread::{Feeder, tell_workers};

/// What all threads share of it.
pub(crate) struct Replication {
    engine: OnceLock<&'static Engine>,
    clock: Clock,
    mailboxes: Arc<[Mailbox]>,
    orders: Mutex<Vec<Order>>,
    bell: Bell,
    /// How the thread rests, or is about to: one of [`Rest`].
    rest: AtomicU8,
    /// The thread was asked to look at something, and has not begun to.
    rung: AtomicBool,
    /// Up to where the thread has taken the stream, or left it for its next turn.
    taken: AtomicU64,
}

/// How the thread rests, and so for what it has to be rung.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
enum Rest {
    /// It looks by itself.
    Awake,
    /// It comes back in a moment, and is rung for what cannot wait that long.
    Dozing,
    /// It is rung for everything.
    Asleep,
}

/// So many recorded bytes do not wait for a thread that dozes.
const MUCH_BYTES: u64 = 128 << 10;

/// Something for the thread to do.
enum Order {
    /// A client has asked for the data.
    Adopt(Box<Newcomer>),
    /// The process ends.
    Stop { waits: bool },
}

/// A client that has asked for the data.
pub(crate) struct Newcomer {
    pub(crate) socket: OwnedFd,
    /// What encrypts it, if anything does.
    pub(crate) channel: Option<Box<Channel>>,
    pub(crate) record: Arc<ClientRecord>,
    pub(crate) announced: Announced,
    pub(crate) request: SyncRequest,
    /// What it has sent after that.
    pub(crate) input: Vec<u8>,
}

impl Replication {
    pub(crate) fn new(mailboxes: Arc<[Mailbox]>, clock: Clock) -> std::io::Result<Replication> {
        Ok(Replication {
            engine: OnceLock::new(),
            clock,
            mailboxes,
            orders: Mutex::default(),
            bell: Bell::new()?,
            rest: AtomicU8::new(Rest::Awake as u8),
            rung: AtomicBool::new(false),
            taken: AtomicU64::new(0),
        })
    }

    /// Hands a client over.
    pub(crate) fn adopt(&self, newcomer: Box<Newcomer>) {
        self.order(Order::Adopt(newcomer));
    }

    fn order(&self, order: Order) {
        self.orders.lock().push(order);
        self.wake();
    }

    /// Has the thread look at what there is to do.
    pub(crate) fn wake(&self) {
        self.rung.store(true, Ordering::SeqCst);
        self.rouse(Rest::Dozing);
    }

    /// The stream has gone on, or more of it may be known to others.
    pub(crate) fn note_progress(&self) {
        self.rouse(Rest::Asleep);
    }

    /// Wakes the thread, if it rests at least as deeply as that.
    fn rouse(&self, least: Rest) {
        // What was done before has to be seen by a thread that is about to rest, or its rest has to be seen here.
        fence(Ordering::SeqCst);
        if least as u8 <= self.rest.load(Ordering::Relaxed)
            && self.rest.swap(Rest::Awake as u8, Ordering::AcqRel) != Rest::Awake as u8
        {
            self.bell.ring();
        }
    }

    /// How many bytes were recorded that the thread has not taken or left.
    fn untaken(&self, engine: &Engine) -> u64 {
        // After a stream has begun anew the difference is any number but 0, which is all that matters then.
        engine.replication_offset().wrapping_sub(self.taken.load(Ordering::Relaxed))
    }

    /// Wakes the thread if something was recorded that it has not taken: at the end of a worker's round.
    #[inline]
    pub(crate) fn nudge(&self, engine: &Engine) {
        if engine.effects.has_replicas() {
            match self.untaken(engine) {
                0 => {}
                1..MUCH_BYTES => self.rouse(Rest::Asleep),
                MUCH_BYTES.. => self.rouse(Rest::Dozing),
            }
        }
    }
}
